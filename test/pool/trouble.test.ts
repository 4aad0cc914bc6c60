// Storage under a pool that fails, fills up or was changed by somebody: nothing is reported as safe that is not, nothing hangs, nothing
// is read that was never written.
import t from "tap";
import { BlockOp } from "../../lib/block/request.js";
import { OperatorError, StorageStatus } from "../../lib/errors.js";
import { BLOCK_BYTES, SEGMENT_BYTES } from "../../lib/pool/format.js";
import { lookAtPool } from "../../lib/pool/looks.js";
import { Pool } from "../../lib/pool/pool.js";
import type { PoolTold } from "../../lib/pool/told.js";
import { Random } from "../../lib/random.js";
import { FaultyLayer } from "../../lib/testing/faulty-layer.js";
import { run } from "../block/devices.js";
import { MemoryFolder, peek, poke, Stage, testWorld } from "./memory-folder.js";

const TIB = 2 ** 40;

/** Files that fail as they are told: those of the log, or the head. */
class FaultyFolder extends MemoryFolder {
	readonly layers: FaultyLayer[] = [];

	constructor(prefix = "log.") {
		super((device, name) => {
			if (!name.startsWith(prefix)) return device;
			const layer = new FaultyLayer(device);
			this.layers.push(layer);
			return layer;
		});
	}
}

for (const [name, op] of [
	["a sync", BlockOp.flush],
	["a record", BlockOp.write],
] as const)
	t.test(`trap 1: after ${name} failed nothing is reported as safe, and reads go on`, async (t) => {
		const folder = new FaultyFolder();
		const stage = await Stage.create(folder);
		let degraded = "";
		stage.device.listen({ degraded: ({ kind }) => (degraded = kind) });
		const news: PoolTold[] = [];
		stage.pool.tell = (each) => news.push(each);
		await stage.write(0, 1);
		folder.layers[0]?.add({ op, times: 1 });
		t.equal(await stage.write(1, 2), StorageStatus.syncFailed);
		t.equal(degraded, "syncFailed");
		t.equal(await stage.write(2, 3), StorageStatus.syncFailed, "what comes later, too");
		t.equal((await run(stage.device, BlockOp.flush)).status, StorageStatus.syncFailed);
		t.equal((await run(stage.device, BlockOp.trim, 0, 4096)).status, StorageStatus.syncFailed);
		t.equal(await stage.read(0), 1);
		t.ok([0, 2].includes(await stage.read(1)), "the one or the other, not an error");
		const told =
			/^memory\/log\.000000, byte \d+: storage has failed \(syncFailed\); the pool takes no changes until/;
		t.match(stage.pool.state.failed, told);
		t.match((await lookAtPool(stage.pool, { of: "pool" })).failed, told, "whoever looks sees it");
		t.match(news, [{ kind: "pool-failed", level: "error", message: told }], "it is told once");
		await t.rejects(stage.pool.administration.create("db", 4096, 4096), told);
		await stage.close();
		const again = await Stage.open(folder);
		t.equal(await again.read(0), 1);
		t.equal(await again.write(2, 3), 0, "opened again, it goes on");
		await again.close();
	});

t.test("a size that is refused when a sync fails is the same to all who see the volume", async (t) => {
	const folder = new FaultyFolder();
	const stage = await Stage.create(folder, 4096 * 4);
	const { pool, device } = stage;
	const { administration } = pool;
	let heard = 0;
	device.listen({ changed: () => heard++ });
	folder.layers[0]?.add({ op: BlockOp.flush, times: 1 });
	const told = /^memory\/log\.000000, byte \d+: storage has failed \(syncFailed\)/;
	await t.rejects(administration.resize("web", 4096 * 8, false), told);
	const { sizeBytes } = administration.volume("web");
	t.ok([4096 * 4, 4096 * 8].includes(sizeBytes), "the one or the other");
	t.equal(device.info.sizeBytes, sizeBytes, "who has it open sees the same");
	t.equal(heard, sizeBytes === 4096 * 8 ? 1 : 0, "and hears of it");
	await device.close();
	const again = await Stage.of(pool);
	t.equal(again.device.info.sizeBytes, sizeBytes, "who opens it again, too");
	await again.close();
});

