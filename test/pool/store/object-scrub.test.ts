/** What a scrub of a pool in an object store finds there and here, and what it makes of it. */

import t from "tap";
import { BlockOp } from "../../../lib/block/request.js";
import { OperatorError } from "../../../lib/errors.js";
import { Objects } from "../../../lib/object/objects.js";
import { Pool } from "../../../lib/pool/pool.js";
import { run } from "../../../lib/pool/run.js";
import { heapMemory } from "../../../lib/wire/memory.js";
import { MemoryFolder, Stage, show, testWorld } from "../memory-folder.js";
import { StoreStage } from "./stage.js";

const PAGES = 5000;
/** So many are written by one request. */
const AT_ONCE = 50;
const SOME = [0, 1, 63, 64, 999, 2500, 4321, PAGES - 1];
const byteOf = (page: number): number => (page % 250) + 1;

/** A pool in a store, with all of it on one host, which has closed it. */
async function made() {
	const there = new StoreStage();
	const local = new MemoryFolder();
	const pool = await Pool.create(testWorld(there.folder(local)));
	await pool.administration.create("web", 64 * 2 ** 20, 4096);
	const stage = await Stage.of(pool);
	for (let page = 0; page < PAGES; page += AT_ONCE)
		await stage.write(page, ...Array.from({ length: AT_ONCE }, (_, i) => byteOf(page + i)));
	await stage.close();
	return { there, local, objects: there.backend.objects };
}

/** Nobody waits long for a store in memory. */
const LIMITS = { attempts: 2, attemptMs: 1000, limitMs: 2000, mostPauseMs: 10 };

async function opened(there: StoreStage, local: MemoryFolder) {
	const folder = there.folder(local, { store: new Objects(there.backend, { limits: LIMITS }) });
	return { folder, pool: await Pool.open(testWorld(folder)) };
}

/** All steps of a scrub. */
async function scrub(pool: Pool, isLight = false) {
	const damaged: string[] = [];
	const mended: string[] = [];
	pool.tell = ({ message }) => void mended.push(message);
	for (let at = 0; ; ) {
		const step = await pool.readings.scrub.step(at, isLight);
		damaged.push(...step.damaged);
		if (step.reached >= step.total) break;
		at = step.reached;
	}
	pool.age();
	return { damaged, mended };
}

/** The objects that the image consists of, by their first block of bytes. */
const MAGICS = { object: "VLBO", manifest: "VLBM" } as const;
function objectsOf(objects: ReadonlyMap<string, Buffer>, magic: keyof typeof MAGICS): string[] {
	return [...objects]
		.filter(([, bytes]) => bytes.toString("latin1", 0, 4) === MAGICS[magic])
		.map(([name]) => name);
}

/** The largest: most of the pages. */
function largest(objects: ReadonlyMap<string, Buffer>): string {
	return objectsOf(objects, "object").reduce((best, name) =>
		objects.get(name)!.length > objects.get(best)!.length ? name : best,
	);
}

function flipped(bytes: Buffer, at: number): Buffer {
	const other = Buffer.from(bytes);
	other[at]! ^= 1;
	return other;
}

t.test("a scrub of what is right says nothing, and asks for each object once", async (t) => {
	const { there, objects } = await made();
	const { folder, pool } = await opened(there, new MemoryFolder());
	const asked = (): number =>
		[...there.backend.counts.all()]
			.filter(({ op }) => op === "get")
			.reduce((sum, { times }) => sum + Array.from(times.counts).reduce((all, count) => all + count, 0), 0);
	for (let at = 0, before = false; !before; at++) {
		const step = await pool.readings.scrub.step(at);
		before = step.reached >= step.total - objectsOf(objects, "object").length - 1;
	}
	const [fetched, gets] = [folder.state!.fetchedBytes, asked()];
	t.same(await scrub(pool), { damaged: [], mended: [] });
	t.equal(folder.state!.fetchedBytes, fetched, "nothing of it has come to this host");
	const count = objectsOf(objects, "object").length;
	t.ok(asked() - gets <= count + 1, `${asked() - gets} reads for ${count} objects`);
	await pool.close();
});

const TABLE = "a byte of its table is another one";
type Damage = (objects: Map<string, Buffer>, name: string) => void;
const DAMAGES: Readonly<Record<string, Damage>> = {
	"a byte of a block is another one": (objects, name) => {
		const bytes = objects.get(name)!;
		objects.set(name, flipped(bytes, bytes.length - 1000));
	},
	[TABLE]: (objects, name) => objects.set(name, flipped(objects.get(name)!, 60)),
	"it is too short": (objects, name) => objects.set(name, objects.get(name)!.subarray(0, 200_000)),
	"it has gone": (objects, name) => objects.delete(name),
	"it is another object": (objects, name) => {
		const other = objectsOf(objects, "object").find((each) => each !== name)!;
		objects.set(name, objects.get(other)!);
	},
};

