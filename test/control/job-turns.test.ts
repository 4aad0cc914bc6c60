// Jobs that go through pools: one through each at a time, few in all; others wait, can be called off meanwhile, and are refused when too many wait.
import t from "tap";
import { JobTurns } from "../../lib/control/job-turns.js";
import { Jobs } from "../../lib/control/jobs.js";
import { POOL } from "./figures.js";
import { Stage, settle } from "./stage.js";

t.test("whose turn it is", async (t) => {
	const jobs = new Jobs();
	const turns = new JobTurns();
	const begun: string[] = [];
	const ask = (pool: string) => {
		const job = jobs.begin("scrub", pool, { cancellable: true });
		void turns.begin(pool, job).then(() => begun.push(pool));
		return job;
	};
	const [first, second, other] = [ask("a"), ask("a"), ask("b")];
	const more = ["c", "d", "e"].map(ask);
	await settle();
	t.strictSame(begun, ["a", "b", "c", "d"]);
	t.strictSame(
		[first, second, other, ...more].map(({ job }) => job.waiting),
		[false, true, false, false, false, true],
	);
	turns.end("b", other);
	await settle();
	t.strictSame(
		begun.splice(0),
		["a", "b", "c", "d", "e"],
		"the first that waits for another pool than those",
	);
	turns.end("a", first);
	await settle();
	t.strictSame(begun.splice(0), ["a"]);
	t.notOk(second.job.waiting);
	const waiting = Array.from({ length: 64 }, () => ask("a"));
	t.throws(() => turns.refuseMore(), /64 jobs wait for their turn; ask again when some are done/);
	const [called] = waiting;
	t.ok(called?.cancel());
	await settle();
	turns.end("a", called!);
	t.doesNotThrow(() => turns.refuseMore());
	t.strictSame(begun.splice(0), ["a"], "it is over at once, and nobody has begun in its place");
	turns.end("a", second);
	await settle();
	t.strictSame(begun, ["a"]);
});

t.test("the same job is not begun twice, and one that waits is cancelled at once", async (t) => {
	const stage = new Stage();
	stage.opener.text += '[pool.fast]\npath = "/srv/fast"\n';
	const [web] = POOL.volumes;
	stage.workers.pools.set("/srv/fast", { ...POOL, volumes: [web!, { ...web!, name: "copy" }] });
	let goOn = (): void => {};
	const held = new Promise<void>((resolve) => {
		goOn = resolve;
	});
	stage.workers.volume = async (_, question) => {
		await held;
		const reachedBytes = "offsetBytes" in question ? 2 ** 40 : 0;
		// biome-ignore lint/suspicious/noExplicitAny: it is only asked what it answers here
		return { reachedBytes, findings: [] } as any;
	};
	await stage.start(t);
	const flatten = (name: string) => stage.ask("POST", `/api/v1/volumes/fast%2F${name}/flatten`, { body: {} });
	const begun = await flatten("web");
	t.equal(begun.status, 202);
	const again = await flatten("web");
	t.equal(again.status, 409);
	t.match(again.body.detail, /fast\/web gets pages of its own: runs already, as job /);
	const next = await flatten("copy");
	t.match(next, { status: 202, body: { of: "fast/copy", waiting: true } });
	t.match((await flatten("copy")).body.detail, /: waits already, as job /);
	const job = `/api/v1/jobs/${next.body.id}`;
	t.equal((await stage.ask("DELETE", job)).status, 202);
	await stage.done(next);
	t.match((await stage.ask("GET", job)).body, { state: "cancelled", done: 0 });
	goOn();
	await stage.done(begun);
	t.match((await stage.ask("GET", `/api/v1/jobs/${begun.body.id}`)).body, { state: "done" });
});
