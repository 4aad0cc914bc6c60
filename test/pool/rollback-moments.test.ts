// What a volume was before it went back, or was replaced, is its own past: moments of then are offered as long as its window has them, and what only
// they have comes back when it has passed them.
import t from "tap";
import { ClockedPool, PAGES } from "./clocked-pool.js";
import { Stage } from "./memory-folder.js";

t.test("moments from before a volume went back are offered until its window has passed them", async (t) => {
	const world = await ClockedPool.create();
	const { pool } = world;
	await pool.administration.takeSnapshots([{ volume: "web", name: "empty" }]);
	const moments = [await world.write(1), await world.write(2)];
	await pool.administration.rollback("web", "empty");
	moments.push(await world.write(3));
	await pool.administration.rollback("web", "empty");
	for (const { name } of pool.administration.volume("web").snapshots)
		await pool.administration.forget("web", name);
	await pool.checkpoint();
	const { createdUs } = pool.administration.volume("web");
	for (let life = 0; life < 3; life++) {
		for (const [i, moment] of moments.entries()) t.equal(await world.show(moment), `${i + 1}`);
		t.equal(world.pool.history.beganUsOf(world.pool.administration.volume("web")), createdUs);
		await world.pool.administration.clone("web", moments[1]!.slice(4), `copy${life}`);
		t.equal(await world.show(`copy${life}`), "2");
		await world.pool.close();
		await world.open();
	}
	for (let life = 0; life < 3; life++) await world.pool.administration.delete(`copy${life}`);
	for (const { name } of world.pool.administration.volume("web").snapshots)
		await world.pool.administration.forget("web", name);
	for (let i = 0; i < 2; i++) {
		await world.write(i);
		await world.pool.checkpoint();
	}
	const before = world.pool.space.ofVolume(
		world.pool.administration.volume("web"),
		await world.pool.space.unwalked(),
	).historyBytes;
	t.ok(before >= 3 * PAGES * 4096, `${before} bytes are history`);
	await world.pass();
	for (const moment of moments) await t.rejects(world.show(moment), /is not kept any more/);
	t.strictSame(world.pool.administration.volume("web").past, [], "the lines that it went by are over");
	await world.pool.close();
});

t.test("moments from before a volume was replaced are its own, and go with it", async (t) => {
	const world = await ClockedPool.create();
	const { administration } = world.pool;
	const moment = await world.write(1);
	await administration.create("other", PAGES * 4096, 4096);
	await administration.replace("web", "other");
	t.equal(await world.show("web"), "0");
	t.equal(await world.show(moment), "1");
	await administration.delete("web");
	await administration.create("web", PAGES * 4096, 4096);
	await t.rejects(world.show(moment), /there was no such volume then/);
	await world.write(1);
	await world.pool.checkpoint();
	await world.pool.checkpoint();
	const { usedBytes } = world.pool.space.ofPool(await world.pool.space.unwalked());
	t.ok(usedBytes < 2 * PAGES * 4096, `${usedBytes} bytes are used`);
	await world.pool.close();
});

t.test("what a volume had in common with a snapshot when it was replaced is not its past", async (t) => {
	const world = await ClockedPool.create();
	const { pool } = world;
	const { administration } = pool;
	// (More than is gone through at once.)
	const pages = 5000;
	const write = async (name: string, from: number, count: number): Promise<void> => {
		const stage = await Stage.of(pool, name);
		for (let page = from; page < from + count; page += 100)
			await stage.write(page, ...new Array<number>(Math.min(100, from + count - page)).fill(7));
		await stage.device.close();
	};
	await administration.create("gold", pages * 4096, 4096);
	await write("gold", 0, pages);
	await administration.takeSnapshots([{ volume: "gold", name: "v1" }]);
	await administration.clone("gold", "v1", "machine");
	for (let boot = 1; boot <= 3; boot++) {
		await write("machine", boot, 3);
		await administration.clone("gold", "v1", "anew");
		await administration.replace("machine", "anew");
		await pool.checkpoint();
		await pool.checkpoint();
		const { historyBytes } = pool.space.ofVolume(
			administration.volume("machine"),
			await pool.space.unwalked(),
		);
		t.equal(historyBytes, 3 * boot * 4096);
		t.equal(pool.space.ofPool(await pool.space.unwalked()).historyBytes, historyBytes);
	}
	await pool.close();
});