t.test("what a pool was set to when a sync failed is refused as often as it is asked for", async (t) => {
	const folder = new FaultyFolder();
	const { pool, device } = await Stage.create(folder);
	const { administration } = pool;
	await administration.setPool("create", { historySeconds: 60 });
	folder.layers[0]?.add({ op: BlockOp.flush, times: 1 });
	for (let time = 0; time < 2; time++)
		await t.rejects(
			administration.setPool("file", { historySeconds: 7200 }),
			/storage has failed \(syncFailed\)/,
		);
	await t.resolves(administration.setPool("create", { historySeconds: 60 }), "what is stored holds");
	await device.close();
	await pool.close();
});

for (const file of ["log.", "head"])
	t.test(
		`trap 1: after a checkpoint's sync of ${file} failed, what is written is not safe either`,
		async (t) => {
			// (The kernel tells of what was lost once, be it the log's, and whoever asks.)
			const folder = new FaultyFolder(file);
			const stage = await Stage.create(folder);
			await stage.write(0, 1);
			folder.layers[0]?.add({ op: BlockOp.flush, times: 1, status: StorageStatus.syncFailed });
			await t.rejects(stage.pool.checkpoint(), /syncFailed/);
			t.equal(await stage.write(1, 2), StorageStatus.syncFailed);
			t.equal((await run(stage.device, BlockOp.flush)).status, StorageStatus.syncFailed);
			t.equal(await stage.read(0), 1);
			await stage.close();
			const again = await Stage.open(folder);
			t.strictSame(await again.readAll(0), [1]);
			t.equal(await again.write(1, 3), StorageStatus.ok);
			await again.close();
		},
	);

t.test(
	"trap 11: no space for another file: writes are refused, reads go on, and no acknowledged write is lost",
	async (t) => {
		const folder = new MemoryFolder();
		const stage = await Stage.create(folder);
		const create = folder.create.bind(folder);
		folder.create = async () => {
			throw new OperatorError("no space");
		};
		let written = 0;
		let status: number = StorageStatus.ok;
		while (status === StorageStatus.ok && written < 100) {
			status = await stage.write(250 * (written % 60), ...new Array<number>(250).fill(1 + written));
			if (status === StorageStatus.ok) written++;
		}
		t.equal(status, StorageStatus.noSpace);
		t.ok(written > 20, `${written} records of a megabyte in eight slots`);
		t.equal((await run(stage.device, BlockOp.flush)).status, StorageStatus.ok, "what was written is stable");
		t.equal(await stage.read(250 * ((written - 1) % 60)), written);
		await stage.close();
		folder.create = create;
		const again = await Stage.open(folder);
		t.equal(await again.read(250 * ((written - 1) % 60)), written);
		t.equal(await again.write(0, 77), 0, "with space again it goes on");
		await again.close();
	},
);

t.test("a pool that was full goes on when there is space again, without being opened again", async (t) => {
	const folder = new MemoryFolder();
	const world = testWorld(folder);
	let laterUs = 0;
	const pool = await Pool.create({ ...world, elapsed: () => world.elapsed() + laterUs });
	await pool.administration.create("web", 2 ** 30, 4096);
	const stage = await Stage.of(pool);
	const create = folder.create.bind(folder);
	let tried = 0;
	folder.create = async () => {
		tried++;
		throw new OperatorError("no space");
	};
	let page = 0;
	const fill = () => stage.write(250 * page++, ...new Array<number>(250).fill(9));
	while ((await fill()) === StorageStatus.ok);
	const before = tried;
	for (let round = 0; round < 5; round++) t.equal(await fill(), StorageStatus.noSpace);
	t.equal(tried, before, "it is not looked for at each write");
	laterUs += 1_000_000;
	t.strictSame(await Promise.all([fill(), stage.write(300, 8)]), new Array(2).fill(StorageStatus.noSpace));
	t.equal(tried, before + 1, "a second later it is, once for all of them");
	t.equal((await run(stage.device, BlockOp.trim, 4096, 4096)).status, StorageStatus.ok, "a trim is taken");
	folder.create = create;
	t.equal(await stage.write(300, 8), StorageStatus.noSpace);
	laterUs += 1_000_000;
	t.strictSame(
		await Promise.all([stage.write(300, 8), stage.write(301, 7)]),
		[0, 0],
		"they wait and are done",
	);
	t.strictSame(await stage.readAll(0, 300, 301), [9, 8, 7]);
	await pool.administration.create("db", 4096, 4096);
	await stage.close();
	const again = await Stage.open(folder);
	t.strictSame(await again.readAll(0, 300, 301), [9, 8, 7]);
	await again.close();
});

