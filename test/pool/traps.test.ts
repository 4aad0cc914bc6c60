// What others fell into, on pools in memory: what depends on something else in a group, clones and exports while space comes back, what was
// deleted, golden images, what is behind others' unsynced writes. The others have tests where their rooms are: docs/reliability.md has the list.

import { setImmediate as nextTurn } from "node:timers/promises";
import t from "tap";
import { RECORD_ENTRIES } from "../../lib/pool/format.js";
import { Pool } from "../../lib/pool/pool.js";
import { Random } from "../../lib/random.js";
import { CrashFolder, type Planted, Power } from "./crash-folder.js";
import { MemoryFolder, Stage, show, testWorld } from "./memory-folder.js";
import { SmallFolder } from "./small-folder.js";

const MAP_SIZE = { entries: RECORD_ENTRIES + 1_000, nodeBytes: 2 ** 20 } as const;
const ALWAYS = Number.POSITIVE_INFINITY;
const GROUPS = 12;

/** Somebody writes to `web`, and then to `db` what depends on that, while groups are taken: what their snapshots have, in pairs. */
async function groups(take: (pool: Pool, name: string) => Promise<unknown>): Promise<[number, number][]> {
	const stage = await Stage.create(new MemoryFolder());
	const { pool } = stage;
	await pool.administration.create("db", 2 ** 20, 4096);
	const db = await Stage.of(pool, "db", "flush");
	let isOver = false;
	const writing = (async () => {
		for (let n = 1; !isOver; n++) {
			await nextTurn();
			await stage.write(0, n % 256, n >> 8);
			await db.write(0, n % 256, n >> 8);
		}
	})();
	for (let i = 0; i < GROUPS; i++) await take(pool, `s${i}`);
	isOver = true;
	await writing;
	const found: [number, number][] = [];
	for (let i = 0; i < GROUPS; i++) {
		const [first, then] = [await show(pool, `web@s${i}`, 0, 1), await show(pool, `db@s${i}`, 0, 1)];
		found.push([first[0]! + 256 * first[1]!, then[0]! + 256 * then[1]!]);
	}
	await db.device.close();
	await stage.close();
	return found;
}

t.test("trap 7: no snapshot of a group has a write that depended on one that another lacks", async (t) => {
	const taken = await groups((pool, name) =>
		pool.administration.takeSnapshots(["web", "db"].map((volume) => ({ volume, name }))),
	);
	t.notOk(
		taken.some(([first, then]) => then > first),
		JSON.stringify(taken),
	);
	t.ok(new Set(taken.map(([first]) => first)).size > 3, "in the middle of it");
	const apart = await groups(async (pool, name) => {
		for (const volume of ["web", "db"]) await pool.administration.takeSnapshots([{ volume, name }]);
	});
	t.ok(
		apart.some(([first, then]) => then > first),
		"those that are taken one after the other do",
	);
});

t.test("trap 8: clones and exports that begin while space is reclaimed lose no page", async (t) => {
	const stage = await Stage.create(new SmallFolder(2), 4_000 * 4096, 1, MAP_SIZE);
	const { pool } = stage;
	const { administration } = pool;
	const pages = Array.from({ length: 100 }, (_, i) => 7 * i);
	const held = pages.map((page) => 1 + (page % 250));
	for (const [i, page] of pages.entries()) await stage.write(page, held[i]!);
	await administration.takeSnapshots([{ volume: "web", name: "one" }]);
	for (const page of pages) await stage.write(page, 0);
	const writing = async (): Promise<void> => {
		for (let i = 0; i < 16; i++)
			t.equal(
				await stage.write(2_000 + 250 * (i % 8), ...new Array<number>(250).fill(1)),
				0,
				"space comes back",
			);
	};
	for (let round = 0; round < 10; round++) {
		const cloning = administration.clone("web", "one", `copy${round}`);
		const [exported] = await Promise.all([show(pool, "web@one", ...pages), writing(), cloning]);
		t.strictSame(exported, held);
		t.strictSame(await show(pool, `copy${round}`, ...pages), held);
	}
	await stage.close();
});