for (const [what, damage] of Object.entries(DAMAGES)) {
	t.test(`an object of which ${what} is stored anew from what is on this host`, async (t) => {
		const { there, local, objects } = await made();
		const { pool } = await opened(there, local);
		damage(objects, largest(objects));
		const { damaged, mended } = await scrub(pool);
		t.same(damaged, []);
		t.ok(mended.length > 0, mended.join());
		await pool.close();
		const other = await opened(there, new MemoryFolder());
		t.same(await show(other.pool, "web", ...SOME), SOME.map(byteOf), "another host has all of it");
		t.same(await scrub(other.pool), { damaged: [], mended: [] });
		await other.pool.close();
	});

	t.test(`an object of which ${what}, and of which nothing is here, is told`, async (t) => {
		const { there, objects } = await made();
		const { folder, pool } = await opened(there, new MemoryFolder());
		const name = largest(objects);
		damage(objects, name);
		const looked = [];
		for (const number of folder.stored!.list()) looked.push(await folder.stored!.look(number, true));
		const mended = looked.flatMap((each) => each.mended.map(([place]) => place));
		const damaged = looked.flatMap((each) => each.damaged);
		const isTold = (told: readonly string[]): boolean => told.some((each) => each.includes(name));
		if (what === TABLE)
			t.ok(isTold(mended), "its blocks are right, and what is known of them is stored anew");
		else t.ok(isTold(damaged), damaged.join());
		await pool.close();
	});
}

t.test("a lost manifest is written again", async (t) => {
	const { there, local, objects } = await made();
	const { pool } = await opened(there, local);
	await scrubbedTail(pool, objects);
	const [manifest] = objectsOf(objects, "manifest");
	t.ok(manifest !== undefined, "there is one");
	objects.delete(manifest!);
	const { damaged, mended } = await scrub(pool);
	t.same(damaged, []);
	t.match(mended, [/manifest/]);
	await pool.close();
	const other = await opened(there, new MemoryFolder());
	t.same(await show(other.pool, "web", ...SOME), SOME.map(byteOf));
	await other.pool.close();
});

/** After that there is a manifest: the table of an object behind it was wrong. */
async function scrubbedTail(pool: Pool, objects: Map<string, Buffer>): Promise<void> {
	const name = largest(objects);
	objects.set(name, flipped(objects.get(name)!, 60));
	await scrub(pool);
}

t.test("what is wrong on this host alone is fetched again", async (t) => {
	const { there, local } = await made();
	for (const [name, device] of local.files) {
		if (!name.startsWith("log.")) continue;
		const memory = heapMemory(4096);
		for (let at = 0; at < 16 * 2 ** 20; at += 256 * 1024) {
			await run(device, BlockOp.read, at + 8192, 4096, memory, name);
			memory.bytes[100]! ^= 1;
			await run(device, BlockOp.write, at + 8192, 4096, memory, name);
		}
	}
	const { pool } = await opened(there, local);
	const { damaged, mended } = await scrub(pool);
	t.same(damaged, []);
	t.ok(mended.length > 0, mended.join());
	const all = Array.from({ length: PAGES }, (_, page) => page);
	t.same(await show(pool, "web", ...all), all.map(byteOf));
	t.same(await scrub(pool), { damaged: [], mended: [] });
	await pool.close();
});

t.test("a check says what is not there, and reads nothing of the rest", async (t) => {
	const { there, local, objects } = await made();
	const { pool } = await opened(there, local);
	t.same(await scrub(pool, true), { damaged: [], mended: [] });
	const name = largest(objects);
	objects.set(name, objects.get(name)!.subarray(0, 200_000));
	t.match((await scrub(pool, true)).damaged, [/has 200000 bytes, not [0-9]+$/]);
	objects.delete(name);
	t.match((await scrub(pool, true)).damaged, [/is not there$/]);
	await pool.close();
});

t.test("a store that does not answer is not damaged", async (t) => {
	const { there, local } = await made();
	const { pool } = await opened(there, local);
	there.backend.isAway = true;
	await t.rejects(scrub(pool), OperatorError);
	await t.rejects(scrub(pool, true), OperatorError);
	there.backend.isAway = false;
	t.same(await scrub(pool), { damaged: [], mended: [] });
	await pool.close();
});
