/**
 * Counts go on past 2^31, two hours of frames at full rate, as they began: an object whose count has passed it still has the
 * shape that compiled code relies on, so none of that is thrown away. Shapes are compared, nothing is timed.
 */

import { setFlagsFromString } from "node:v8";
import t from "tap";
import { TargetStats } from "../../lib/aoe/stats.js";
import { BlockOp } from "../../lib/block/request.js";
import { DiskStats } from "../../lib/disk.js";
import { newLinkCounts } from "../../lib/link/link.js";
import { memoryLinkPair } from "../../lib/link/memory.js";
import { Pump } from "../../lib/pump.js";
import { Bench, frame } from "../support/target-bench.js";

setFlagsFromString("--allow-natives-syntax");
/** True if two objects have the same hidden class, representations of their fields included. */
const haveSameShape = new Function("a", "b", "return %HaveSameMap(a, b)") as (
	a: object,
	b: object,
) => boolean;

const BEFORE = 2 ** 31 - 100;
const REQUESTS = 200;

/** Sets every count of `counts` to where 31 bits are nearly full. */
function advance(counts: object): void {
	for (const [name, value] of Object.entries(counts))
		if (typeof value === "number") (counts as Record<string, number>)[name] = BEFORE;
}

t.test("the measure: a count that begins as an integer changes shape", async (t) => {
	const make = () => ({ count: 0, name: "x" });
	const [one, twin] = [make(), make()];
	one.count = BEFORE;
	t.ok(haveSameShape(one, twin), "not before");
	for (let i = 0; i < REQUESTS; i++) one.count += 1;
	t.notOk(haveSameShape(one, twin), "but behind 2^31");
});

t.test("every count of requests, frames and bytes", async (t) => {
	const kinds: Record<string, () => object> = {
		"of a link": newLinkCounts,
		"of a target": () => new TargetStats(),
		"of what a target refuses": () => new TargetStats().rejected,
		"of a disk, by cause": () => new DiskStats().causes,
	};
	for (const [kind, make] of Object.entries(kinds)) {
		const twin = make();
		for (const name of Object.keys(twin)) {
			const counts = make() as Record<string, number | object>;
			if (typeof counts[name] !== "number") continue;
			t.equal(`${counts[name]}`, "0", `${kind}: ${name} begins at nothing`);
			counts[name] = BEFORE;
			for (let i = 0; i < REQUESTS; i++) (counts as Record<string, number>)[name]! += 1;
			t.equal(counts[name], BEFORE + REQUESTS, "counts exactly");
			t.ok(haveSameShape(counts, twin), "and stays what it was");
		}
	}
});

t.test("a target that has served for hours", async (t) => {
	const bench = new Bench();
	const blade = bench.disk();
	const read = frame(
		"020000000001 0200000000aa 88a2 10 00 0009 00 00 00000001 40 00 01 24 000000000000 0000",
	);
	const write = Buffer.concat([read, Buffer.alloc(512)]);
	write[24] = 0x41;
	write[27] = 0x34;
	const stranger = frame(
		"020000000001 0200000000aa 88a2 10 00 0009 01 00 00000001 40 00 01 24 000000000000 0000",
	);
	const work = () => {
		for (let i = 0; i < REQUESTS; i++) {
			bench.ask(read);
			bench.ask(write.subarray(0, 36 + 512));
			bench.ask(stranger);
		}
	};
	work();
	const counters = [bench.stats, bench.stats.rejected, blade.disk.stats];
	const twins = [new TargetStats(), new TargetStats().rejected, new DiskStats()];
	for (const counts of counters) advance(counts);
	blade.disk.stats.did(BlockOp.read, BEFORE);
	work();
	t.equal(blade.disk.stats.reads, 2 * REQUESTS + 1);
	t.equal(blade.disk.stats.readBytes, BEFORE + 2 * REQUESTS * 512);
	t.equal(blade.disk.stats.writes, 2 * REQUESTS);
	t.equal(bench.stats.requests, BEFORE + 2 * REQUESTS);
	t.equal(bench.stats.rejected.unknownAddress, BEFORE + REQUESTS);
	for (const [i, counts] of counters.entries()) t.ok(haveSameShape(counts, twins[i]!), `counters ${i}`);
});

t.test("a link and a pump that have worked for hours", async (t) => {
	const pump = new Pump();
	const [near, far] = memoryLinkPair(pump);
	advance(near.counts);
	far.attach({ frame: () => {}, linkChanged: () => {} });
	const fresh = new Pump();
	for (let i = 0; i < REQUESTS; i++) {
		const slot = near.acquire();
		if (slot === undefined) throw new Error("no slot");
		near.transmit(slot, 60, 0);
		pump.run();
	}
	t.equal(near.stats.framesOut, BEFORE + REQUESTS);
	t.ok(haveSameShape(near.counts, newLinkCounts()));
	t.ok(haveSameShape(pump, fresh));
	t.ok(Number.isInteger(pump.runs) && Object.is(pump.runs | 0, pump.runs), "runs stay an integer");
});
