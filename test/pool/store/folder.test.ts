import t from "tap";
import { Pool } from "../../../lib/pool/pool.js";
import { MemoryFolder, Stage, show, testWorld } from "../memory-folder.js";
import { StoreStage } from "./stage.js";

t.test("a pool is made in a store, closed, and opened by another host", async (t) => {
	const there = new StoreStage();
	const pool = await Pool.create(testWorld(there.folder(new MemoryFolder())));
	await pool.administration.create("web", 64 * 2 ** 20, 4096);
	const stage = await Stage.of(pool);
	for (let page = 0; page < 2000; page++) await stage.write(page, (page % 250) + 1);
	await pool.administration.takeSnapshots([{ volume: "web", name: "monday" }]);
	await stage.write(7, 251);
	await stage.close();
	const objects = there.backend.objects.size;
	t.ok(objects > 0, `${objects} objects`);

	const other = await Pool.open(testWorld(there.folder(new MemoryFolder())));
	t.same(await show(other, "web", 0, 7, 1999, 2000), [1, 251, 250, 0]);
	t.same(await show(other, "web@monday", 7), [8]);
	await other.close();
});
