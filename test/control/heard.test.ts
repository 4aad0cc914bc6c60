// Whoever has taken over a worker can't end control, nor fill it: what is no look, no news and no question is heard once, and the worker is
// replaced.
import * as fc from "fast-check";
import t from "tap";
import { Channel } from "../../lib/channel/channel.js";
import { TreeWorkers } from "../../lib/control/tree-workers.js";
import { native } from "../../lib/native.js";
import { VirtualClock } from "../../lib/testing/virtual-clock.js";
import { until } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import { mutated } from "../support/mutated.js";
import { figures, LOOK, Pair, SERVING, SET } from "./pair.js";

t.test("what a worker says of its own disks is heard, of others not", async (t) => {
	const pair = new Pair(t);
	t.strictSame(await pair.workers.serving(), SERVING.disks);
	pair.answer(LOOK, figures());
	const [look] = await pair.looks();
	t.strictSame(
		look?.figures.map(({ name }) => name),
		["web"],
	);
	t.strictSame(pair.replaced, []);
});

t.test("a look that was asked for before a change says nothing of it", async (t) => {
	const pair = new Pair(t);
	await pair.workers.serving();
	const bytes = new Uint8Array(Float64Array.from(figures()).buffer);
	let answer = (): void => {};
	pair.answers.look = new Promise((resolve) => {
		answer = () => resolve({ body: LOOK, bytes });
	});
	t.strictSame(await pair.workers.look(), [], "it is under way");
	const [disk] = LOOK.disks;
	pair.answers.fence = { body: { report: { ...disk, exports: [] } } };
	await pair.workers.fence("web", true);
	t.strictSame(pair.seen, ["web undefined"], "what has become of the disk is known when the change is");
	answer();
	t.match(await pair.looks(), [{ views: [] }]);
	pair.answer(LOOK, figures());
	t.match(await pair.looks(), [{ views: [{ name: "web" }] }], "the next one does");
	pair.answers.fence = { body: { report: { ...disk, name: "other" } } };
	await t.rejects(pair.workers.fence("web", false), /reports on another disk/);
	t.strictSame(pair.replaced, [0]);
});

t.test("what one message does not hold is asked for at once", async (t) => {
	const pair = new Pair(t);
	await pair.workers.serving();
	pair.answer({ ...LOOK, disks: [], isMore: true }, figures());
	pair.answers.reports = { body: { disks: LOOK.disks, isMore: false } };
	t.match(await pair.looks(), [{ views: [{ name: "web", sizeBytes: 512 }] }]);
	pair.answers.reports = { body: { disks: [], isMore: true } };
	t.match(await pair.looks(), [{ views: [] }], "but not for ever");
	pair.answers.reports = { body: { disks: [{}], isMore: false } };
	t.strictSame(await pair.workers.look(), []);
	await until("it is replaced", () => pair.replaced.length === 1, LIMIT_MS);
});

t.test("a worker that never comes to an end of what it serves", async (t) => {
	const pair = new Pair(t);
	pair.answers.serving = { body: { disks: [], isMore: true } };
	t.strictSame(await pair.workers.serving(), []);
});

t.test("figures that are none", async (t) => {
	const wrong: [number[], number][] = [[figures(), 1]];
	for (const value of [Number.NaN, -1, Infinity, 99, 0.5, 2 ** 53])
		for (let at = 0; at < figures().length; at += 3) wrong.push([figures().with(at, value), 0]);
	for (const [numbers, cut] of wrong) {
		const pair = new Pair(t);
		await pair.workers.serving();
		pair.answer(LOOK, numbers, cut);
		const looks = await pair.workers.look();
		if (looks.length > 0) continue;
		t.strictSame(pair.replaced, [0]);
		t.match(pair.happened, [{ severity: "error", message: /heard no more/ }]);
		t.strictSame(await pair.workers.look(), [], "nor is it asked again");
	}
});

t.test("whatever it answers", async (t) => {
	await fc.assert(
		fc.asyncProperty(mutated(SERVING), mutated(LOOK), async (serving, look) => {
			const pair = new Pair(t);
			pair.answers.serving = { body: serving };
			pair.answer(look, figures());
			const served = await pair.workers.serving();
			const looks = await pair.workers.look();
			t.ok(served.length > 0 || looks.length > 0 || pair.replaced.length > 0 || serving.disks?.length === 0);
			pair.worker.close();
		}),
		{ numRuns: 200 },
	);
});

t.test("news without end, and what is no news", async (t) => {
	const flood = new Pair(t);
	const body = { kind: "happened", level: "info", message: "x" };
	flood.worker.tell({ body: { ...body, message: "x".repeat(5000) } });
	for (let told = 0; told < 25_000 && flood.worker.tell({ body }); told++)
		if (told % 500 === 0) await new Promise((resolve) => setImmediate(resolve));
	await until("it is replaced", () => flood.replaced.length === 1, LIMIT_MS);
	t.ok(flood.happened.length < 22_000, `${flood.happened.length}`);
	t.ok(flood.happened.every(({ message }) => message.length <= 4096));
	for (const wrong of [{}, { kind: "set" }, { ...body, level: "fatal" }, { ...body, message: 1 }]) {
		const pair = new Pair(t);
		pair.worker.tell({ body: wrong });
		await until("it is replaced", () => pair.replaced.length === 1, LIMIT_MS);
	}
});

