/**
 * The benchmark's own arithmetic and drawing and, in long runs, one short measurement from end to end. What it finds about speed is not
 * looked at: that depends on the machine.
 */

import { readFileSync } from "node:fs";
import path from "node:path";
import t from "tap";
import { OperatorError } from "../../lib/errors.js";
import { scratchDirectory } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import { longTest } from "../support/long.js";
import { namespacesMissing } from "../support/netns.js";
import { PROJECT, sourceFile } from "../support/paths.js";
import { run } from "../support/process.js";
import { chart } from "./chart.js";
import { parseCommandLine, selectKeys } from "./command-line.js";
import { addressOf } from "./daemon-server.js";
import { type Figure, isMet, median, ratios, spread, tailLatency, throughput } from "./figures.js";
import { parseList } from "./machine.js";
import { reasonOf, type Side } from "./measure.js";
import { POOL_FIGURES } from "./pool-figures.js";
import { POOL_ROWS } from "./pool-rows.js";
import { ownKib } from "./processes.js";
import { MARKS, type Report, replaceMarked, table } from "./report.js";
import { ROWS } from "./rows.js";
import type { Sample } from "./sample.js";

function sample(requestsPerSecond: number, p999Us = 100, lost = 0): Sample {
	return {
		requestsPerSecond,
		p50Us: 1,
		p99Us: 2,
		p999Us,
		maxUs: 200,
		lost,
		cpuPer100k: 1,
		residentKib: 1000,
	};
}

function side(name: string, ...samples: Sample[]): Side {
	return { name, samples };
}

const figure: Figure = {
	key: "k",
	title: "4 KiB & more",
	against: "vblade",
	unit: "times",
	bound: { kind: "at least", value: 1.6 },
	value: { median: 1.7, min: 1.5, max: 1.8 },
	note: "",
};

t.test("medians and spreads", async (t) => {
	t.equal(median([3, 1, 2]), 2);
	t.equal(median([4, 1, 3, 2]), 2.5);
	t.throws(() => median([]), RangeError);
	t.same(spread([2, 8, 4]), { median: 4, min: 2, max: 8 });
});

t.test("ratios pair the runs of a round, so that a slow minute cancels out", async (t) => {
	const ours = side("ours", sample(200), sample(20), sample(210));
	const theirs = side("vblade", sample(100), sample(10), sample(100));
	t.same(
		ratios(ours, theirs, (one) => one.requestsPerSecond),
		{ median: 2, min: 2, max: 2.1 },
	);
	t.equal(
		ratios(ours, { name: "vblade", failed: "no" }, () => 1),
		undefined,
	);
});

t.test("figures: reached, missed, not measured and doubtful", async (t) => {
	const [row] = ROWS;
	if (!row) throw new Error("no rows");
	const good = throughput(row, {
		ours: side("ours", sample(160)),
		references: [side("vblade", sample(100))],
	});
	t.match(good, [{ value: { median: 1.6 }, note: "" }]);
	t.equal(isMet(good[0]!), true, "exactly what is to be reached is enough");
	const bad = throughput(row, {
		ours: side("ours", sample(159, 100, 3)),
		references: [side("vblade", sample(100))],
	});
	t.equal(isMet(bad[0]!), false);
	t.match(bad, [{ note: "ours: 3 requests had to be sent again" }]);
	const none = throughput(row, {
		ours: side("ours", sample(1)),
		references: [{ name: "vblade", failed: "gone" }],
	});
	t.equal(isMet(none[0]!), undefined);
	t.match(none, [{ value: undefined, note: "vblade: gone" }]);
});

t.test("of a plain file and the disk, that one counts which the writes have to wait for", async (t) => {
	const row = POOL_ROWS.find(({ key }) => key === "pool write cache ext4")!;
	const found = (disk: number): Figure[] =>
		throughput(row, {
			ours: side("ours", sample(80)),
			references: [side("plain file", sample(100)), side("the disk, in order", sample(disk))],
		});
	t.strictSame(found(120).map(isMet), [true, undefined], "the disk is quick enough");
	t.strictSame(found(119).map(isMet), [undefined, false]);
	t.strictSame(found(100).map(isMet), [undefined, true]);
	t.match(found(100)[0], { value: { median: 0.8 }, note: /^does not count: the disk, in order is 1.00/ });
});

