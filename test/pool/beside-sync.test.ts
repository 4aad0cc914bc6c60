// Writes go on beside a sync that nobody waits for, and it says nothing of them: neither to who waits, nor after a loss of power, nor when it fails.
import { setImmediate as nextTurn } from "node:timers/promises";
import t from "tap";
import { type BlockDevice, PromisedRequest } from "../../lib/block/device.js";
import { DeviceLayer } from "../../lib/block/layer.js";
import { BlockOp, type BlockRequest } from "../../lib/block/request.js";
import { StorageStatus } from "../../lib/errors.js";
import { Pool } from "../../lib/pool/pool.js";
import { Random } from "../../lib/random.js";
import { CrashFolder, Power } from "./crash-folder.js";
import { Stage, show, testWorld } from "./memory-folder.js";

/** What a sync of the log begins with. */
const BULK_PAGES = 1100;

/** Syncs of the log happen when they come, and are told of later. */
class Syncs {
	isHolding = false;
	count = 0;
	readonly held: BlockRequest[] = [];
	/** What comes of those that are let go. */
	status: StorageStatus = StorageStatus.ok;

	letGo(): void {
		this.isHolding = false;
		for (const request of this.held.splice(0)) request.complete(this.status, 0);
	}
}

class HeldSyncs extends DeviceLayer {
	constructor(
		device: BlockDevice,
		readonly syncs: Syncs,
	) {
		super(device);
	}

	protected handle(request: BlockRequest): void {
		if (request.op === BlockOp.flush) request.push(this);
		this.device.submit(request);
	}

	below(request: BlockRequest): void {
		const { syncs } = this;
		syncs.count++;
		if (syncs.isHolding) syncs.held.push(request);
		else request.resume();
	}
}

class HeldFolder extends CrashFolder {
	readonly syncs = new Syncs();

	override async open(name: string): Promise<BlockDevice> {
		const device = await super.open(name);
		return name === "head" ? device : new HeldSyncs(device, this.syncs);
	}
}

/** A pool whose log is being synced, for nobody, with more written behind that. */
async function beside(): Promise<{ folder: HeldFolder; stage: Stage; flush: () => Promise<StorageStatus> }> {
	const folder = new HeldFolder(new Power(Number.POSITIVE_INFINITY));
	const pool = await Pool.create(testWorld(folder));
	await pool.administration.create("web", 64 * 2 ** 20, 4096);
	const stage = await Stage.of(pool, "web", "flush");
	folder.syncs.isHolding = true;
	for (let page = 0; page < BULK_PAGES && folder.syncs.held.length === 0; page += 50)
		await stage.write(page, ...Array.from({ length: 50 }, () => 1));
	const flush = async (): Promise<StorageStatus> => {
		const promised = new PromisedRequest();
		promised.request.op = BlockOp.flush;
		return (await promised.run(stage.device)).status;
	};
	return { folder, stage, flush };
}

t.test("writes go on beside a sync that nobody waits for; a flush waits for one of its own", async (t) => {
	const { folder, stage, flush } = await beside();
	const { syncs } = folder;
	t.equal(syncs.held.length, 1, "there is a sync");
	t.equal(await stage.write(5000, 7), StorageStatus.ok, "a write is answered before it is over");
	t.equal(await stage.read(5000), 7);
	const before = syncs.count;
	const flushed = flush();
	// (So that the log has seen it, and waits for the one under way.)
	await nextTurn();
	syncs.letGo();
	t.equal(await flushed, StorageStatus.ok);
	t.equal(syncs.count, before + 1, "one that began after the write");
	const after = folder.crash(new Random(1), 0, Number.POSITIVE_INFINITY);
	const pool = await Pool.open(testWorld(after));
	t.strictSame(await show(pool, "web", 0, 5000), [1, 7], "what was flushed is there after a loss of power");
});

t.test("what was written beside a sync is not stable when that is over", async (t) => {
	const { folder, stage, flush } = await beside();
	await stage.write(5000, 7);
	folder.syncs.letGo();
	const before = folder.syncs.count;
	t.equal(await flush(), StorageStatus.ok);
	t.equal(folder.syncs.count, before + 1);
	const after = folder.crash(new Random(1), 0, Number.POSITIVE_INFINITY);
	const pool = await Pool.open(testWorld(after));
	t.strictSame(await show(pool, "web", 5000), [7]);
});

t.test("after a sync that failed beside writes nothing is written any more", async (t) => {
	const { folder, stage, flush } = await beside();
	await stage.write(5000, 7);
	folder.syncs.status = StorageStatus.syncFailed;
	folder.syncs.letGo();
	t.equal(await flush(), StorageStatus.syncFailed);
	t.equal(await stage.write(5001, 8), StorageStatus.syncFailed);
	t.equal(await stage.read(5000), 7, "reads go on");
});