t.test("whatever it refuses with is a refusal, and no bug of ours", async (t) => {
	const pair = new Pair(t);
	const refusal = Object.assign(new Error("Input/output error"), { step: "open", errno: 5 });
	for (const kind of ["fence", "remove", "serving", "look"]) pair.refusals.set(kind, refusal);
	await t.rejects(pair.workers.fence("web", true), { name: "OperatorError", message: /^worker 0: .*Input/ });
	await t.rejects(pair.workers.remove("web", false), { name: "OperatorError" });
	t.strictSame(await pair.workers.look(), []);
	t.strictSame(await pair.workers.serving(), []);
	t.strictSame(pair.replaced, [0], "who does not even say what it serves is replaced");
});

t.test("news of its own disks and pools are events of their kinds, of others mere lines", async (t) => {
	const pair = new Pair(t);
	await pair.workers.serving();
	const news = { kind: "happened", level: "warn", message: "m" };
	const subject = { kind: "rival", disk: "web", link: "eth0", initiator: "made up" };
	for (const disk of ["web", "other"]) pair.worker.tell({ body: { ...news, subject: { ...subject, disk } } });
	await until("both are heard", () => pair.happened.length === 2, LIMIT_MS);
	const told = { severity: "warning", message: "m", isLogged: true };
	t.strictSame(pair.happened, [
		{ ...told, kind: "rival", disk: "web", link: "eth0" },
		{ ...told, kind: "log" },
	]);
	pair.refusals.set("pool", Object.assign(new Error("Input/output error"), { step: "open", errno: 5 }));
	await t.rejects(pair.workers.pool("/srv/fast", { act: "look", isNow: false, sight: { of: "pool" } }));
	const taken = { kind: "snapshot-taken", volume: "web" };
	for (const pool of ["/srv/fast", "/srv/slow"])
		pair.worker.tell({ body: { ...news, subject: { ...taken, pool } } });
	await until("those are heard", () => pair.happened.length === 4, LIMIT_MS);
	t.strictSame(pair.happened.slice(2), [
		{ ...told, ...taken, poolPath: "/srv/fast" },
		{ ...told, kind: "log" },
	]);
	pair.worker.tell({ body: { ...news, subject: { kind: "process", disk: "web" } } });
	await until("it is replaced", () => pair.replaced.length === 1, LIMIT_MS);
});

t.test("a worker that does not answer is said to be silent, and keeps nobody waiting", async (t) => {
	const clock = new VirtualClock();
	const pair = new Pair(t, clock);
	await pair.workers.serving();
	t.strictSame(pair.workers.troubles(), []);
	let answer = (): void => {};
	pair.answers.look = new Promise((resolve) => {
		answer = () => resolve({ body: LOOK, bytes: new Uint8Array(Float64Array.from(figures()).buffer) });
	});
	t.strictSame(await pair.workers.look(), []);
	t.strictSame(pair.workers.troubles(), [], "it may only be slow");
	clock.pass(3000);
	t.strictSame(await pair.workers.look(), []);
	t.strictSame(pair.workers.troubles(), ["worker 0 does not answer"]);
	t.strictSame(pair.workers.answers(), [false]);
	answer();
	await until("its answer", async () => (await pair.workers.look()).length === 1, LIMIT_MS);
	t.strictSame(pair.workers.troubles(), []);
	t.match(pair.happened, [
		{ kind: "process", severity: "error", message: "worker 0 does not answer" },
		{ kind: "process", severity: "info", message: "worker 0 answers again" },
	]);
	pair.worker.close();
	await until("it is gone", () => pair.workers.troubles().length === 1, LIMIT_MS);
	t.strictSame(pair.workers.troubles(), ["worker 0 is being started"]);
});

t.test("what initiators set is answered when it is kept", async (t) => {
	const pair = new Pair(t);
	await pair.workers.serving();
	const body = { kind: "set", disk: "web", set: SET };
	await pair.worker.ask({ body }, LIMIT_MS);
	t.strictSame(pair.sets, ["web", "web"], "what was set before, and this");
	await t.rejects(pair.worker.ask({ body: { ...body, disk: "mail" } }, LIMIT_MS), /is not this worker's/);
	t.strictSame(pair.replaced, []);
	pair.keep = new Promise(() => {});
	const twice = await Promise.allSettled([1, 2].map(() => pair.worker.ask({ body }, LIMIT_MS)));
	for (const each of twice) t.match(each, { status: "rejected", reason: /the other end is gone/ });
	t.strictSame(pair.replaced, [0]);
});

t.test("what is no question, and what is no message", async (t) => {
	const pair = new Pair(t);
	for (let asked = 0; asked < 3; asked++) pair.worker.ask({ body: { kind: "x" } }, LIMIT_MS).catch(() => {});
	await until("it is replaced", () => pair.replaced.length === 1, LIMIT_MS);
	const [ours, theirs] = native.socketPair();
	const replaced: number[] = [];
	new TreeWorkers(1, (index) => void replaced.push(index)).join(0, ours);
	const channel = new Channel(theirs, { message: () => {}, ended: () => {} });
	t.teardown(() => channel.close());
	channel.send({ is: "king" });
	await until("it is replaced", () => replaced.length === 1, LIMIT_MS);
});
