// A host whose disk has room for less than a pool in an object store may have there: what the store has is given up, and writes go on.
import { setImmediate as nextTurn } from "node:timers/promises";
import t from "tap";
import type { BlockDevice } from "../../../lib/block/device.js";
import { DeviceLayer } from "../../../lib/block/layer.js";
import { BlockOp, type BlockRequest } from "../../../lib/block/request.js";
import { StorageStatus } from "../../../lib/errors.js";
import { Objects } from "../../../lib/object/objects.js";
import { Pool } from "../../../lib/pool/pool.js";
import { Random } from "../../../lib/random.js";
import { MemoryObjects } from "../../../lib/testing/memory-objects.js";
import { VirtualClock } from "../../../lib/testing/virtual-clock.js";
import { MemoryFolder, Stage, testWorld } from "../memory-folder.js";
import { StoreStage } from "./stage.js";

const BLOCK_BYTES = 4096;
const ROOM_BLOCKS = 10_240;

/** A file system with room for so much: what is trimmed is free again. */
class Small {
	readonly #used = new Set<string>();
	refused = 0;
	#files = 0;

	readonly over = (device: BlockDevice): BlockDevice => new SmallFile(device, this, String(this.#files++));

	write(file: string, first: number, blocks: number): boolean {
		const more = Array.from({ length: blocks }, (_, at) => `${file}:${first + at}`).filter(
			(each) => !this.#used.has(each),
		);
		if (this.#used.size + more.length > ROOM_BLOCKS) {
			this.refused++;
			return false;
		}
		for (const each of more) this.#used.add(each);
		return true;
	}

	trim(file: string, first: number, blocks: number): void {
		for (let at = 0; at < blocks; at++) this.#used.delete(`${file}:${first + at}`);
	}
}

class SmallFile extends DeviceLayer {
	constructor(
		device: BlockDevice,
		readonly small: Small,
		readonly file: string,
	) {
		super(device);
	}

	protected handle(request: BlockRequest): void {
		const { op, offsetBytes, lengthBytes } = request;
		const first = Math.floor(offsetBytes / BLOCK_BYTES);
		const blocks = Math.ceil((offsetBytes + lengthBytes) / BLOCK_BYTES) - first;
		if (op === BlockOp.trim) this.small.trim(this.file, first, blocks);
		if (op === BlockOp.write && !this.small.write(this.file, first, blocks))
			request.complete(StorageStatus.noSpace);
		else this.device.submit(request);
	}

	below(request: BlockRequest): void {
		request.resume();
	}
}

t.test("more is written than there is room for on this host", async (t) => {
	const clock = new VirtualClock();
	const there = new StoreStage(new MemoryObjects({ clock, random: new Random(1) }));
	const small = new Small();
	const local = new MemoryFolder(small.over);
	const world = testWorld(there.folder(local, { clock, store: new Objects(there.backend, { clock }) }));
	let laterUs = 0;
	const pool = await Pool.create({ ...world, elapsed: () => world.elapsed() + laterUs });
	await pool.administration.create("web", 256 * 2 ** 20, 4096);
	const stage = await Stage.of(pool, "web", "flush");
	let isOver = false;
	const writing = (async () => {
		const statuses = new Set<StorageStatus>();
		for (let page = 0; page < 24_576; page += 64)
			statuses.add(
				await stage.write(page, ...Array.from({ length: 64 }, (_, at) => 1 + ((page + at) % 250))),
			);
		isOver = true;
		return statuses;
	})();
	for (let second = 0; second < 1000 && !isOver; second++) {
		clock.pass(1000);
		laterUs += 1_000_000;
		if (second % 30 === 0) pool.age();
		for (let turn = 0; turn < 40; turn++) await nextTurn();
	}
	t.ok(isOver, "it comes to its end");
	t.ok(small.refused > 0, "there was no room");
	t.strictSame([...(await writing)], [StorageStatus.ok], "and nobody was refused");
	t.same(await stage.readAll(0, 1, 24_575), [1, 2, 1 + (24_575 % 250)]);
	await stage.close();
});
