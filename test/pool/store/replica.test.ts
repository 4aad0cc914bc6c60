// A pool whose replica is in a store follows there; another host makes a pool of that, and has all that the first one had.
import { setImmediate as nextTurn } from "node:timers/promises";
import t from "tap";
import type { BlockDevice } from "../../../lib/block/device.js";
import { DeviceLayer } from "../../../lib/block/layer.js";
import { BlockOp, type BlockRequest } from "../../../lib/block/request.js";
import { Pool } from "../../../lib/pool/pool.js";
import { VirtualClock } from "../../../lib/testing/virtual-clock.js";
import { MemoryFolder, Stage, show, testWorld } from "../memory-folder.js";
import { ReplicaStage } from "./replica-stage.js";

t.test("a replica has all volumes and snapshots of a pool, from its first cut on", async (t) => {
	const there = new ReplicaStage();
	const [files, local] = [new MemoryFolder(), new MemoryFolder()];
	const pool = await Pool.create(testWorld(there.follow(files, local)));
	await pool.administration.create("web", 64 * 2 ** 20, 4096);
	const stage = await Stage.of(pool);
	for (let page = 0; page < 2000; page++) await stage.write(page, (page % 250) + 1);
	await pool.administration.takeSnapshots([{ volume: "web", name: "monday" }]);
	await stage.write(7, 251);
	await stage.close();
	t.ok(there.backend.objects.size > 0, `${there.backend.objects.size} objects`);
	t.same(there.troubles, []);

	const refused = Pool.open(testWorld(there.other(new MemoryFolder(), false)));
	await t.rejects(refused, /is a replica of fast of one: vblade pool promote/);
	const other = await there.promote();
	t.same(await show(other, "web", 0, 7, 1999, 2000), [1, 251, 250, 0]);
	t.same(await show(other, "web@monday", 7), [8]);
	await other.close();
});

class CountingFlushes extends DeviceLayer {
	constructor(
		device: BlockDevice,
		readonly flushed: () => void,
	) {
		super(device);
	}

	protected handle(request: BlockRequest): void {
		if (request.op === BlockOp.flush) this.flushed();
		this.device.submit(request);
	}

	below(request: BlockRequest): void {
		request.resume();
	}
}

t.test(
	"a replica flushes no file of the pool: it would be told in its place of what has failed",
	async (t) => {
		const clock = new VirtualClock();
		const there = new ReplicaStage(clock);
		let flushes = 0;
		const files = new MemoryFolder((device, name) =>
			name.startsWith("log.") ? new CountingFlushes(device, () => void flushes++) : device,
		);
		const folder = there.follow(files, new MemoryFolder());
		const pool = await Pool.create(testWorld(folder));
		await pool.administration.create("web", 16 * 2 ** 20, 4096);
		const stage = await Stage.of(pool, "web", "flush");
		for (let page = 0; page < 1000; page++) await stage.write(page, (page % 250) + 1);
		flushes = 0;
		for (let second = 0; second < 400; second++) {
			clock.pass(1000);
			for (let turn = 0; turn < 10; turn++) await nextTurn();
		}
		t.equal(folder.states[0]?.lagBytes, 0, "it has all");
		t.equal(flushes, 0);
		const closing = stage.close();
		for (let second = 0; second < 60; second++) {
			clock.pass(1000);
			for (let turn = 0; turn < 10; turn++) await nextTurn();
		}
		await closing;
	},
);