t.test("a slot that can't be written with zeros is tried again, from where that failed", async (t) => {
	const folder = new FaultyFolder();
	folder.fillsAhead = true;
	const world = testWorld(folder);
	let laterUs = 0;
	const pool = await Pool.create({ ...world, elapsed: () => world.elapsed() + laterUs });
	await pool.administration.create("web", 64 * 2 ** 20, 4096);
	const stage = await Stage.of(pool);
	// The second slot, but for its beginning.
	const full = { op: BlockOp.write, status: StorageStatus.noSpace, startBytes: SEGMENT_BYTES + 2 ** 20 };
	for (const layer of folder.layers) layer.add(full);
	const fill = () => stage.write(0, ...new Array<number>(250).fill(9));
	while ((await fill()) === StorageStatus.ok);
	for (const layer of folder.layers) layer.heal();
	laterUs += 1_000_000;
	t.equal(await fill(), StorageStatus.ok);
	await stage.close();
	const again = await Stage.open(folder);
	t.equal(await again.read(0), 9);
	await again.close();
});

t.test("trap 6: a trim of any size is one record, reads as zeros and survives", async (t) => {
	const folder = new MemoryFolder();
	const stage = await Stage.create(folder, TIB);
	const trimAll = () => run(stage.device, BlockOp.trim, 0, TIB);
	t.equal((await trimAll()).status, 0, "of an empty volume");
	for (let page = 0; page < 2000; page += 7) await stage.write(page * 100_003, 1 + (page % 200));
	const used = async () => {
		await stage.pool.checkpoint();
		return stage.pool.space.usedBytes(stage.pool.volumes[0]!);
	};
	t.equal(await used(), 4096 * Math.ceil(2000 / 7));
	t.equal((await run(stage.device, BlockOp.trim, 512, TIB - 1024)).status, 0, "all but a sector at each end");
	t.equal((await run(stage.device, BlockOp.read, 0, 512)).memory.bytes[0], 1, "which is as it was");
	t.equal(await stage.read(7 * 100_003), 0);
	t.equal(await used(), 4096, "used is right at once");
	t.equal((await trimAll()).status, 0);
	t.equal(await used(), 0);
	await stage.write(1, 5);
	await stage.close();
	const again = await Stage.open(folder);
	t.strictSame(await again.readAll(0, 1, 7 * 100_003), [0, 5, 0]);
	await again.close();
});

t.test(
	"any byte changed: an error that names file and place, or what was once written, never anything else",
	async (t) => {
		const random = new Random();
		t.comment(`seed ${random.seed}`);
		const folder = new MemoryFolder();
		const stage = await Stage.create(folder);
		for (let value = 1; value <= 12; value++) await stage.write(value % 5, value);
		await stage.close();
		const seen = { refused: 0, opened: 0 };
		for (let round = 0; round < 80; round++) {
			// Half of them in what a block begins with: headers are there.
			const name = random.chance(0.2) ? "head" : "log.000000";
			const block = BLOCK_BYTES * random.below(name === "head" ? 2 : 26);
			const at = block + random.below(random.chance(0.5) ? 100 : BLOCK_BYTES);
			const sector = at - (at % 512);
			const before = await peek(folder, name, sector, 512);
			const changed = before.slice();
			changed[at - sector]! ^= 1 + random.below(255);
			const head = await peek(folder, "head", 0, 2 * BLOCK_BYTES);
			await poke(folder, name, sector, changed);
			try {
				const opened = await Stage.open(folder);
				for (let page = 0; page < 5; page++) {
					const value = await opened.read(page);
					if (value !== -StorageStatus.mediumError && value % 5 !== page && value !== 0)
						t.fail(`round ${round}: page ${page} reads as ${value}`);
				}
				await opened.close();
				seen.opened++;
			} catch (error) {
				if (!(error instanceof OperatorError) || !/memory\/(head|log\.000000)/.test(error.message))
					throw error;
				seen.refused++;
			}
			await poke(folder, name, sector, before);
			await poke(folder, "head", 0, head);
		}
		t.ok(seen.opened > 10 && seen.refused > 3, JSON.stringify(seen));
		const intact = await Stage.open(folder);
		t.strictSame(await intact.readAll(0, 1, 2, 3, 4), [10, 11, 12, 8, 9], "unchanged it is all there");
		await intact.close();
	},
);
