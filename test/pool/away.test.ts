// The directory of a pool that is open is moved away, another pool is put in its place, and it comes back; or one of its files is, or is replaced: nothing is ever
// made in a directory that is not the pool's, what is open is served on, and it is told.
import { copyFileSync, readdirSync, renameSync, rmSync } from "node:fs";
import path from "node:path";
import t, { type Test } from "tap";
import { directoryWorld } from "../../lib/pool/directory.js";
import { makeFolder } from "../../lib/pool/directory-files.js";
import { fileName } from "../../lib/pool/folder.js";
import { FILE_BYTES } from "../../lib/pool/format.js";
import { Pool } from "../../lib/pool/pool.js";
import type { PoolTold } from "../../lib/pool/told.js";
import { makeBench } from "../block/file-bench.js";
import { until } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import { newDirectory } from "../support/mounts.js";

/** A pool in a directory of its own, what it tells next, and a way to make its file 99. */
async function poolIn(t: Test) {
	const { engine, pump } = makeBench(t);
	const place = newDirectory();
	const folder = path.join(place, "pool");
	await makeFolder(folder);
	const world = directoryWorld(folder, engine, pump);
	const pool = await Pool.create(world);
	const told: PoolTold[] = [];
	pool.tell = (each) => told.push(each);
	const toldNext = async (): Promise<PoolTold> => {
		pool.age();
		await until("something that is told", () => told.length > 0, LIMIT_MS);
		return told.shift()!;
	};
	const grow = () => world.folder.create(fileName(99), FILE_BYTES);
	return { engine, pump, place, folder, pool, toldNext, grow };
}

t.test("a pool's directory goes away and comes back", async (t) => {
	const { engine, pump, place, folder, pool, toldNext, grow } = await poolIn(t);
	const away = path.join(place, "away");
	renameSync(folder, away);
	t.match(await toldNext(), {
		kind: "pool-away",
		level: "error",
		message: /there is no such directory; what/,
	});
	t.match(pool.state, { away: /there is no such directory/ });
	await t.rejects(grow(), /there is no such directory/);
	await pool.administration.create("web", 2 ** 20, 4096);

	await makeFolder(folder);
	const other = await Pool.create(directoryWorld(folder, engine, pump));
	await other.close();
	const names = readdirSync(folder);
	await t.rejects(grow(), /is not there any more; another one may be in its place/);
	t.strictSame(readdirSync(folder), names, "nothing is made in the other one");

	renameSync(folder, path.join(place, "other"));
	renameSync(away, folder);
	t.match(await toldNext(), { kind: "pool-away", level: "info", message: "is where it was again" });
	t.equal(pool.state.away, null);
	await (await grow()).close();

	renameSync(path.join(folder, fileName(99)), path.join(folder, "kept"));
	const message = /log.000099: is not there any more, and what is in it is lost when the pool is closed/;
	t.match(await toldNext(), { kind: "pool-away", level: "error", message });
	t.match(pool.state, { away: message });
	renameSync(path.join(folder, "kept"), path.join(folder, fileName(99)));
	t.match(await toldNext(), { kind: "pool-away", level: "info", message: "is where it was again" });
	rmSync(path.join(folder, fileName(99)));
	await pool.close();
	const again = await Pool.open(directoryWorld(folder, engine, pump));
	t.match(again.volumes, [{ name: "web" }]);
	await again.close();
});

t.test("another file has the name of one that is open, twice", async (t) => {
	const { folder, pool, toldNext, grow } = await poolIn(t);
	const file = await grow();
	// Another one by its name, as whoever puts a copy back makes it; twice, and what was there before is put back.
	for (let round = 0; round < 2; round++) {
		copyFileSync(path.join(folder, fileName(99)), path.join(folder, "copy"));
		renameSync(path.join(folder, fileName(99)), path.join(folder, "kept"));
		renameSync(path.join(folder, "copy"), path.join(folder, fileName(99)));
		const other = /log.000099: is another file than the one that is open, and what is in that is lost when/;
		t.match(await toldNext(), { kind: "pool-away", level: "error", message: other });
		t.match(pool.state, { away: other });
		renameSync(path.join(folder, "kept"), path.join(folder, fileName(99)));
		t.match(await toldNext(), { kind: "pool-away", level: "info", message: "is where it was again" });
		t.equal(pool.state.away, null);
	}
	await file.close();
	await pool.close();
});
