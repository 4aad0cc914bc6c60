// A page that is wrong on storage which has several copies: the one that is right is found, answered, and written over the other.
import t from "tap";
import { PromisedRequest } from "../../lib/block/device.js";
import { MemoryDevice } from "../../lib/block/memory.js";
import { FILE_BYTES } from "../../lib/pool/format.js";
import { Pool } from "../../lib/pool/pool.js";
import { RecordKind, readHeader } from "../../lib/pool/record.js";
import { Segments } from "../../lib/pool/segments.js";
import type { PoolTold } from "../../lib/pool/told.js";
import { heapMemory, memoryOf } from "../../lib/wire/memory.js";
import { MemoryFolder, peek, poke, Stage, show, testWorld } from "./memory-folder.js";
import { LOG, LOOKED_AT, mirrored, spoil } from "./two-copies.js";

/** Where a page of this byte is in the first file of the log. */
async function placeOf(folder: MemoryFolder, value: number): Promise<number> {
	for (let at = 0; at < FILE_BYTES; at += 4096) {
		const bytes = await peek(folder, LOG, at, 4096);
		if (bytes.every((byte) => byte === value)) return at;
	}
	throw new Error("the page is nowhere");
}

async function damaged() {
	const { folder, others } = mirrored();
	const stage = await Stage.create(folder);
	await stage.write(3, 33, 44, 55);
	await stage.close();
	const at = await placeOf(folder, 44);
	const pool = await Pool.open(testWorld(folder));
	// (What is wrong when it is opened is found then, if it is a part of what is looked at.)
	await poke(folder, LOG, at + 7, Uint8Array.of(1));
	const told: PoolTold[] = [];
	pool.tell = (each) => void told.push(each);
	return { folder, pool, told, at, others };
}

t.test("a page is read as it was, and is right on both afterwards", async (t) => {
	const { folder, pool, told, at } = await damaged();
	t.strictSame(await show(pool, "web", 3, 4, 5), [33, 44, 55]);
	t.ok((await peek(folder, LOG, at, 4096)).every((byte) => byte === 44));
	t.equal(told.length, 1);
	t.match(told[0], {
		kind: "pool-damage",
		level: "warn",
		message: /byte \d+: .*another copy did, and was written/,
	});
	await pool.close();
});

t.test("the same where a part of it is wanted", async (t) => {
	const { folder, pool, told, at } = await damaged();
	const stage = await Stage.of(pool);
	const promised = new PromisedRequest();
	const memory = heapMemory(512);
	Object.assign(promised.request, { offsetBytes: 4 * 4096 + 512, lengthBytes: 512, memory });
	t.equal((await promised.run(stage.device)).status, 0);
	t.ok(memory.bytes.every((byte) => byte === 44));
	t.ok((await peek(folder, LOG, at, 4096)).every((byte) => byte === 44));
	t.match(told[0], { level: "warn" });
	await stage.close();
});

t.test("where no copy is right it is an error, and what is there stays", async (t) => {
	const { folder, pool, told, at, others } = await damaged();
	const same = new MemoryFolder();
	for (const [name, device] of others) same.files.set(name, device);
	await poke(same, LOG, at + 9, Uint8Array.of(2));
	const [before, wrong, after] = await show(pool, "web", 3, 4, 5);
	t.strictSame([before, after], [33, 55]);
	t.ok(wrong! < 0);
	t.equal((await peek(folder, LOG, at, 4096))[7], 1);
	t.match(told, [{ kind: "pool-damage", level: "error", message: /does not have the checksum/ }]);
	await pool.close();
});

t.test(
	"a node of the map, too: read as it was, and where sectors have nothing else written again",
	async (t) => {
		const { folder } = mirrored();
		const stage = await Stage.create(folder);
		for (let page = 0; page < 200; page++) await stage.write(page, 1 + page);
		await stage.pool.checkpoint();
		await stage.close();
		const pool = await Pool.open(testWorld(folder));
		const told: PoolTold[] = [];
		pool.tell = (each) => void told.push(each);
		// All that the map has is read from storage: whatever is no page is something else by now, on one of the two.
		const before = await peek(folder, LOG, 0, LOOKED_AT);
		for (let at = 0; at < LOOKED_AT; at += 4096) {
			const page = before.subarray(at, at + 4096);
			if (!page.every((byte) => byte === page[0]))
				await poke(folder, LOG, at, new Uint8Array(4096).fill(0xee));
		}
		t.strictSame(await show(pool, "web", 0, 7, 199), [1, 8, 200]);
		t.ok(told.length > 0);
		for (const { kind, level, message } of told)
			t.match(
				{ kind, level, message },
				{
					kind: "pool-damage",
					level: "warn",
					message: /^memory\/log.000000, byte \d+: a node of the map did not have .* another copy did/,
				},
			);
		await pool.close();
		const areRight = told.map(async ({ message }) => {
			const at = Number(/byte (\d+)/.exec(message)?.[1]);
			return Buffer.from(await peek(folder, LOG, at, 512)).equals(before.subarray(at, at + 512));
		});
		t.ok((await Promise.all(areRight)).includes(true), "it is right on both");
	},
);

/** Where records begin in the first file of the log. */
async function recordsIn(folder: MemoryFolder): Promise<number[]> {
	const { bytes, view } = memoryOf(await peek(folder, LOG, 0, LOOKED_AT), 0);
	const found: number[] = [];
	for (let at = 0; at < LOOKED_AT; at += 4096)
		if (readHeader(bytes, view, at)?.kind === RecordKind.pages) found.push(at);
	return found;
}

