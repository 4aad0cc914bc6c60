// The map's nodes in segments of a pool: what a checkpoint has stored is found by whoever opens it, is read once and is checked.
import { setImmediate as nextTurn } from "node:timers/promises";
import t from "tap";
import { DeviceLayer } from "../../lib/block/layer.js";
import { BlockOp, type BlockRequest } from "../../lib/block/request.js";
import { crc32c } from "../../lib/crc32c.js";
import { StorageStatus } from "../../lib/errors.js";
import { BESIDE_SYNC_BYTES } from "../../lib/pool/folder.js";
import { SEGMENT_BYTES } from "../../lib/pool/format.js";
import type { LeftSink } from "../../lib/pool/map/dead.js";
import { Entry, Found } from "../../lib/pool/map/entry.js";
import { MapLayers } from "../../lib/pool/map/layers.js";
import { SLICE_STEPS } from "../../lib/pool/map/merge.js";
import type { Root } from "../../lib/pool/map/ref.js";
import { Tree } from "../../lib/pool/map/tree.js";
import { NodeLog } from "../../lib/pool/node-log.js";
import type { NodePlaces } from "../../lib/pool/node-places.js";
import { Segments } from "../../lib/pool/segments.js";
import { FaultyLayer } from "../../lib/testing/faulty-layer.js";
import { heapMemory } from "../../lib/wire/memory.js";
import { kept, MemoryFolder, peek, poke } from "./memory-folder.js";
import { reread } from "./node-world.js";

const NOBODY: LeftSink = { died: () => {}, nodeDied: () => {}, subtreeDied: () => {} };
const VOLUME = 1;
const STRIDE = 1009;

function treeOn(log: NodeLog): Tree {
	return new Tree(log, (bytes, from, to) => crc32c(bytes, from, to), 2 ** 20);
}

/** What a map has of a page: its position, 0 for none, -1 if a node can't be had. */
function positionOf(tree: Tree, root: Root, page: number): number {
	const entry = new Entry();
	// (These files answer at once.)
	const found = tree.lookUp(root, page, entry, null);
	if (found === Found.failed) return -1;
	return found === Found.mapped ? entry.position : 0;
}

/** A pool's files with a checkpoint of so many pages, as often as that. */
async function stored(
	pages: number,
	times: number,
): Promise<{ folder: MemoryFolder; root: Root; places: NodePlaces }> {
	const folder = new MemoryFolder();
	const segments = new Segments(folder);
	for (let file = 0; file < 2; file++) await segments.grow();
	const log = new NodeLog(segments, heapMemory);
	const layers = new MapLayers(treeOn(log), pages, 7, NOBODY);
	layers.addVolume(VOLUME);
	for (let time = 1; time <= times; time++) {
		for (let i = 0; i < pages; i++) {
			const entry = Object.assign(new Entry(), { position: 8 * (i + 1) * time, sectors: 8, crc: i });
			layers.insert(VOLUME, i * STRIDE, entry);
		}
		layers.freeze();
		while (layers.step(SLICE_STEPS, null) !== "done") if (log.waiting > 0) await log.writeOut();
		await log.flush();
	}
	return { folder, root: layers.roots.get(VOLUME)!, places: log.places };
}

async function opened(folder: MemoryFolder, places: NodePlaces): Promise<Tree> {
	const segments = new Segments(folder);
	await segments.openAll();
	return treeOn(new NodeLog(segments, heapMemory, reread(segments, places)));
}

t.test("what was stored is found when it is opened again", async (t) => {
	const { folder, root, places } = await stored(3000, 3);
	const tree = await opened(folder, places);
	for (let i = 0; i < 3000; i += 13) t.equal(positionOf(tree, root, i * STRIDE), 24 * (i + 1));
	t.equal(positionOf(tree, root, 1), 0, "between them nothing is mapped");
});

t.test("more than a segment of them is written out while it is made", async (t) => {
	const { folder, root, places } = await stored(60_000, 6);
	t.ok(places.count > 1, `${places.count} segments`);
	const tree = await opened(folder, places);
	for (let i = 0; i < 60_000; i += 4999) t.equal(positionOf(tree, root, i * STRIDE), 48 * (i + 1));
});

t.test(
	"segments are filled in the same memory, and what is between nodes and behind them is zeros",
	async (t) => {
		const folder = new MemoryFolder();
		const segments = new Segments(folder);
		for (let file = 0; file < 2; file++) await segments.grow();
		let made = 0;
		const log = new NodeLog(segments, (bytes) => {
			made++;
			return heapMemory(bytes);
		});
		const node = heapMemory(1001);
		node.bytes.fill(0xff);
		const places: number[] = [];
		for (let slot = 0; slot < 4; slot++) {
			for (let bytes = 0; bytes < SEGMENT_BYTES / 2; bytes += 1008) places.push(log.append(node, 1001));
			log.gap();
			// (Some at once in the first round: the memory is nobody else's before all are over, and so never.)
			await Promise.all(slot === 0 ? [log.flush(), log.writeOut(), log.flush()] : [log.flush()]);
			log.begin();
		}
		t.ok(made <= 4, `${made} times as much memory as a segment`);
		const device = await folder.open("log.000000");
		for (const place of places.filter((_, i) => i % 997 === 0 || i > places.length - 3)) {
			const slot = log.places.where(place)[0];
			const bytes = await peek(folder, "log.000000", slot * SEGMENT_BYTES + (place % SEGMENT_BYTES), 1008);
			t.ok(bytes.subarray(0, 1001).every((byte) => byte === 0xff) && !bytes.subarray(1001).some(Boolean));
		}
		await device.close();
	},
);

