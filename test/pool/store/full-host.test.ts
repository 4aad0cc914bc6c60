/** A host whose disk has no room for what is read of a pool in an object store: it is read all the same, and what is here makes room. */

import { setImmediate as nextTurn } from "node:timers/promises";
import t from "tap";
import { DeviceLayer } from "../../../lib/block/layer.js";
import { BlockOp, type BlockRequest } from "../../../lib/block/request.js";
import { StorageStatus } from "../../../lib/errors.js";
import { Pool } from "../../../lib/pool/pool.js";
import { VirtualClock } from "../../../lib/testing/virtual-clock.js";
import { MemoryFolder, Stage, testWorld } from "../memory-folder.js";
import { StoreStage } from "./stage.js";

const PAGES = 8192;
const byteOf = (page: number): number => (page % 250) + 1;

/** Files that take nothing new while `isFull`. */
class Room {
	isFull = false;
	refused = 0;
	trimmed = 0;
}

class Bounded extends DeviceLayer {
	constructor(
		device: ConstructorParameters<typeof DeviceLayer>[0],
		readonly room: Room,
		readonly isLog: boolean,
	) {
		super(device);
	}

	protected handle(request: BlockRequest): void {
		const { room, isLog } = this;
		if (isLog && request.op === BlockOp.trim) {
			room.trimmed++;
			room.isFull = false;
		}
		if (isLog && room.isFull && request.op === BlockOp.write) {
			room.refused++;
			request.complete(StorageStatus.noSpace, 28, request.offsetBytes);
		} else this.device.submit(request);
	}

	below(request: BlockRequest): void {
		request.resume();
	}
}

t.test("reads are answered from the store, and what was here is given up for them", async (t) => {
	const there = new StoreStage();
	const pool = await Pool.create(testWorld(there.folder(new MemoryFolder())));
	await pool.administration.create("web", 64 * 2 ** 20, 4096);
	const stage = await Stage.of(pool);
	for (let page = 0; page < PAGES; page += 64)
		await stage.write(page, ...Array.from({ length: 64 }, (_, at) => byteOf(page + at)));
	await stage.close();

	const room = new Room();
	const clock = new VirtualClock();
	const local = new MemoryFolder((device, name) => new Bounded(device, room, name.startsWith("log.")));
	const other = await Pool.open(testWorld(there.folder(local, { clock })));
	const reader = await Stage.of(other);
	for (let page = 0; page < PAGES / 2; page += 16) await reader.read(page);
	room.isFull = true;
	const wrong: number[] = [];
	for (let page = 1; page < PAGES; page += 7) {
		if ((await reader.read(page)) !== byteOf(page)) wrong.push(page);
		await nextTurn();
	}
	t.same(wrong, []);
	t.ok(room.refused > 0, `${room.refused} writes found no room`);
	t.ok(room.trimmed > 0, `${room.trimmed} slots were given up`);
	await reader.close();
});
