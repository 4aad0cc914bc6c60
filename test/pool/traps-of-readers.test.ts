// Traps 18 and 19: who reads while space comes back. A read that hangs stops nobody else, and finds what it asked for when it goes on; a moment that is
// cloned while its window passes it is what it was, or is told to be kept no more.

import { setImmediate as nextTurn } from "node:timers/promises";
import t from "tap";
import { DeviceLayer } from "../../lib/block/layer.js";
import { BlockOp, type BlockRequest } from "../../lib/block/request.js";
import { OperatorError } from "../../lib/errors.js";
import { RECORD_ENTRIES } from "../../lib/pool/format.js";
import { ClockedPool } from "./clocked-pool.js";
import { Stage } from "./memory-folder.js";
import { SmallFolder } from "./small-folder.js";

const MAP_SIZE = { entries: RECORD_ENTRIES + 1_000, nodeBytes: 2 ** 20 } as const;

/** Holds one read back, if it is told to. */
class Hanging extends DeviceLayer {
	static isWanted = false;
	static held: (() => void) | undefined;

	protected handle(request: BlockRequest): void {
		const isHeld = Hanging.isWanted && request.op === BlockOp.read;
		if (isHeld) Hanging.held = () => this.device.submit(request);
		else this.device.submit(request);
		if (isHeld) Hanging.isWanted = false;
	}

	below(request: BlockRequest): void {
		request.resume();
	}
}

t.test("trap 18: a read that hangs does not stop space from coming back", async (t) => {
	const folder = new SmallFolder(2, (device, name) => (name === "head" ? device : new Hanging(device)));
	const stage = await Stage.create(folder, 4_000 * 4096, 1, MAP_SIZE);
	const fill = async (megabytes: number): Promise<number> => {
		for (let i = 0; i < megabytes; i++)
			if ((await stage.write(2_000 + 250 * (i % 8), ...new Array<number>(250).fill(1))) !== 0) return i;
		return megabytes;
	};
	await stage.write(0, 7);
	await fill(20);
	Hanging.isWanted = true;
	const reading = stage.read(0);
	for (let turns = 0; Hanging.held === undefined && turns < 100; turns++) await nextTurn();
	t.equal(await fill(140), 140, "a pool of 128 MB is written over");
	Hanging.held?.();
	t.equal(await reading, 7);
	t.equal(await fill(20), 20);
	await stage.close();
});

t.test("trap 19: a moment is cloned while the window passes it", async (t) => {
	const ends = new Set<string>();
	for (let turns = 0; turns < 40; turns += 7) {
		const world = await ClockedPool.create();
		const { administration } = world.pool;
		const moment = await world.write(1);
		await world.write(2);
		await world.pool.checkpoint();
		const cloning = administration.clone("web", moment.slice(4), "copy").then(
			() => "cloned",
			(error: unknown) => {
				if (!(error instanceof OperatorError && /is not kept any more/.test(error.message))) throw error;
				return "gone";
			},
		);
		for (let turn = 0; turn < turns; turn++) await nextTurn();
		await world.pass();
		const end = await cloning;
		ends.add(end);
		for (let i = 0; i < 5; i++) await world.write(100 + i);
		await t.rejects(world.show(moment), /is not kept any more/);
		await world.pool.close();
		await world.open();
		if (end === "cloned") t.equal(await world.show("copy"), "1", `after ${turns} turns`);
		await world.pool.close();
	}
	t.ok(ends.has("cloned"), [...ends].join());
});