t.test(
	"trap 10: a deleted volume does not come back, nor what it held, wherever the power is cut",
	async (t) => {
		const random = new Random(10);
		const before = new CrashFolder(new Power(ALWAYS));
		const stage = await Stage.create(before);
		await stage.write(0, 5);
		await stage.close();
		const seen = new Set<string>();
		for (let cut = 0; !seen.has("deleted, made"); cut++) {
			const folder = before.crash(random, 1, cut);
			let done = "";
			const work = async (): Promise<void> => {
				const { administration } = await Pool.open(testWorld(folder));
				done = "there";
				await administration.delete("web");
				done = "deleted";
				await administration.create("web", 4096 * 8, 4096);
				done = "deleted, made";
			};
			await Promise.race([work(), folder.power.off]);
			seen.add(done);
			const after = folder.crash(random, random.pick([0, 0.5, 1]), ALWAYS);
			for (let life = 0; life < 2; life++) {
				const pool = await Pool.open(testWorld(after));
				const size = pool.volumes[0]?.sizeBytes;
				if (done.startsWith("deleted")) t.not(size, 64 * 2 ** 20, `it is back at ${cut}`);
				if (done === "deleted, made") t.equal(size, 4096 * 8);
				if (size !== undefined)
					t.strictSame(await show(pool, "web", 0), [size === 4096 * 8 ? 0 : 5], `at ${cut}`);
				await pool.close();
			}
		}
		t.equal(seen.size, 4);
	},
);

t.test(
	"trap 13: the golden image changes under 100 clones that run, and each keeps its own version",
	async (t) => {
		const stage = await Stage.create(new SmallFolder(2), 4_000 * 4096, 1, MAP_SIZE);
		const { pool } = stage;
		const clones: Stage[] = [];
		for (let version = 1; version <= 4; version++) {
			await stage.write(0, ...new Array<number>(200).fill(version));
			await pool.administration.takeSnapshots([{ volume: "web", name: `v${version}` }]);
			for (let i = 0; i < 25; i++) {
				await pool.administration.clone("web", `v${version}`, `c${clones.length}`);
				clones.push(await Stage.of(pool, `c${clones.length}`));
				await clones.at(-1)!.write(clones.length, 100 + version);
			}
		}
		for (let version = 1; version <= 4; version++) await pool.administration.forget("web", `v${version}`);
		for (let i = 0; i < 80; i++)
			t.equal(await stage.write(250 * (i % 8), ...new Array<number>(250).fill(5 + (i % 100))), 0);
		for (const [i, clone] of clones.entries()) {
			const version = 1 + Math.floor(i / 25);
			const own = [...clones.keys()].map((page) => (page === i + 1 ? 100 + version : version));
			t.strictSame(await clone.readAll(...clones.keys()), own, `clone ${i}`);
		}
		for (const { device } of clones) await device.close();
		await stage.close();
	},
);

/** `bulk` is written without anybody waiting for syncs, then a page of `web`, which is acknowledged; what is there when there is power again. */
async function behindBulk(megabytes: number, random: Random, planted?: Planted): Promise<[number, number[]]> {
	const folder = new CrashFolder(new Power(ALWAYS), planted);
	const stage = await Stage.create(folder);
	const { pool } = stage;
	await pool.administration.create("bulk", 2 ** 26, 4096);
	const bulk = await Stage.of(pool, "bulk", "none");
	for (let i = 0; i < megabytes; i++) await bulk.write(250 * i, ...new Array<number>(250).fill(1 + i));
	if ((await stage.write(0, 77)) !== 0) throw new Error("it is not written");
	const again = await Pool.open(testWorld(folder.crash(random, random.pick([0, 0.5]), ALWAYS)));
	const first = await show(again, "web", 0);
	const before = await show(again, "bulk", ...Array.from({ length: megabytes }, (_, i) => 250 * i));
	await again.close();
	return [first[0]!, before];
}

t.test(
	"trap 17: an acknowledged write behind unsynced bulk of another volume outlives a loss of power",
	async (t) => {
		const random = new Random(17);
		for (const megabytes of [1, 3, 7, 12, 20]) {
			const [found, before] = await behindBulk(megabytes, random);
			t.equal(found, 77, `behind ${megabytes} MB`);
			t.strictSame(
				before,
				[...before.keys()].map((i) => 1 + i),
				"with all that was written before it",
			);
		}
		const isLost = await behindBulk(3, random, "no sync").then(
			([found]) => found !== 77,
			() => true,
		);
		t.ok(isLost, "without syncs it does not");
	},
);
