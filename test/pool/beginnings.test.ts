// What is made for a clone of a moment, or for the way back there, is gone when that is refused, whatever has gone wrong, or when the power was cut; a
// pool that can't be opened, for whatever reason, has nothing open, and a volume that can't be opened is in use by nobody.
import t from "tap";
import type { BlockDevice } from "../../lib/block/device.js";
import { OperatorError } from "../../lib/errors.js";
import type { PoolFolder } from "../../lib/pool/folder.js";
import { Pool } from "../../lib/pool/pool.js";
import { Random } from "../../lib/random.js";
import { CrashFolder, Power } from "./crash-folder.js";
import { Fault, FaultFolder, type FaultKind } from "./fault-folder.js";
import { kept, MemoryFolder, Stage, show, testWorld } from "./memory-folder.js";
import { isoOf } from "./whole-life.js";

t.setTimeout(230_000);

/** A pool whose volume has a snapshot, and a moment after which something was written. */
async function prepared(): Promise<{ folder: CrashFolder; moment: string }> {
	const folder = new CrashFolder(new Power(Number.POSITIVE_INFINITY));
	const stage = await Stage.create(folder);
	await stage.write(0, 1);
	const [snapshot] = await stage.pool.administration.takeSnapshots([{ volume: "web", name: "a" }]);
	await stage.write(0, 2);
	await stage.close();
	return { folder, moment: isoOf(snapshot!.timeUs) };
}

function snapshotsOf({ volumes }: Pool): string {
	return volumes.flatMap(({ name, snapshots }) => snapshots.map((each) => `${name}@${each.name}`)).join();
}

const WAYS = {
	clone: ({ administration }: Pool, moment: string) => administration.clone("web", moment, "copy"),
	rollback: ({ administration }: Pool, moment: string) => administration.rollback("web", moment),
} as const satisfies Record<string, (pool: Pool, moment: string) => Promise<unknown>>;

/** One request fails; false if there are not so many. */
async function refuse(way: keyof typeof WAYS, kind: FaultKind, left: number, random: Random) {
	const { folder, moment } = await prepared();
	const fault = new Fault(kind, Number.POSITIVE_INFINITY);
	const pool = await Pool.open(testWorld(new FaultFolder(folder, fault)));
	// (What was not synced yet has to be, before a checkpoint names it.)
	if (way === "clone") await (await Stage.of(pool, "web", "none")).write(1, 3);
	fault.arm(left);
	const isDone = await WAYS[way](pool, moment).then(
		() => true,
		(error: unknown) => {
			if (!(error instanceof OperatorError)) throw error;
			return false;
		},
	);
	const { strikes } = fault;
	const when = `${way}, ${kind} at ${left}`;
	t.notMatch(snapshotsOf(pool), /@moment-/, `nothing is left in memory: ${when}`);
	fault.heal();
	await pool.close();
	const again = await Pool.open(testWorld(folder.crash(random, 1, Number.POSITIVE_INFINITY)));
	t.notMatch(snapshotsOf(again), /@moment-/, `nor on storage: ${when}`);
	t.strictSame(await show(again, "web@a", 0), [1]);
	await again.close();
	return { isRefused: !isDone, isThere: strikes > 0 };
}

t.test("a clone of a moment, or the way back there, that is refused leaves nothing", async (t) => {
	const random = new Random(5);
	// (What finds no space is not refused, but waits: `young.test.ts`.)
	for (const way of Object.keys(WAYS) as (keyof typeof WAYS)[])
		for (const kind of ["write", "sync"] as const) {
			let refused = 0;
			for (let left = 0; ; left++) {
				const { isRefused, isThere } = await refuse(way, kind, left, random);
				if (isRefused) refused++;
				if (!isThere) break;
			}
			t.ok(refused > 1, `${way}, ${kind}: ${refused} were refused`);
		}
});

t.test("nor does one during which the power is cut", async (t) => {
	const random = new Random(6);
	const { folder: before, moment } = await prepared();
	for (const way of Object.keys(WAYS) as (keyof typeof WAYS)[])
		for (let cut = 0, isOver = false; !isOver; cut++) {
			const folder = before.crash(random, 1, cut);
			const work = async (): Promise<boolean> => {
				await WAYS[way](await Pool.open(testWorld(folder)), moment);
				return true;
			};
			isOver = (await Promise.race([work(), folder.power.off])) === true;
			const after = folder.crash(random, random.pick([0, 0.5, 1]), Number.POSITIVE_INFINITY);
			const pool = await Pool.open(testWorld(after));
			t.notMatch(snapshotsOf(pool), /@moment-/, `${way}, cut at ${cut}`);
			await pool.close();
		}
});

/** Counts what is open. */
class CountedFolder extends MemoryFolder {
	readonly opened = new Set<string>();

	override async open(name: string): Promise<BlockDevice> {
		const device = kept(await super.open(name));
		this.opened.add(name);
		device.close = async () => {
			this.opened.delete(name);
			return "closed";
		};
		return device;
	}
}

t.test("a pool that can't be opened has nothing open, be it by a defect of ours", async (t) => {
	const folder = new CountedFolder();
	const { pool } = await Stage.create(folder);
	await pool.close();
	t.equal(folder.opened.size, 0);
	const bug = (): never => {
		throw new TypeError("a defect");
	};
	await t.rejects(
		Pool.open({ ...testWorld(folder), between: bug }),
		TypeError,
		"while its parts are put together",
	);
	t.strictSame([...folder.opened], []);
	const most = { get: bug };
	const broken: PoolFolder = Object.defineProperty(Object.create(folder) as PoolFolder, "most", most);
	await t.rejects(Pool.open(testWorld(broken)), TypeError, "while its files are looked at");
	t.strictSame([...folder.opened], []);
	const good = await Pool.open(testWorld(folder));
	await good.close();
});

t.test("a volume with a quota that can't be opened is in use by nobody", async (t) => {
	const { folder } = await prepared();
	const fault = new Fault("write", Number.POSITIVE_INFINITY);
	const pool = await Pool.open(testWorld(new FaultFolder(folder, fault)));
	await pool.administration.set("web", { quotaBytes: 2 ** 20 });
	fault.arm(0);
	await t.rejects(
		pool.openVolume("web", false, async () => {}),
		/memory\/.*: mediumError/,
	);
	const stage = await Stage.of(pool);
	t.equal(await stage.read(0), 2);
	await stage.close();
});
