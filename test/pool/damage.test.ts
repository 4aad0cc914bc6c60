// What can't be read of a volume, or is not what was written, is told by file and byte, once for each place: a page, a part of a page, a node of the map.
import t from "tap";
import type { BlockDevice } from "../../lib/block/device.js";
import { DeviceLayer } from "../../lib/block/layer.js";
import { BlockOp, type BlockRequest } from "../../lib/block/request.js";
import { StorageStatus } from "../../lib/errors.js";
import { Damage } from "../../lib/pool/damage.js";
import type { Tree } from "../../lib/pool/map/tree.js";
import { Pool } from "../../lib/pool/pool.js";
import type { PoolTold } from "../../lib/pool/told.js";
import { MemoryFolder, peek, poke, Stage, testWorld } from "./memory-folder.js";

const FILE = "log.000000";
const PAGE_BYTES = 4096;
const PAGES = 24;
const SLOT_BYTES = 8 * 2 ** 20;

/** Pages, each of which is full of a byte of its own, and then a checkpoint. */
async function written(folder = new MemoryFolder()): Promise<MemoryFolder> {
	const stage = await Stage.create(folder);
	for (let page = 0; page < PAGES; page++) await stage.write(page, page + 1);
	await stage.pool.checkpoint();
	await stage.close();
	return folder;
}

async function reopened(folder: MemoryFolder): Promise<{ stage: Stage; told: PoolTold[] }> {
	const pool = await Pool.open(testWorld(folder));
	const told: PoolTold[] = [];
	pool.tell = (each) => told.push(each);
	return { stage: await Stage.of(pool), told };
}

/** Where a page lies in the file. */
async function placeOf(folder: MemoryFolder, page: number): Promise<number> {
	const bytes = await peek(folder, FILE, 0, SLOT_BYTES);
	for (let at = 0; at < bytes.length; at += PAGE_BYTES)
		if (bytes.subarray(at, at + PAGE_BYTES).every((byte) => byte === page + 1)) return at;
	throw new Error(`page ${page} is nowhere`);
}

t.test("a page that is not what was written", async (t) => {
	const folder = await written();
	const at = await placeOf(folder, 7);
	await poke(folder, FILE, at, new Uint8Array(512).fill(99));
	const { stage, told } = await reopened(folder);
	t.equal(await stage.read(7), -StorageStatus.mediumError);
	t.equal(await stage.read(7), -StorageStatus.mediumError);
	t.strictSame(told, [
		{
			kind: "pool-damage",
			level: "error",
			message: `memory/${FILE}, byte ${at}: a page: it does not have the checksum that it was written with`,
		},
	]);
	t.equal(await stage.read(8), 9);
	await stage.close();
});

t.test("many of them are told some at a time, and then how many there are", async (t) => {
	const folder = await written();
	for (let page = 0; page < PAGES; page++)
		await poke(folder, FILE, await placeOf(folder, page), new Uint8Array(512).fill(200));
	const { stage, told } = await reopened(folder);
	for (let page = 0; page < PAGES; page++) t.equal(await stage.read(page), -StorageStatus.mediumError);
	t.equal(told.length, 16);
	stage.pool.age();
	t.match(told.at(-1)?.message, /^8 more places that can't be read; vblade pool scrub finds all$/);
	stage.pool.age();
	t.equal(told.length, 17, "once");
	await stage.close();
});

/** Reads of some bytes fail. */
class Unreadable extends DeviceLayer {
	from = -1;

	protected handle(request: BlockRequest): void {
		const { op, offsetBytes, lengthBytes } = request;
		const isThere = this.from >= offsetBytes && this.from < offsetBytes + lengthBytes;
		if (op === BlockOp.read && isThere) request.complete(StorageStatus.mediumError, 5, this.from);
		else this.device.submit(request);
	}

	below(request: BlockRequest): void {
		request.resume();
	}
}

t.test("a page that can't be read", async (t) => {
	const layers: Unreadable[] = [];
	const wrap = (device: BlockDevice, name: string): BlockDevice => {
		if (name !== FILE) return device;
		const layer = new Unreadable(device);
		layers.push(layer);
		return layer;
	};
	const folder = await written(new MemoryFolder(wrap));
	const at = await placeOf(folder, 3);
	const { stage, told } = await reopened(folder);
	layers.at(-1)!.from = at;
	t.equal(await stage.read(3), -StorageStatus.mediumError);
	t.match(told, [{ kind: "pool-damage", message: `memory/${FILE}, byte ${at}: a page can't be read` }]);
	layers.at(-1)!.from = -1;
	await stage.close();
});

t.test("a node of the map", async (t) => {
	const folder = await written();
	const pages = new Set<number>();
	for (let page = 0; page < PAGES; page++) pages.add(await placeOf(folder, page));
	const { stage, told } = await reopened(folder);
	// All that the map has of these pages is read from storage: whatever is no page is something else by now.
	for (const name of folder.files.keys()) {
		if (name === "head") continue;
		const bytes = await peek(folder, name, 0, 4 * SLOT_BYTES);
		for (let at = 0; at < bytes.length; at += PAGE_BYTES) {
			const isPage = name === FILE && pages.has(at);
			if (!isPage && bytes.subarray(at, at + PAGE_BYTES).some((byte) => byte !== 0))
				await poke(folder, name, at, new Uint8Array(PAGE_BYTES).fill(0xee));
		}
	}
	t.equal(await stage.read(5), -StorageStatus.mediumError);
	t.match(told, [{ kind: "pool-damage", message: /^memory\/log.000000, byte [0-9]+: a node of the map: / }]);
});

t.test("what is known does not grow without end", async (t) => {
	const damage = new Damage();
	const told: string[] = [];
	const tree = { whenFailed: () => {} } as unknown as Tree;
	const watched = { tree, nodes: { whenMended: () => {} }, segments: { mended: [], differing: [] } };
	damage.watch(watched, ({ message }) => told.push(message));
	for (let round = 0; round < 2; round++) {
		for (let place = 0; place < 5000; place++) damage.found(`byte ${place}`, "wrong");
		damage.age();
	}
	t.equal(told.filter((message) => message.startsWith("byte")).length, 32);
	t.equal(told.filter((message) => /more places/.test(message)).length, 2);
});
