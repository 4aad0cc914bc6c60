// A node of the map that can't be read: no checkpoint of what its volume has there can be made, which is told with the volume's name. When the node
// can be read again all is as it was; when it never can, the volume is deleted, and the pool goes on.
import { setImmediate as nextTurn } from "node:timers/promises";
import t from "tap";
import type { BlockDevice } from "../../lib/block/device.js";
import { DeviceLayer } from "../../lib/block/layer.js";
import { BlockOp, type BlockRequest } from "../../lib/block/request.js";
import { StorageStatus } from "../../lib/errors.js";
import { examine } from "../../lib/pool/examine.js";
import { SEGMENT_BYTES } from "../../lib/pool/format.js";
import { Pool } from "../../lib/pool/pool.js";
import type { PoolTold } from "../../lib/pool/told.js";
import { MemoryFolder, Stage, show, testWorld } from "./memory-folder.js";

const LOG = "log.000000";
const PAGES = 200;
/** A leaf has so many. */
const LEAF = 64;

/** Reads of the map fail, where it was stored by now: of what has sectors that no page has. */
class UnreadableMap extends DeviceLayer {
	isBroken = false;
	to = 0;

	protected handle(request: BlockRequest): void {
		const { op, offsetBytes, lengthBytes } = request;
		if (op === BlockOp.write && !this.isBroken && offsetBytes >= SEGMENT_BYTES)
			this.to = Math.max(this.to, offsetBytes + lengthBytes);
		const isOfMap = offsetBytes >= SEGMENT_BYTES && offsetBytes < this.to;
		if (this.isBroken && op === BlockOp.read && isOfMap)
			request.complete(StorageStatus.mediumError, 5, offsetBytes);
		else this.device.submit(request);
	}

	below(request: BlockRequest): void {
		request.resume();
	}
}

/** `web` has pages that a checkpoint has, `other` some too; nothing of the map is in memory, or can be read. */
async function damaged() {
	const layers: UnreadableMap[] = [];
	const folder = new MemoryFolder((device: BlockDevice, name) => {
		if (name !== LOG) return device;
		const layer = new UnreadableMap(device);
		layers.push(layer);
		return layer;
	});
	const stage = await Stage.create(folder);
	for (let page = 0; page < PAGES; page++) await stage.write(page, 1 + page);
	await stage.close();
	const to = layers.at(-1)!.to;
	const pool = await Pool.open(testWorld(folder));
	const layer = layers.at(-1)!;
	layer.to = to;
	layer.isBroken = true;
	const told: PoolTold[] = [];
	pool.tell = (each) => {
		if (each.kind === "pool-checkpoint") told.push(each);
	};
	await pool.administration.create("other", 2 ** 20, 4096);
	const [web, other] = [await Stage.of(pool), await Stage.of(pool, "other")];
	const age = async (): Promise<void> => {
		pool.age();
		for (let turns = 0; turns < 200; turns++) await nextTurn();
	};
	return { folder, pool, layer, told, web, other, age };
}

const WHY =
	/^no checkpoint can be stored: memory\/log\.000000, byte \d+: a node of the map: it can't be read/;

t.test("it is told of which volume it is, and over when it can be read again", async (t) => {
	const { folder, pool, layer, told, web, other, age } = await damaged();
	t.equal(await web.write(3, 77), 0);
	t.equal(await other.write(0, 99), 0);
	await t.rejects(pool.checkpoint(), /a node of the map/);
	await age();
	t.match(told, [{ kind: "pool-checkpoint", level: "error", volume: "web", message: WHY }]);
	layer.isBroken = false;
	for (let i = 0; i < 8; i++) await age();
	t.match(told.slice(1), [{ kind: "pool-checkpoint", level: "info" }]);
	t.strictSame(await web.readAll(2, 3, 4), [3, 77, 5]);
	await other.device.close();
	await web.close();
	const again = await Pool.open(testWorld(folder));
	t.strictSame(await show(again, "web", 2, 3, 4, PAGES - 1), [3, 77, 5, PAGES]);
	await again.close();
});

for (const [when, isBefore] of [
	["after a checkpoint could not be stored", true],
	["before one is asked for", false],
] as const)
	t.test(`its volume is deleted ${when}: the others' checkpoints go on`, async (t) => {
		const { folder, pool, layer, told, web, other, age } = await damaged();
		for (const page of [0, 3, LEAF, 2 * LEAF + 5]) t.equal(await web.write(page, 77), 0);
		t.equal(await other.write(0, 99), 0);
		if (isBefore) await t.rejects(pool.checkpoint(), /a node of the map/);
		await web.device.close();
		await pool.administration.delete("web");
		await pool.checkpoint();
		t.match(pool.state, { unstored: null, checkpointFailures: 0 });
		for (let i = 0; i < 4; i++) await age();
		t.strictSame(told, []);
		t.equal(await other.write(1, 100), 0);
		await other.close();
		// What the node has is given back when it can be read, as late as after the next start.
		const again = await Pool.open(testWorld(folder));
		t.strictSame(await show(again, "other", 0, 1, 2), [99, 100, 0]);
		t.strictSame(
			again.volumes.map(({ name }) => name),
			["other"],
		);
		await again.checkpoint();
		layer.isBroken = false;
		const used = async (): Promise<number> => {
			again.age();
			for (let turns = 0; turns < 200; turns++) await nextTurn();
			await again.checkpoint();
			return again.space.ofPool(await again.space.unwalked()).usedBytes;
		};
		let left = await used();
		for (let i = 0; i < 20 && left >= 4 * 4096; i++) left = await used();
		t.ok(left < 4 * 4096, `${left} bytes are used`);
		await again.close();
		const { findings } = await examine(testWorld(folder), { doPages: true, progress: () => {} });
		t.strictSame(findings, [], "and nothing that was given back is anybody's");
	});
