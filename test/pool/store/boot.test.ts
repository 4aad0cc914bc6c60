// A clone of what is in a store: only what it reads is fetched, its boot is recorded, and read ahead for the next one.
import { setImmediate as nextTurn } from "node:timers/promises";
import t from "tap";
import { Objects } from "../../../lib/object/objects.js";
import { Pool } from "../../../lib/pool/pool.js";
import { Random } from "../../../lib/random.js";
import { MemoryObjects } from "../../../lib/testing/memory-objects.js";
import { VirtualClock } from "../../../lib/testing/virtual-clock.js";
import { MemoryFolder, Stage, testWorld } from "../memory-folder.js";
import { StoreStage } from "./stage.js";

const MIB = 2 ** 20;
const PAGES = 8192;
/** What is read at a boot, by page: not in order. */
const BOOT = Array.from({ length: 24 }, (_, at) => ((at * 397) % 500) * 16);

t.test("the first clone fetches what it reads, the second one has it before", async (t) => {
	const clock = new VirtualClock();
	const backend = new MemoryObjects({ clock, random: new Random(1) });
	const there = new StoreStage(backend);
	const folder = () => there.folder(new MemoryFolder(), { clock, store: new Objects(backend, { clock }) });
	const golden = await Pool.create(testWorld(folder()));
	await golden.administration.create("gold", 32 * MIB, 4096);
	const stage = await Stage.of(golden, "gold", "flush");
	for (let page = 0; page < PAGES; page += 64)
		await stage.write(page, ...Array.from({ length: 64 }, (_, at) => 1 + ((page + at) % 251)));
	await golden.administration.takeSnapshots([{ volume: "gold", name: "v1" }]);
	await stage.close();

	// (Nothing of it is on this host.)
	const first = folder();
	const pool = await Pool.open(testWorld(first));
	const before = first.state!.fetchedBytes;
	await pool.administration.clone("gold", "v1", "one");
	const one = await Stage.of(pool, "one", "flush");
	for (const page of BOOT) t.equal(await one.read(page), 1 + (page % 251), `page ${page}`);
	const fetched = first.state!.fetchedBytes - before;
	t.ok(fetched < 0.1 * 32 * MIB, `${Math.round(fetched / 1024)} KiB of 32 MiB were fetched for a boot`);
	await one.close();

	const second = folder();
	const later = await Pool.open(testWorld(second));
	await later.administration.clone("gold", "v1", "two");
	const two = await Stage.of(later, "two", "flush");
	const counts = (): number => second.state!.fetchedBytes;
	let ahead = -1;
	for (let turn = 1; turn < 10_000 && counts() !== ahead; turn++) {
		ahead = counts();
		for (let left = 200; left > 0; left--) await nextTurn();
	}
	for (const page of BOOT) t.equal(await two.read(page), 1 + (page % 251), `page ${page}`);
	t.equal(counts(), ahead, "all of it has been fetched before");
	await two.close();
});
