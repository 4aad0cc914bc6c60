/** What is said of a pool: some volumes and snapshots at a time, however many there are; and what is used, as soon as it was trimmed. */

import t from "tap";
import { PromisedRequest } from "../../lib/block/device.js";
import { BlockOp } from "../../lib/block/request.js";
import { StorageStatus } from "../../lib/errors.js";
import { lookAtPool, lookNow, type PoolLook, type Sight, TOLD_MAX, wholeLook } from "../../lib/pool/looks.js";
import { openVolumeStack } from "../../lib/pool/volume-stack.js";
import { MemoryFolder, Stage } from "./memory-folder.js";

/** What is done in the background is over by then. */
const TURNS = 100_000;
const COUNT = 2 * TOLD_MAX + 7;
const names = (of: string): string[] =>
	Array.from({ length: COUNT }, (_, i) => `${of}${String(i).padStart(4, "0")}`);

t.test("thousands of volumes and snapshots are told some at a time", async (t) => {
	const stage = await Stage.create(new MemoryFolder());
	const { pool } = stage;
	for (const name of names("v")) await pool.administration.create(name, 2 ** 20, 4096);
	await pool.administration.takeSnapshots(names("s").map((name) => ({ volume: "web", name })));
	const asked: PoolLook[] = [];
	const ask = async (sight: Sight): Promise<PoolLook> => {
		const look = await lookAtPool(pool, sight);
		asked.push(look);
		return look;
	};
	const { volumes, volumeCount, isMore } = await wholeLook(ask, { of: "volumes" });
	t.strictSame(
		volumes.map(({ name }) => name),
		[...names("v"), "web"],
	);
	t.match({ volumeCount, isMore }, { volumeCount: COUNT + 1, isMore: false });
	t.match(volumes.at(-1), { snapshotCount: COUNT, snapshots: [] }, "a list says how many there are");
	t.equal(asked.length, 3);
	const [web] = (await wholeLook(ask, { of: "volume", name: "web" })).volumes;
	t.strictSame(
		web?.snapshots.map(({ name }) => name),
		names("s"),
	);
	t.ok(asked.every((look) => look.volumes.every(({ snapshots }) => snapshots.length <= TOLD_MAX)));
	t.match((await lookAtPool(pool, { of: "volume", name: "none" })).volumes, []);
	const summary = await lookAtPool(pool, { of: "summary", name: "web" });
	t.match(summary.volumes, [{ name: "web", snapshotCount: COUNT, snapshots: [] }]);
	t.notOk(summary.isMore);
	const some = await lookAtPool(pool, { of: "snapshots", names: ["web@s0003", "web@none", "none@s", "web"] });
	t.match(some.volumes, [{ name: "web", snapshots: [{ name: "s0003" }] }]);
	t.equal(some.volumes.length, 1);
	t.strictSame((await lookAtPool(pool, { of: "pool" })).volumes, []);
	await stage.close();
});

t.test("what is removed while it is told of leaves nothing out that stays", async (t) => {
	const stage = await Stage.create(new MemoryFolder());
	const { administration } = stage.pool;
	await administration.takeSnapshots(names("s").map((name) => ({ volume: "web", name })));
	let parts = 0;
	const ask = async (sight: Sight): Promise<PoolLook> => {
		const look = await lookAtPool(stage.pool, sight);
		// The last one that was told, and one before it.
		if (++parts === 1)
			for (const at of [5, TOLD_MAX - 1]) await administration.forget("web", names("s")[at]!);
		return look;
	};
	const [web] = (await wholeLook(ask, { of: "volume", name: "web" })).volumes;
	const told = new Set(web?.snapshots.map(({ name }) => name));
	const left = administration.volume("web").snapshots.map(({ name }) => name);
	t.equal(left.length, COUNT - 2);
	t.ok(left.every((name) => told.has(name)));
	await stage.close();
});

async function trim({ device }: Stage, pages: number): Promise<StorageStatus> {
	const promised = new PromisedRequest();
	Object.assign(promised.request, { op: BlockOp.trim, offsetBytes: 0, lengthBytes: 4096 * pages });
	return (await promised.run(device)).status;
}

t.test("what is trimmed is not used any more, as soon as somebody looks", async (t) => {
	const stage = await Stage.create(new MemoryFolder());
	const { pool } = stage;
	await stage.write(0, ...new Array<number>(200).fill(7));
	t.notOk(pool.space.isBehind, "what is written only grows");
	t.match((await lookNow(pool, { of: "volumes" })).volumes, [{ usedBytes: 200 * 4096 }]);
	t.equal(await trim(stage, 150), StorageStatus.ok);
	t.ok(pool.space.isBehind);
	t.match((await lookNow(pool, { of: "volumes" })).volumes, [{ usedBytes: 50 * 4096 }]);
	t.notOk(pool.space.isBehind);
	await stage.close();
});

t.test("what is still to be gone through is told, until nothing is left of it", async (t) => {
	const stage = await Stage.create(new MemoryFolder());
	const { pool } = stage;
	await pool.administration.setPool("create", { historySeconds: 0 });
	await pool.administration.create("db", 2 ** 30, 8192);
	const { device } = await openVolumeStack(pool, "db", {
		readOnly: false,
		offsetSectors: 0,
		lengthSectors: undefined,
		durability: "ack",
	});
	const db = { device } as Stage;
	await Stage.prototype.write.call(db, 0, ...new Array<number>(200).fill(7));
	await device.close();
	await pool.checkpoint();
	t.match(await lookAtPool(pool, { of: "pool" }), { freeingBytes: 0 });
	const { usedBytes } = await lookAtPool(pool, { of: "pool" });
	await pool.administration.delete("db");
	t.match(await lookAtPool(pool, { of: "pool" }), { freeingBytes: 200 * 4096 }, "all that it had");
	await pool.checkpoint();
	let look = await lookAtPool(pool, { of: "pool" });
	for (let turns = 0; look.usedBytes > usedBytes - 190 * 4096 && turns < TURNS; turns++) {
		await pool.space.nextTurn();
		look = await lookAtPool(pool, { of: "pool" });
	}
	t.equal(look.freeingBytes, 0);
	t.ok(look.usedBytes <= usedBytes - 190 * 4096, `${look.usedBytes} of ${usedBytes} bytes`);
	await stage.close();
});