t.test("the tail is that of the worst row at window 16", async (t) => {
	const [first, second] = ROWS.filter(({ window }) => window === 16);
	const alone = ROWS.find(({ window }) => window === 1);
	if (!first || !second || !alone) throw new Error("rows are missing");
	const measured = (ours: number) => ({
		ours: side("ours", sample(1, ours)),
		references: [side("vblade", sample(1, 100))],
	});
	const tail = tailLatency([
		[first, measured(80)],
		[second, measured(120)],
		[alone, measured(500)],
	]);
	t.match(tail, { value: { median: 1.2 }, note: `at its worst: ${second.title}` });
	t.equal(isMet(tail), false);
	t.match(tailLatency([]), { value: undefined });
});

t.test("rows: each key once, and sizes that a frame can carry", async (t) => {
	const rows = [...ROWS, ...POOL_ROWS];
	const keys = [...rows, ...POOL_FIGURES].map(({ key }) => key);
	t.equal(new Set(keys).size, keys.length);
	for (const { key, sectors, mtu } of rows) t.ok(36 - 14 + sectors * 512 <= mtu, key);
});

t.test("the command line", async (t) => {
	const keys = [{ key: "read 4k" }, { key: "read 4k cold" }, { key: "write 4k" }];
	t.same([...selectKeys(keys, [])], ["read 4k", "read 4k cold", "write 4k"]);
	t.same([...selectKeys(keys, ["Read 4K"])], ["read 4k"], "a whole key means that row alone");
	t.same([...selectKeys(keys, ["4k cold"])], ["read 4k cold"]);
	t.same([...selectKeys(keys, ["4k"])], ["read 4k", "read 4k cold", "write 4k"]);
	t.throws(() => selectKeys(keys, ["8k"]), new OperatorError('--only "8k": no row has that key; see --list'));
	t.match(parseCommandLine(["--pools", "--list"]), { keys: [...POOL_ROWS, ...POOL_FIGURES] });
	t.match(parseCommandLine(["--pools", "--only", "cold"]), {
		plan: { kind: "pools", rows: [{ key: "pool read cold ext4" }, { key: "pool read cold xfs" }] },
	});
	t.match(parseCommandLine(["--only", "read 4k cold"]), {
		plan: { kind: "aoe", rows: [{ image: "disk" }] },
	});
	t.match(parseCommandLine(["--nbd", "--only", "nbd read d1 tcp"]), {
		plan: { kind: "nbd", rows: [], nbdRows: [{ transport: "tcp", references: [{ atLeast: 1.2 }] }] },
	});
	const nowhere = ["--against", "/nowhere"];
	for (const bad of [
		nowhere,
		["--rounds", "0"],
		["--rounds", "x"],
		["--seconds", "0"],
		["--wrong"],
		["--pools", "--nbd"],
		["argument"],
	])
		t.throws(() => parseCommandLine(bad), OperatorError, bad.join(" "));
	t.match(parseCommandLine(["--quick", "--only", "idle"]), {
		kind: "measure",
		plan: { rows: [], settings: { rounds: 2, seconds: 0.3 } },
	});
	const compared = parseCommandLine(["--only", "read 4k", "--against", PROJECT]);
	t.match(compared, {
		plan: { rows: [{ references: [{}, {}, { name: "before", serving: { checkout: PROJECT } }] }] },
	});
});

