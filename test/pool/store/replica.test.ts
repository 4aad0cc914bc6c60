// A pool whose replica is in a store follows there; another host makes a pool of that, and has all that the first one had.
import t from "tap";
import { Pool } from "../../../lib/pool/pool.js";
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
