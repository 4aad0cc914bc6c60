// What it costs to notice that files grow: one beat for all of them, a bounded number of files a turn, nothing for memory. Steps
// are counted; what they take of the processor is in `npm run bench`. (What was suspected of the processor time of an idle server
// with one file, this look at its size, was not it: that was Node's last collection of the garbage of its start, which comes
// half a minute later. Where the look does cost is with thousands of files, each of which had a timer.)
import { truncateSync } from "node:fs";
import t from "tap";
import { FileDevice } from "../../lib/block/file.js";
import { FILES_PER_TURN, SizeWatch } from "../../lib/block/sizes.js";
import { until } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import { newDirectory, newFile } from "../support/mounts.js";
import { makeBench, openFile } from "./file-bench.js";

const MIB = 1024 * 1024;

t.test("thousands of files are measured a few at a time, each in its turn", async (t) => {
	const files = 3 * FILES_PER_TURN + 1;
	const asked: number[] = [];
	const watch = new SizeWatch((first, sizes) => {
		asked.push(first);
		const next = first + FILES_PER_TURN;
		sizes[0] = next < files ? next : 0;
		// The last of each turn has grown.
		sizes.set([Math.min(next, files) - 1, 7 * MIB], 1);
		return 1;
	});
	const told: [number, number][] = [];
	for (let file = 0; file < files; file++) watch.watch(file, (sizeBytes) => told.push([file, sizeBytes]));
	for (let turn = 0; turn < 5; turn++) watch.turn();
	t.strictSame(
		asked,
		[0, 1, 2, 3, 0].map((turn) => turn * FILES_PER_TURN),
	);
	t.strictSame(
		told,
		[FILES_PER_TURN, 2 * FILES_PER_TURN, 3 * FILES_PER_TURN, files, FILES_PER_TURN].map((end) => [
			end - 1,
			7 * MIB,
		]),
		"who has grown is told, and nobody else",
	);
	watch.forget(files - 1);
	for (let turn = 0; turn < 4; turn++) watch.beat();
	t.equal(told.length, 8, "who is gone is not");
	watch.close();
});

t.test("few are measured at every other beat, none at no beat", (t) => {
	let turns = 0;
	const watch = new SizeWatch(() => {
		turns += 1;
		return 0;
	});
	const afterTwo = (): number => {
		const before = turns;
		watch.beat();
		watch.beat();
		return turns - before;
	};
	t.equal(afterTwo(), 0);
	watch.watch(FILES_PER_TURN - 1, () => {});
	t.equal(afterTwo(), 1);
	watch.watch(FILES_PER_TURN, () => {});
	t.equal(afterTwo(), 2);
	watch.close();
	t.equal(afterTwo(), 0);
	t.end();
});

t.test("the addon measures so many files and no more, and tells of those that have changed", async (t) => {
	const all = makeBench(t);
	const directory = newDirectory();
	const paths = Array.from({ length: FILES_PER_TURN + 8 }, () => newFile(directory, MIB));
	const devices = paths.map((path) => openFile(t, path, all));
	const grown = [0, 100, paths.length - 1];
	for (const i of grown) truncateSync(paths[i]!, 2 * MIB);
	await until("growth", () => grown.every((i) => devices[i]!.info.sizeBytes === 2 * MIB), LIMIT_MS);
	t.equal(devices.filter(({ info }) => info.sizeBytes !== MIB).length, grown.length);
	const { measurements } = all.engine;
	t.ok(measurements >= 2, `after ${measurements} turns`);
});

t.test("memory and closed files are not measured", async (t) => {
	const all = makeBench(t);
	const memory = FileDevice.inMemory(all.engine, "mem:1M", MIB, { readOnly: false });
	const gone = openFile(t, newFile(newDirectory(), MIB), all);
	await gone.close();
	const other = makeBench(t);
	const file = openFile(t, newFile(newDirectory(), MIB), other);
	await until("a turn of the other engine", () => other.engine.measurements > 0, LIMIT_MS);
	t.equal(all.engine.measurements, 0);
	t.equal(file.info.sizeBytes, MIB);
	await memory.close();
});