t.test("small things", async (t) => {
	t.same(addressOf(0), { shelf: 9, slot: 0 });
	t.same(addressOf(255), { shelf: 10, slot: 0 }, "slot 255 means all slots");
	t.equal(reasonOf(new Error("  one\ntwo")), "one");
	t.equal(reasonOf(new Error("file.js:1\n  ^\n\nTypeError: no\n    at x")), "TypeError: no");
	t.equal(reasonOf("x".repeat(300)).length, 103);
	t.same(parseList("0-2,5"), [0, 1, 2, 5]);
	t.same(parseList(""), []);
	const smaps = [
		"7f00-7f10 rw-s 00000000 00:01 5   /dev/shm/x/hot.img",
		"Pss:   5000 kB",
		"7f10-7f20 rw-p 00000000 00:00 0   [heap]",
		"Rss:   70 kB",
		"Pss:   60 kB",
		"7f20-7f30 r--p 00000000 00:01 6   /usr/lib/libc.so",
		"Pss:   7 kB",
	].join("\n");
	t.equal(ownKib(smaps, "/dev/shm/x"), 67);
});

t.test("tables and markers", async (t) => {
	t.equal(
		table(["a", "number"], "lr", [["x|y", "1"]]),
		["| a    | number |", "| ---- | -----: |", "| x\\|y |      1 |"].join("\n"),
	);
	const { begin, end } = MARKS.aoe;
	const document = `# T\n\n${begin}\nold\n${end}\nrest\n`;
	t.equal(replaceMarked(document, "new\n", MARKS.aoe), `# T\n\n${begin}\n\nnew\n\n${end}\nrest\n`);
	t.throws(() => replaceMarked("nothing", "new", MARKS.aoe));
	const page = readFileSync(sourceFile("docs", "benchmarking.md"), "utf8");
	for (const marks of Object.values(MARKS)) t.doesNotThrow(() => replaceMarked(page, "", marks));
});

t.test("the chart is well-formed and shows what it should", async (t) => {
	const slow: Figure = { ...figure, title: "slow", value: { median: 0.4, min: 0.3, max: 0.5 } };
	const svg = chart(
		[
			figure,
			slow,
			{ ...figure, title: "unmeasured", value: undefined },
			{ ...figure, title: "KiB", unit: "KiB" },
		],
		"a <machine>",
	);
	t.match(svg, "4 KiB &amp; more");
	t.match(svg, "a &lt;machine&gt;");
	t.match(svg, 'class="slow"');
	t.notMatch(svg, "unmeasured");
	t.notMatch(svg, "KiB</text>");
	t.notMatch(svg, "NaN");
	const depth = [...svg.matchAll(/<(\/?)[a-z]+[^>]*?(\/?)>/g)].reduce(
		(at, [, closes, empty]) => at + (closes ? -1 : empty ? 0 : 1),
		0,
	);
	t.equal(depth, 0, "every element is closed");
	t.notMatch(chart([], "nothing"), "NaN");
});

longTest("measures one row from end to end", { skip: namespacesMissing() ?? false }, async (t) => {
	const main = `${PROJECT}/build/test/bench/main.js`;
	const file = path.join(scratchDirectory(), "bench.json");
	const command = [
		process.execPath,
		main,
		"--only",
		"read 4k",
		"--rounds",
		"1",
		"--seconds",
		"0.5",
		"--against",
		PROJECT,
		"--json",
		file,
	];
	const { code, stdout, output } = await run(command, 2 * LIMIT_MS);
	t.equal(code, 0, output);
	t.match(stdout, /^\| 4 KiB read, window 16 +\| vblade +\| +\d+\.\d\d \|/m);
	const report = JSON.parse(readFileSync(file, "utf8")) as Report;
	const servers = ["ours", "vblade", "limit", "before"].map((name) => ({ name }));
	t.match(report, { workloads: [{ key: "read 4k", servers }] });
	for (const { name, median: medians } of report.workloads[0]?.servers ?? []) {
		t.ok(medians !== undefined && medians.requestsPerSecond > 0 && medians.cpuPer100k > 0, name);
	}
	t.match(await run([process.execPath, main, "--rounds", "none"], LIMIT_MS), { code: 2, stdout: "" });
});
