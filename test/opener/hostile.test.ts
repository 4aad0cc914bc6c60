// The opener against children that somebody has taken over: whatever they ask, it opens what root's files name, or what lies in a folder
// that they allow; and it lives on, with no more memory and descriptors than before.
import { execFileSync } from "node:child_process";
import { linkSync, readdirSync, renameSync, symlinkSync } from "node:fs";
import fc from "fast-check";
import t from "tap";
import { OPEN_DIRECT, OPEN_SYNCED } from "../../lib/native.js";
import { openDescriptors } from "../channel/ends.js";
import { until } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import type { Deed } from "./hostile.js";
import { Stage } from "./stage.js";

const open = (file: string, more: object = {}): object => ({
	kind: "open",
	path: file,
	readOnly: false,
	flags: 0,
	beginBytes: 0,
	lengthBytes: 0,
	...more,
});

const ask = (questions: readonly object[]): Deed => ({ kind: "ask", questions });

t.test("it opens what is named or allowed, and nothing else", async (t) => {
	const stage = new Stage();
	const at = (name: string): string => stage.path(name);
	symlinkSync("../secret.img", at("allowed/out"));
	symlinkSync("/proc/self/root/etc/shadow", at("allowed/magic"));
	symlinkSync("loop", at("allowed/loop"));
	linkSync(at("allowed/a.img"), at("allowed/hard"));
	execFileSync("mkfifo", [at("allowed/pipe")]);
	const granted = [
		open(at("web.img")),
		open(at("web.img"), { readOnly: true, flags: OPEN_SYNCED }),
		open(at("gold.img"), { readOnly: true }),
		open(at("allowed/a.img"), { readOnly: true }),
		open(at("allowed/sub/b.img")),
	];
	const refused = [
		open(at("gold.img")),
		open(at("web.img"), { flags: 255 }),
		open(at("web.img"), { flags: OPEN_DIRECT | 8 }),
		...["secret.img", "allowed", "allowed/out", "allowed/magic", "allowed/loop", "allowed/pipe"].map((name) =>
			open(at(name)),
		),
		open(`${at("allowed")}/../secret.img`),
		open(`${at("allowed")}//../secret.img`),
		open(at("allowed/out"), { readOnly: true }),
		open(at(`allowed/${"x/".repeat(2000)}a`)),
		open(at("allowed/a.img/..")),
		...["/etc/shadow", "/dev/mem", "/proc/self/mem", "/proc/1/root/etc/shadow", "/dev/tty", "/"].map((file) =>
			open(file),
		),
		{ kind: "listen", path: at("frames.sock") },
		{ kind: "tunnel", peer: "192.0.2.7" },
		{ kind: "memory", name: "nobody", sizeBytes: 512 },
		// What only control may ask.
		{ kind: "sources" },
		{ kind: "listeners" },
		{ kind: "permit", path: at("web.img"), readOnly: false },
		{ kind: "token" },
		{ kind: "keep", name: "runtime.toml" },
		{ kind: "notify", state: "ready", status: "" },
	];
	await stage.start(t, { worker: ask([...granted, ...refused]) });
	const answers = await stage.answers();
	t.strictSame(
		answers.slice(0, granted.length),
		["web.img", "web.img", "gold.img", "allowed/a.img", "allowed/sub/b.img"].map(at),
	);
	for (const [index, answer] of answers.slice(granted.length).entries())
		t.match(answer, /^refused: /, JSON.stringify(refused[index]).slice(0, 200));
	t.equal(answers.length, granted.length + refused.length);
});

t.test("a link that is changed while it is opened leads nowhere else", async (t) => {
	const stage = new Stage();
	const file = stage.path("allowed/link");
	symlinkSync("a.img", file);
	await stage.start(t, { worker: ask(Array.from({ length: 300 }, () => open(file, { readOnly: true }))) });
	const swaps = setInterval(() => {
		for (const to of ["../secret.img", "a.img"]) {
			symlinkSync(to, `${file}.new`);
			renameSync(`${file}.new`, file);
		}
	}, 0);
	const answers = await stage.answers();
	clearInterval(swaps);
	const wrong = answers.filter(
		(each) => each !== stage.path("allowed/a.img") && !each.startsWith("refused: "),
	);
	t.strictSame(wrong, []);
});

t.test("whatever else is asked is refused, and nothing is left of it", async (t) => {
	const stage = new Stage();
	const anything = fc.oneof(
		fc.dictionary(fc.string(), fc.jsonValue()),
		fc.record({
			kind: fc.constantFrom(
				"open",
				"listen",
				"tunnel",
				"memory",
				"poolFiles",
				"poolFile",
				"poolIdentities",
				"keep",
				"kept",
				"__proto__",
			),
			path: fc.oneof(fc.constant(stage.path("web.img")), fc.string(), fc.jsonValue()),
			readOnly: fc.oneof(fc.boolean(), fc.jsonValue()),
			flags: fc.oneof(fc.integer({ min: 0, max: 300 }), fc.jsonValue()),
			beginBytes: fc.oneof(fc.maxSafeNat(), fc.jsonValue()),
			lengthBytes: fc.oneof(fc.maxSafeNat(), fc.jsonValue()),
			name: fc.oneof(fc.string(), fc.jsonValue()),
			peer: fc.oneof(fc.string(), fc.jsonValue()),
			sizeBytes: fc.oneof(fc.maxSafeNat(), fc.jsonValue()),
		}),
	);
	const questions = fc.sample(anything, { numRuns: 1500, seed: 1 });
	await stage.start(t, { worker: ask(questions), control: ask(questions) });
	const before = openDescriptors();
	for (const kind of ["worker", "control"]) {
		const answers = await stage.answers(kind);
		t.equal(answers.length, questions.length);
		const wrong = answers.filter((each) => !each.startsWith("refused: ") && each !== stage.path("web.img"));
		t.strictSame(wrong, []);
	}
	await until("all is closed", () => openDescriptors() <= before, LIMIT_MS);
	t.strictSame(stage.log, [], "nobody has ended");
	t.strictSame(readdirSync(stage.path("state")), ["lock"]);
});