t.test("a node that was changed, or can't be read, is an error that names its place", async (t) => {
	const { folder, root, places } = await stored(100, 1);
	const at = root.place - (root.place % 512);
	const bytes = await peek(folder, "log.000000", at, 512);
	bytes[root.place - at + 20]! ^= 1;
	await poke(folder, "log.000000", at, bytes);
	const tree = await opened(folder, places);
	t.equal(positionOf(tree, root, STRIDE), -1);
	t.match(tree.fault?.message, new RegExp(`^memory/log.000000, byte ${root.place}: a node of the map: `));
	const faulty = new MemoryFolder((device) => {
		const layer = new FaultyLayer(device);
		layer.add({ op: 0, status: StorageStatus.mediumError });
		return layer;
	});
	for (const [name, file] of folder.files) faulty.files.set(name, file);
	const unread = await opened(faulty, places);
	t.equal(positionOf(unread, root, STRIDE), -1);
	t.match(unread.fault?.message, /it can't be read: mediumError/);
	const lost = await opened(new MemoryFolder(), places);
	t.equal(positionOf(lost, root, STRIDE), -1);
	t.match(lost.fault?.message, /there is no such segment/);
});

t.test("what is written to a slot while its file is synced is synced with the next", async (t) => {
	const ops: BlockOp[] = [];
	let meanwhile = Promise.resolve();
	const folder = new MemoryFolder((device) => ({
		...kept(device),
		info: device.info,
		submit: (request) => {
			ops.push(request.op);
			device.submit(request);
			if (ops.length === 3) meanwhile = log.sync();
		},
	}));
	const segments = new Segments(folder);
	await segments.grow();
	const log = new NodeLog(segments, heapMemory);
	const [slot, memory] = [segments.takeSlot(), heapMemory(SEGMENT_BYTES)];
	// (So little that it is not synced of itself.)
	for (let at = 0; at < 4 * 4096; at += 4096) await log.writeSlot(slot, at, at + 4096, memory);
	await meanwhile;
	t.not(ops.at(-1), BlockOp.flush);
	await log.sync();
	t.equal(ops.at(-1), BlockOp.flush);
});

/** How much of each file is written and not synced, at most. */
class Unsynced extends DeviceLayer {
	most = 0;
	#bytes = 0;

	protected handle(request: BlockRequest): void {
		this.#bytes = request.op === BlockOp.flush ? 0 : this.#bytes + request.lengthBytes;
		this.most = Math.max(this.most, this.#bytes);
		this.device.submit(request);
	}

	below(request: BlockRequest): void {
		request.resume();
	}
}

t.test("nodes are synced as they are written, so that no sync of the log waits for many", async (t) => {
	const layers: Unsynced[] = [];
	const folder = new MemoryFolder((device) => {
		const layer = new Unsynced(device);
		layers.push(layer);
		return layer;
	});
	const segments = new Segments(folder);
	await segments.grow();
	const log = new NodeLog(segments, heapMemory);
	const memory = heapMemory(4096);
	for (let bytes = 0; bytes < 2.5 * SEGMENT_BYTES; bytes += memory.bytes.length)
		log.append(memory, memory.bytes.length);
	await log.flush();
	t.strictSame(
		layers.map(({ most }) => most),
		[BESIDE_SYNC_BYTES],
	);
});

/** Syncs that are let go of one by one. */
class HeldSyncs extends DeviceLayer {
	readonly held: BlockRequest[] = [];

	protected handle(request: BlockRequest): void {
		if (request.op === BlockOp.flush) this.held.push(request);
		else this.device.submit(request);
	}

	below(request: BlockRequest): void {
		request.resume();
	}
}

t.test("a flush waits for the sync that another one has begun, and fails with it", async (t) => {
	const layers: HeldSyncs[] = [];
	const folder = new MemoryFolder((device) => {
		const layer = new HeldSyncs(device);
		layers.push(layer);
		return layer;
	});
	const segments = new Segments(folder);
	await segments.grow();
	const log = new NodeLog(segments, heapMemory);
	log.append(heapMemory(4096), 4096);
	const ends: string[] = [];
	const both = [log.flush(), log.flush()].map((flush) =>
		flush.then(
			() => ends.push("stable"),
			() => ends.push("failed"),
		),
	);
	const [layer] = layers;
	while (layer!.held.length === 0) await nextTurn();
	t.strictSame(ends, [], "neither is over before the sync is");
	for (const request of layer!.held.splice(0)) request.complete(StorageStatus.syncFailed, 5);
	await Promise.all(both);
	t.strictSame(ends, ["failed", "failed"]);
	await t.rejects(log.flush(), "nor is any later one");
});
