// A disk that takes the log and refuses all else, or the head alone: what is written is safe, so it has to be told that no checkpoint can be
// stored, tried again from time to time, and told when that is over.
import { setImmediate as nextTurn } from "node:timers/promises";
import t from "tap";
import { BlockOp } from "../../lib/block/request.js";
import { SEGMENT_BYTES } from "../../lib/pool/format.js";
import { lookAtPool } from "../../lib/pool/looks.js";
import type { PoolTold } from "../../lib/pool/told.js";
import { FaultyLayer } from "../../lib/testing/faulty-layer.js";
import { MemoryFolder, Stage } from "./memory-folder.js";

/** Half minutes in which what is refused for long is tried again at least once. */
const AGES = 4;

/** A pool, one of whose files refuses writes from a byte on, when it is told to. */
async function stageWith(file: string) {
	const layers: FaultyLayer[] = [];
	const folder = new MemoryFolder((device, name) => {
		if (name !== file) return device;
		const layer = new FaultyLayer(device);
		layers.push(layer);
		return layer;
	});
	const stage = await Stage.create(folder);
	await stage.write(0, 1);
	await stage.pool.checkpoint();
	const told: PoolTold[] = [];
	stage.pool.tell = (each) => void told.push(each);
	const age = async (): Promise<void> => {
		stage.pool.age();
		for (let turns = 0; turns < 200; turns++) await nextTurn();
	};
	return { folder, stage, told, age, layer: layers[0]! };
}

for (const [what, file, from, why] of [
	["the map", "log.000000", SEGMENT_BYTES, /^no checkpoint can be stored: memory\/log\.000000.*: /],
	[
		"the head",
		"head",
		0,
		/^no checkpoint can be stored: memory\/head.*; what is written is safe, but the log/,
	],
] as const) {
	t.test(`${what} can't be written for long, twice`, async (t) => {
		const { folder, stage, told, age, layer } = await stageWith(file);
		for (let round = 1; round <= 2; round++) {
			layer.add({ op: BlockOp.write, startBytes: from, endBytes: 2 ** 50 });
			t.equal(await stage.write(round, 10 + round), 0, "writes go on");
			await t.rejects(stage.pool.checkpoint());
			t.match(stage.pool.state, { unstored: why, failed: null });
			const look = await lookAtPool(stage.pool, { of: "pool" });
			t.match(look, { unstored: why, checkpointFailures: 1 }, "whoever looks sees it");
			for (let i = 0; i < 3 * AGES; i++) await age();
			t.equal(told.length, 1, "it is told once");
			t.match(told.shift(), { kind: "pool-checkpoint", level: "error", message: why });
			t.ok(stage.pool.state.checkpointFailures > 2, "it is tried again");
			const { checkpointFailures } = stage.pool.state;
			for (let i = 0; i < 3 * AGES; i++) await age();
			t.equal(stage.pool.state.checkpointFailures, checkpointFailures + 3, "but not at each time");
			layer.heal();
			for (let i = 0; i < 2 * AGES; i++) await age();
			t.match(told.shift(), { kind: "pool-checkpoint", level: "info" });
			t.strictSame(told, []);
			t.match(stage.pool.state, { unstored: null, checkpointFailures: 0 });
		}
		await stage.close();
		const again = await Stage.open(folder);
		t.strictSame(await again.readAll(0, 1, 2), [1, 11, 12]);
		await again.close();
	});

	t.test(`${what} can't be written for a moment`, async (t) => {
		const { stage, told, age, layer } = await stageWith(file);
		layer.add({ op: BlockOp.write, startBytes: from, endBytes: 2 ** 50 });
		await stage.write(1, 2);
		await t.rejects(stage.pool.checkpoint());
		layer.heal();
		await stage.pool.checkpoint();
		t.match(stage.pool.state, { unstored: null, checkpointFailures: 0 });
		await age();
		t.strictSame(told, [], "that was not worth a word");
		await stage.close();
	});
}

t.test(
	"the head alone can't be written, when it would say no more than how far the log has come",
	async (t) => {
		const { stage, told, age, layer } = await stageWith("head");
		layer.add({ op: BlockOp.write, startBytes: 0, endBytes: 2 ** 50 });
		await stage.write(1, 2);
		await age();
		await age();
		const message = /^the head can't be written: memory\/head/;
		t.match(told, [{ kind: "pool-checkpoint", level: "error", message }]);
		t.match(stage.pool.state, { unstored: message, checkpointFailures: 0 });
		layer.heal();
		await age();
		await age();
		t.match(told.slice(1), [{ kind: "pool-checkpoint", level: "info" }]);
		await stage.close();
	},
);
