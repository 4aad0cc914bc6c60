// Who waits for a pool to be closed hears how that ended, also if it has failed, and it can be opened again then.

import t from "tap";
import { OperatorError } from "../../lib/errors.js";
import { Pool } from "../../lib/pool/pool.js";
import { SharedPools } from "../../lib/pool/shared-pools.js";
import { MemoryFolder, testWorld } from "./memory-folder.js";

t.test("a pool that can't be closed in order is told so to all, and opened again", async (t) => {
	const pools = new SharedPools();
	const folder = new MemoryFolder();
	const first = pools.take("a", () => Pool.create(testWorld(folder)));
	const pool = await first.opening;
	const close = pool.close.bind(pool);
	const why = new OperatorError("the disk is gone");
	pool.close = async () => {
		await close();
		throw why;
	};
	const releasing = pools.release("a", first);
	// Who comes while it is being closed waits for that, and need not hear how it ended.
	const second = pools.take("a", () => Pool.open(testWorld(folder)));
	await t.rejects(releasing, why);
	await t.rejects(first.closed, why);
	t.equal((await second.opening).volumes.length, 0);
	await pools.release("a", second);
	await second.closed;
	const third = pools.take("a", () => Pool.open(testWorld(folder)));
	t.equal((await third.opening).volumes.length, 0);
	await pools.release("a", third);
});

t.test("what is in no store is handed over to nobody", async (t) => {
	const pool = await Pool.create(testWorld(new MemoryFolder()));
	await t.rejects(
		pool.space.handOver(async () => {}),
		/is in no object store, so no other host can have it/,
	);
	await pool.close();
});