async function openTold(folder: MemoryFolder): Promise<{ pool: Pool; told: PoolTold[] }> {
	const pool = await Pool.open(testWorld(folder));
	const told: PoolTold[] = [];
	pool.tell = (each) => void told.push(each);
	pool.age();
	return { pool, told };
}

const PAGES = Array.from({ length: 24 }, (_, page) => page);

for (const isClosed of [true, false])
	t.test(
		`the log and what a checkpoint has, ${isClosed ? "after a checkpoint" : "where records are all that there is"}`,
		async (t) => {
			const { folder, others } = mirrored();
			const stage = await Stage.create(folder);
			for (const page of PAGES) await stage.write(page, 1 + page);
			if (isClosed) await stage.close();
			const wrong = (await recordsIn(folder))[0]!;
			const before = await peek(folder, LOG, wrong, 512);
			const all = await peek(folder, LOG, 0, LOOKED_AT);
			await spoil(folder, 0, LOOKED_AT);
			const { pool, told } = await openTold(folder);
			t.strictSame(
				await show(pool, "web", ...PAGES),
				PAGES.map((page) => 1 + page),
			);
			t.ok(told.some(({ level, message }) => level === "warn" && /another copy did/.test(message)));
			if (!isClosed) t.strictSame(await peek(folder, LOG, wrong, 512), before, "it is right on both");
			// Pieces of a checkpoint begin and end within sectors, which are right as a whole, too.
			const pieces = told.flatMap(({ message }) => /byte (\d+): a checkpoint did/.exec(message)?.[1] ?? []);
			t.equal(pieces.length > 0, isClosed);
			for (const at of pieces.map((byte) => Number(byte) - (Number(byte) % 512)))
				t.strictSame(await peek(folder, LOG, at, 512), all.slice(at, at + 512), `byte ${at}`);
			await pool.close();
			// All that is needed is on the one that had lost it.
			for (const [name, device] of folder.files) others.set(name, new MemoryDevice(device.info.sizeBytes));
			if (isClosed) return;
			const again = await openTold(folder);
			t.strictSame(
				await show(again.pool, "web", ...PAGES),
				PAGES.map((page) => 1 + page),
			);
			await again.pool.close();
		},
	);

t.test("records of which some are right on one and some on the other", async (t) => {
	const { folder, others } = mirrored();
	const stage = await Stage.create(folder);
	for (const page of PAGES) await stage.write(page, 1 + page);
	const same = new MemoryFolder();
	for (const [name, device] of others) same.files.set(name, device);
	const records = await recordsIn(folder);
	t.ok(records.length >= PAGES.length);
	for (const [i, at] of records.entries()) await spoil(i % 2 === 0 ? folder : same, at, at + 4096);
	const { pool } = await openTold(folder);
	t.strictSame(
		await show(pool, "web", ...PAGES),
		PAGES.map((page) => 1 + page),
	);
	await pool.close();
});

t.test("what is on no copy ends the log, or is damage, as without copies", async (t) => {
	const { folder, others } = mirrored();
	const stage = await Stage.create(folder);
	for (const page of PAGES) await stage.write(page, 1 + page);
	const same = new MemoryFolder();
	for (const [name, device] of others) same.files.set(name, device);
	const second = (await recordsIn(folder))[1]!;
	for (const one of [folder, same]) await spoil(one, second, second + 4096);
	await t.rejects(Pool.open(testWorld(folder)), { message: /the log is damaged here/ });
});

t.test("each copy of a page is asked for by name, and the one that is wrong is mended", async (t) => {
	const { folder, others } = mirrored();
	const before = await Stage.create(folder);
	await before.write(3, 33);
	await before.close();
	const stage = await Stage.open(folder);
	const same = new MemoryFolder();
	for (const [name, device] of others) same.files.set(name, device);
	const at = await placeOf(folder, 33);
	const { device } = stage;
	t.equal(device.info.copies, 2);
	const promised = new PromisedRequest();
	const memory = heapMemory(4096);
	const read = async (anotherCopy: number): Promise<number> => {
		Object.assign(promised.request, { offsetBytes: 3 * 4096, lengthBytes: 4096, memory, anotherCopy });
		return (await promised.run(device)).status;
	};
	t.equal(await read(0), 0, "what was right in one copy says nothing of the other");
	await spoil(same, at, at + 4096);
	t.equal(await read(1), 0);
	t.equal((await peek(same, LOG, at, 1))[0], 0xee);
	t.equal(await read(2), 0);
	t.ok(memory.bytes.every((byte) => byte === 33));
	t.equal((await peek(same, LOG, at, 1))[0], 33);
	await stage.close();
});

t.test("what differs is not moved: the copy that is wrong would be put in place of both", async (t) => {
	const { folder, others } = mirrored();
	const stage = await Stage.create(folder);
	const same = new MemoryFolder();
	// (So many that segments of the log are full, and can be emptied.)
	for (let page = 0; page < 5000; page++) await stage.write(page, 1 + (page % 200));
	for (const [name, device] of others) same.files.set(name, device);
	const wrong = 10 * 4096;
	const found = await peek(folder, LOG, wrong, 4096);
	await spoil(folder, wrong, wrong + 4096);
	const segments = new Segments(folder);
	await segments.openAll();
	const into = heapMemory(64 * 1024);
	await t.rejects(segments.readToMove(0, 0, 64 * 1024, into), { message: /copies of it differ/ });
	t.match(segments.differing, [[/log.000000, byte 0$/, /vblade pool scrub/]]);
	await segments.readToMove(0, 64 * 1024, 64 * 1024, into);
	t.strictSame(await peek(same, LOG, wrong, 4096), found);
	await stage.close();
});
