// What volumes were at moments, as clones and as what they go back to: now, and after the pool was opened again.
import t from "tap";
import { Pool } from "../../lib/pool/pool.js";
import { Random } from "../../lib/random.js";
import { CrashFolder, Power } from "./crash-folder.js";
import { MemoryFolder, Stage, show, testWorld } from "./memory-folder.js";

/** Each half of some pages is written so often, and the time is told when that is done. */
async function written(stage: Stage, ...rounds: number[]): Promise<string[]> {
	const names: string[] = [];
	for (const round of rounds) {
		await stage.write(0, round, round);
		names.push(await mark(stage, `mark-${round}`));
	}
	return names;
}

/** The moment of a snapshot that is taken now, as a name has it. */
async function mark({ pool }: Stage, name: string): Promise<string> {
	const [snapshot] = await pool.administration.takeSnapshots([{ volume: "web", name }]);
	const { timeUs = 0 } = snapshot ?? {};
	return `${new Date(Math.floor(timeUs / 1e6) * 1000).toISOString().slice(0, 19)}.${String(timeUs % 1e6).padStart(6, "0")}Z`;
}

t.test("a clone begins as a volume was at a moment, and nothing else is left of that", async (t) => {
	const folder = new MemoryFolder();
	const stage = await Stage.create(folder);
	const { administration } = stage.pool;
	const [, second = ""] = await written(stage, 1, 2, 3);
	await administration.resize("web", 2 ** 26 + 4096, false);
	await administration.clone("web", second, "copy");
	t.equal(administration.volume("copy").sizeBytes, 2 ** 26, "as large as it was");
	t.equal(administration.volume("web").snapshots.length, 3);
	await t.rejects(administration.clone("web", second, "copy"), /has a volume "copy" already/);
	await t.rejects(administration.clone("web", "2999-01-01T00:00:00Z", "later"), /is in the future/);
	await t.rejects(administration.clone("web", "-9d", "older"), /there was no such volume then/);
	await stage.device.close();
	await stage.pool.close();
	const pool = await Pool.open(testWorld(folder));
	t.strictSame(await show(pool, "copy", 0, 1), [2, 2]);
	t.strictSame(await show(pool, "web", 0, 1), [3, 3]);
	await pool.close();
});

t.test("a volume goes back to a moment; how it was is kept", async (t) => {
	const folder = new MemoryFolder();
	const stage = await Stage.create(folder);
	const { administration } = stage.pool;
	const [first = ""] = await written(stage, 1, 2);
	await t.rejects(administration.rollback("web", first), /goes back only while nobody serves it/);
	await stage.device.close();
	const kept = await administration.rollback("web", first);
	t.match(kept, /^before-moment-\d{8}T\d{6}Z$/);
	t.equal(administration.volume("web").snapshots.length, 3);
	const later = await Stage.of(stage.pool);
	await later.write(1, 7);
	// What it was before it went back is its past, too, although it goes by another line now.
	t.strictSame(await show(stage.pool, `web@${first}`, 0, 1), [1, 1]);
	await administration.clone("web", first, "again");
	await later.close();
	const pool = await Pool.open(testWorld(folder));
	t.strictSame(await show(pool, "web", 0, 1), [1, 7]);
	t.strictSame(await show(pool, `web@${kept}`, 0, 1), [2, 2]);
	t.strictSame(await show(pool, "again", 0, 1), [1, 1]);
	await pool.close();
});

t.test(
	"trap 9: a volume's past is not that of another one of its name, and is its own by another name",
	async (t) => {
		const stage = await Stage.create(new MemoryFolder());
		const { administration } = stage.pool;
		const [first = ""] = await written(stage, 1, 2);
		await stage.device.close();
		await administration.rename("web", "old");
		await administration.create("web", 2 ** 26, 4096);
		t.strictSame(await show(stage.pool, `old@${first}`, 0), [1]);
		await t.rejects(show(stage.pool, `web@${first}`, 0), /web@.*: there was no such volume then/);
		await stage.pool.close();
	},
);

t.test(
	"a checkpoint that is asked for while a snapshot is on its way does not come in between",
	async (t) => {
		// However far it has got.
		for (let turns = 0; turns < 12; turns++) {
			const stage = await Stage.create(new MemoryFolder());
			await stage.write(0, 1);
			const taken = stage.pool.administration.takeSnapshots([{ volume: "web", name: "a" }]);
			for (let turn = 0; turn < turns; turn++) await undefined;
			await Promise.all([taken, stage.pool.checkpoint()]);
			t.equal(stage.pool.space.usedBytes(stage.pool.administration.volume("web")), 4096);
			await stage.close();
		}
	},
);

t.test(
	"snapshots, checkpoints and clones of moments that are asked for at once come one after the other",
	async (t) => {
		const folder = new MemoryFolder();
		const stage = await Stage.create(folder);
		const { pool } = stage;
		const { administration } = pool;
		const [first = ""] = await written(stage, 1, 2);
		const asked: Promise<unknown>[] = [];
		for (let i = 0; i < 8; i++) {
			asked.push(stage.write(i, i), pool.checkpoint());
			asked.push(administration.takeSnapshots([{ volume: "web", name: `s${i}` }]));
			asked.push(pool.checkpoint(), administration.clone("web", first, `c${i}`));
		}
		await Promise.all(asked);
		await stage.close();
		const again = await Pool.open(testWorld(folder));
		for (let i = 0; i < 8; i++) t.strictSame(await show(again, `c${i}`, 0, 1), [1, 1]);
		await again.close();
	},
);

/** A clone of what `web` was and the way back there, until the power is cut; says what was acknowledged. */
async function untilOff(
	folder: CrashFolder,
	moment: string,
): Promise<{ isCloned: boolean; isBack: boolean }> {
	const done = { isCloned: false, isBack: false };
	const work = async (): Promise<void> => {
		const { administration } = await Pool.open(testWorld(folder));
		await administration.clone("web", moment, "copy");
		done.isCloned = true;
		await administration.rollback("web", moment);
		done.isBack = true;
	};
	await Promise.race([work(), folder.power.off]);
	return { ...done };
}

t.test(
	"trap 14: the power is cut at any request of a clone of a moment, and of the way back there",
	async (t) => {
		const random = new Random(14);
		const before = new CrashFolder(new Power(Number.POSITIVE_INFINITY));
		const stage = await Stage.create(before);
		const [, second = ""] = await written(stage, 1, 2, 3);
		await stage.close();
		const ways = new Set<string>();
		for (let cut = 0; !ways.has("true true"); cut++) {
			const folder = before.crash(random, 1, cut);
			const { isCloned, isBack } = await untilOff(folder, second);
			ways.add(`${isCloned} ${isBack}`);
			// Twice: what is there when it is opened is there the next time.
			const survives = random.pick([0, 0.5, 1]);
			const after = folder.crash(random, survives, Number.POSITIVE_INFINITY);
			for (let time = 0; time < 2; time++) {
				const pool = await Pool.open(testWorld(after));
				const copy = pool.volumes.some(({ name }) => name === "copy") && (await show(pool, "copy", 0, 1));
				t.ok(copy === false ? !isCloned : `${copy}` === "2,2", `the clone at ${cut}`);
				const web = `${await show(pool, "web", 0, 1)}`;
				t.ok(web === "2,2" || (web === "3,3" && !isBack), `the volume at ${cut}`);
				await pool.close();
			}
		}
		t.equal(ways.size, 3);
	},
);
