// A checkpoint, and the map of a moment, for which there is no slot left wait for one more, as long as the file system has space; where it has none,
// whoever asked is told, and all goes on when there is some again. Many snapshots at once make checkpoints large.

import { setImmediate as nextTurn } from "node:timers/promises";
import t from "tap";
import { BlockOp, type BlockRequest } from "../../lib/block/request.js";
import type { PoolWorld } from "../../lib/pool/folder.js";
import { Pool } from "../../lib/pool/pool.js";
import { Pump } from "../../lib/pump.js";
import { until } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import { kept, MemoryFolder, Stage, testWorld } from "./memory-folder.js";

const MIB = 2 ** 20;
const GROUP = 256;
/** Nodes go on in another slot while there is one: so few snapshots take all of them. */
const MAP_SIZE = { entries: 65_536, nodeBytes: MIB, nodeFillBytes: 64 * 1024, spareNodeSlots: 1000 } as const;
/** What slots are filled with at once, and the turns that takes. */
const ZEROS_BYTES = 512 * 1024;
const TURNS = 1000;

async function after(turns: number): Promise<void> {
	for (let turn = 0; turn < turns; turn++) await nextTurn();
}

/** A directory on a slow disk: slots are written with zeros before they are used, so many turns each piece of them. */
class Directory extends MemoryFolder {
	override fillsAhead = true;
	freeBytes = 2 ** 40;

	constructor() {
		super((device) => ({
			...kept(device),
			info: device.info,
			submit: (request: BlockRequest): void => {
				if (request.op !== BlockOp.write || request.lengthBytes !== ZEROS_BYTES) device.submit(request);
				else void after(TURNS).then(() => device.submit(request));
			},
		}));
	}

	override free(): Promise<number> {
		return Promise.resolve(this.freeBytes);
	}
}

/** A second for whatever asks what time it is, so that moments can be told apart. */
function slowly(folder: Directory): PoolWorld {
	let timeUs = 1_764_000_000_000_000;
	return { ...testWorld(folder, 1, new Pump(), MAP_SIZE), now: () => (timeUs += 1_000_000) };
}

/** Snapshots until there are so many groups, or one is refused: how many there are, and why. */
async function snapshots({ pool }: Stage, from: number, to: number): Promise<[groups: number, why: string]> {
	for (let group = from; group < to; group++) {
		const wanted = Array.from({ length: GROUP }, (_, i) => ({ volume: "web", name: `s${group}-${i}` }));
		try {
			await pool.administration.takeSnapshots(wanted);
		} catch (error) {
			return [group, String(error)];
		}
	}
	return [to, ""];
}

async function staged(folder: Directory): Promise<Stage> {
	const pool = await Pool.create(slowly(folder));
	await pool.administration.create("web", 64 * MIB, 4096);
	return Stage.of(pool);
}

t.test("for snapshots that are taken without a pause a pool grows", async (t) => {
	const folder = new Directory();
	const stage = await staged(folder);
	await stage.write(0, 1);
	t.same(await snapshots(stage, 0, 25), [25, ""]);
	await stage.close();
	const again = await Stage.open(folder, MAP_SIZE);
	t.equal(again.pool.find("web")?.snapshots.length, 25 * GROUP, "and all of them are there");
	t.equal(await again.read(0), 1);
	await again.close();
});

t.test("where there is no space that is told, and when there is some all goes on", async (t) => {
	const folder = new Directory();
	const stage = await staged(folder);
	const { pool } = stage;
	await stage.write(0, 1);
	const timeUs = pool.find("web")!.createdUs;
	folder.freeBytes = 0;
	const [groups, why] = await snapshots(stage, 0, 100);
	t.match(why, /there is no space left for the pool's checkpoint/);
	t.equal(await stage.read(0), 1);
	t.match(pool.state, { full: /there is no space for a checkpoint/, unstored: null }, "it is full");
	const at = new Date(timeUs / 1000 + 5000).toISOString();
	await t.rejects(pool.administration.clone("web", at, "then"), /there is no space left for the pool's/);
	folder.freeBytes = 2 ** 40;
	t.match(await pool.administration.clone("web", at, "then"), { name: "then" }, "of a moment");
	t.same(await snapshots(stage, groups, groups + 3), [groups + 3, ""]);
	pool.age();
	await until("space", () => pool.state.full === null, LIMIT_MS);
	t.match(pool.state, { full: null, unstored: null }, "it is not any more");
	await stage.close();
	const again = await Stage.open(folder, MAP_SIZE);
	t.equal(again.pool.find("web")?.snapshots.length, (groups + 3) * GROUP);
	await again.close();
});
