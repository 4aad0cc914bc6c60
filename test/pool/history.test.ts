// What is kept of a pool's past: for how long, in how much space, as it was made with and as a configuration says, and how far back that is.
import t from "tap";
import { Pool } from "../../lib/pool/pool.js";
import type { PoolTold } from "../../lib/pool/told.js";
import { MemoryFolder, Stage, show, testWorld } from "./memory-folder.js";

const PAGE_BYTES = 4096;
const PAGES = 64;

/** All pages of a volume are written over so often, each time with a checkpoint; says when each was done. */
async function overwritten(stage: Stage, times: number): Promise<string[]> {
	const { pool } = stage;
	const moments: string[] = [];
	for (let time = 1; time <= times; time++) {
		await stage.write(0, ...Array.from({ length: PAGES }, () => time));
		await pool.checkpoint();
		const [{ timeUs = 0 } = {}] = await pool.administration.takeSnapshots([
			{ volume: "clock", name: `${time}` },
		]);
		await pool.administration.forget("clock", `${time}`);
		const whole = new Date(Math.floor(timeUs / 1e6) * 1000).toISOString().slice(0, 19);
		moments.push(`${whole}.${String(timeUs % 1e6).padStart(6, "0")}Z`);
	}
	return moments;
}

async function staged(folder = new MemoryFolder()): Promise<{ stage: Stage; told: PoolTold[] }> {
	const stage = await Stage.create(folder, PAGES * PAGE_BYTES);
	const told: PoolTold[] = [];
	stage.pool.tell = (each) => told.push(each);
	await stage.pool.administration.create("clock", 4096, 4096);
	return { stage, told };
}

t.test("history beyond its share is given up from its oldest end, and that is told once", async (t) => {
	const { stage, told } = await staged();
	const { pool } = stage;
	await pool.administration.setPool("file", { historySpace: { bytes: 3 * PAGES * PAGE_BYTES } });
	const moments = await overwritten(stage, 12);
	// (It goes on in the background.)
	await pool.checkpoint();
	await stage.write(0, 99);
	await pool.checkpoint();
	t.strictSame(await show(pool, `web@${moments.at(-1)}`, 0, 1), [12, 12]);
	await t.rejects(
		show(pool, `web@${moments[0]}`, 0),
		/^web@2025-.*: is not kept any more; volume "web" goes back to 2025-11-24T16:00:00\.\d+Z$/,
	);
	t.match(told, [{ kind: "pool-history", level: "info", message: /^history is given up .* more than 768K/ }]);
	t.equal(told.length, 1);
	await stage.close();
});

t.test("what must be kept is, whatever it takes", async (t) => {
	const { stage, told } = await staged();
	const { pool } = stage;
	const least = { historySpace: { bytes: 0 }, historyMinSeconds: 3600 };
	await pool.administration.setPool("file", least);
	const moments = await overwritten(stage, 6);
	t.strictSame(await show(pool, `web@${moments[0]}`, 0, 1), [1, 1]);
	t.strictSame(told, []);
	await pool.administration.set("web", { historySeconds: 0 });
	await stage.write(0, 99);
	await pool.checkpoint();
	await t.rejects(show(pool, `web@${moments[0]}`, 0), /goes back to/, "of the volume itself goes before");
	await stage.close();
});

t.test("settings last; what a configuration says goes before what the pool was made with", async (t) => {
	const folder = new MemoryFolder();
	const pool = await Pool.create(testWorld(folder));
	const { administration } = pool;
	await administration.setPool("create", { historySeconds: 7200, keep: { daily: 86_400 } });
	await administration.setPool("file", { historySeconds: 60, historySpace: { percent: 50 } });
	const both = { historySeconds: 60, historySpace: { percent: 50 }, keep: { daily: 86_400 } };
	t.strictSame(pool.settings, both);
	await pool.close();
	const again = await Pool.open(testWorld(folder));
	t.strictSame(again.settings, both);
	await again.administration.setPool("file", {});
	await again.checkpoint();
	const before = again.space.ofPool(await again.space.unwalked()).usedBytes;
	await again.administration.setPool("file", {});
	t.equal(again.space.ofPool(await again.space.unwalked()).usedBytes, before);
	t.strictSame(again.settings, { historySeconds: 7200, keep: { daily: 86_400 } });
	await again.close();
});

t.test("how far back a volume goes: not before it was made, but before it went back", async (t) => {
	const { stage } = await staged();
	const { pool } = stage;
	const { administration } = pool;
	await stage.write(0, 1);
	await administration.takeSnapshots([{ volume: "web", name: "one" }]);
	await administration.clone("web", "one", "copy");
	const { createdUs } = administration.volume("copy");
	t.equal(pool.history.beganUsOf(administration.volume("copy")), createdUs);
	await stage.device.close();
	await administration.rollback("web", "one");
	t.ok(pool.history.beganUsOf(administration.volume("web")) < createdUs, "it was made before the copy");
	await pool.close();
});
