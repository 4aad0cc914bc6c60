// The opener against children that want all it has: whoever asks without end, reads no answer, or sends what nobody wants is ended and
// started again; the others are answered as ever, and the opener's memory and descriptors stay as they were.
import { closeSync } from "node:fs";
import t, { type Test } from "tap";
import { OPEN_READ_ONLY } from "../../lib/native.js";
import { Grants } from "../../lib/opener/grants.js";
import { FilesForOthers } from "../../lib/opener/opening.js";
import { openDescriptors } from "../channel/ends.js";
import { until } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import type { Deed } from "./hostile.js";
import { Stage } from "./stage.js";

const MIB = 1024 * 1024;
const question = (body: object, hasBytes = false): object => ({ is: "question", id: 1, hasBytes, body });
/** More than a child may make the opener keep, far less than it would have said. */
const MOST_BYTES = 400 * MIB;
const MOST_DESCRIPTORS = 1100;

/** Waits until a child that does this has been ended, twice, while the other kind is answered. */
async function endedTwice(t: Test, kind: "worker" | "control", deed: Deed): Promise<void> {
	const stage = new Stage();
	const other = kind === "worker" ? "control" : "worker";
	const asked =
		other === "control"
			? { kind: "processes" }
			: {
					kind: "open",
					path: stage.path("web.img"),
					readOnly: true,
					flags: 0,
					beginBytes: 0,
					lengthBytes: 0,
				};
	const [bytes, descriptors] = [process.memoryUsage().rss, openDescriptors()];
	await stage.start(t, { [kind]: deed, [other]: { kind: "ask", questions: new Array(200).fill(asked) } });
	let [mostBytes, mostDescriptors] = [0, 0];
	const begun = (): number => stage.lines.filter((line) => line.kind === kind && line.begins).length;
	await until(
		"it is ended twice",
		() => {
			mostBytes = Math.max(mostBytes, process.memoryUsage().rss - bytes);
			mostDescriptors = Math.max(mostDescriptors, openDescriptors() - descriptors);
			return begun() >= 3;
		},
		LIMIT_MS,
	);
	const answers = await stage.answers(other);
	t.equal(answers.length, 200);
	t.strictSame(
		answers.filter((answer) => answer.startsWith("refused")),
		[],
		`${other} is answered`,
	);
	t.ok(mostBytes < MOST_BYTES, `${mostBytes} bytes`);
	t.ok(mostDescriptors < MOST_DESCRIPTORS, `${mostDescriptors} descriptors`);
	t.ok(stage.log.length >= 2 && stage.log.every((line) => line.startsWith(kind)), stage.log.join("; "));
}

t.test("a worker that asks without end, and reads no answer", async (t) => {
	const scratch = question({ kind: "memory", name: "scratch", sizeBytes: MIB });
	await endedTwice(t, "worker", { kind: "say", messages: [scratch], times: 100_000 });
});

t.test("control that has texts kept without end", async (t) => {
	const keep = question({ kind: "keep", name: "history-000" }, true);
	await endedTwice(t, "control", { kind: "say", messages: [keep], times: 100_000, bytes: 1000 });
});

t.test("descriptors that nobody wants", async (t) => {
	await endedTwice(t, "worker", {
		kind: "say",
		messages: [question({ kind: "sources" })],
		times: 1,
		files: 60,
	});
});

t.test("a long text", async (t) => {
	const long = question({ long: "x".repeat(70_000) });
	await endedTwice(t, "control", { kind: "say", messages: [long], times: 1 });
});

t.test("what is no message", async (t) => {
	await endedTwice(t, "worker", { kind: "say", messages: [{ is: "king" }], times: 1 });
});

t.test("a child that ends in the middle of a message", async (t) => {
	const stage = new Stage();
	const before = openDescriptors();
	await stage.start(t, {
		worker: { kind: "die", question: { kind: "memory", name: "scratch", sizeBytes: MIB } },
	});
	await until("it ends again and again", () => stage.log.length >= 3, LIMIT_MS);
	t.ok(openDescriptors() <= before + 12, "nothing is left of them");
});

t.test("however fast a child is started again, each hears once what it is", async (t) => {
	const stage = new Stage();
	await stage.start(t, { control: { kind: "listen" }, worker: { kind: "listen" } });
	const heard = (kind: string): number[] =>
		stage.lines.filter((line) => line.kind === kind).flatMap(({ beginnings }) => beginnings ?? []);
	await until(
		"both are started again",
		() => Math.min(heard("control").length, heard("worker").length) >= 3,
		LIMIT_MS,
	);
	t.strictSame(new Set([...heard("control"), ...heard("worker")]), new Set([1]));
});

t.test(
	"a worker that control does not understand is started again, with the reason in the log",
	async (t) => {
		const stage = new Stage();
		await stage.start(t, { control: { kind: "ask", questions: [{ kind: "replace", index: 0 }] } });
		const said = "worker 0 ended (control does not understand it); it is started again";
		await until("it is", () => stage.log.includes(said), LIMIT_MS);
		t.strictSame(await stage.answers("control"), [""]);
	},
);

t.test(
	"a worker that lost its channel to control gets another one, and not one after the other",
	async (t) => {
		const stage = new Stage();
		const join = { kind: "join" };
		await stage.start(t, {
			worker: { kind: "ask", questions: [join, join] },
			control: { kind: "ask", questions: [join] },
		});
		t.match(await stage.answers("worker"), ["", /^refused: .*was joined with control just now/]);
		t.match(await stage.answers("control"), [/^refused: join: not for a control/]);
	},
);

t.test("a file that hangs is not opened by thread after thread", async (t) => {
	// Threads that open keep no process from ending.
	const stay = setInterval(() => {}, 1000);
	t.teardown(() => clearInterval(stay));
	const stage = new Stage();
	const files = new FilesForOthers();
	const grants = new Grants([{ path: stage.path("web.img"), readOnly: true }], []);
	const request = {
		kind: "open",
		path: stage.path("web.img"),
		readOnly: true,
		flags: OPEN_READ_ONLY,
		beginBytes: 0,
		lengthBytes: 0,
	} as const;
	const all = await Promise.allSettled([1, 2, 3, 4].map(() => files.open(request, grants)));
	t.strictSame(
		all.map(({ status }) => status),
		["fulfilled", "rejected", "rejected", "fulfilled"],
		"one is opened, and the last one who asked comes next",
	);
	for (const each of all)
		if (each.status === "fulfilled") for (const file of each.value.files ?? []) closeSync(file);
});
