// A pool on storage that has two copies of all: what holds it together is wrong in the copy that nobody reads, is found and mended by who scrubs, and the pool goes on
// when the other copy is lost.
import t, { type Test } from "tap";
import { type BlockDevice, PromisedRequest } from "../../lib/block/device.js";
import { BlockOp } from "../../lib/block/request.js";
import { StorageStatus } from "../../lib/errors.js";
import { HEAD_NAME } from "../../lib/pool/folder.js";
import { SEGMENT_BYTES } from "../../lib/pool/format.js";
import { HEAD_FILE_BYTES } from "../../lib/pool/head.js";
import { Pool } from "../../lib/pool/pool.js";
import type { PoolTold } from "../../lib/pool/told.js";
import { heapMemory } from "../../lib/wire/memory.js";
import { MemoryFolder, peek, poke, Stage, show, testWorld } from "./memory-folder.js";
import { LOG, mirrored } from "./two-copies.js";

/** Of several segments, with lists of what has died that are stored. */
const PAGES = Array.from({ length: 1100 }, (_, page) => page);
const MAP_SIZE = { entries: 65_536, nodeBytes: 2 ** 20, deadPages: 16 } as const;
const byteOf = (page: number): number => 1 + (page % 200);
const VALUES = PAGES.map(byteOf);
const FILLED = 8 * SEGMENT_BYTES;

/** All that there is of a pool that was used, with records behind its last checkpoint. */
async function used() {
	const { folder, others } = mirrored();
	const stage = await Stage.create(folder, undefined, undefined, MAP_SIZE);
	for (const page of PAGES) await stage.write(page, byteOf(page + 7));
	await stage.pool.administration.takeSnapshots([{ volume: "web", name: "then" }]);
	await stage.pool.checkpoint();
	for (const page of PAGES) await stage.write(page, byteOf(page));
	await stage.pool.checkpoint();
	await stage.write(0, byteOf(0));
	const told: PoolTold[] = [];
	stage.pool.tell = (each) => void told.push(each);
	const same = new MemoryFolder();
	for (const [name, device] of others) same.files.set(name, device);
	return { folder, same, stage, told };
}

async function scrub({ pool }: Stage): Promise<string[]> {
	const damaged: string[] = [];
	for (let at = 0, total = 1; at < total; ) {
		const step = await pool.readings.scrub.step(at);
		({ total } = step);
		at = step.reached;
		damaged.push(...step.damaged);
	}
	return damaged;
}

const allOf = async (folder: MemoryFolder) => ({
	head: Buffer.from(await peek(folder, HEAD_NAME, 0, HEAD_FILE_BYTES)),
	log: Buffer.from(await peek(folder, LOG, 0, FILLED)),
});

/** Blocks of the log that have a byte each are pages; nobody reads zeros. */
async function spoilAllButPages(folder: MemoryFolder): Promise<number> {
	const { log } = await allOf(folder);
	let count = 0;
	for (let at = 0; at < FILLED; at += 4096) {
		const block = log.subarray(at, at + 4096);
		if (block.every((byte) => byte === block[0])) continue;
		await poke(folder, LOG, at, new Uint8Array(4096).fill(0xee));
		count++;
	}
	await poke(folder, HEAD_NAME, 0, new Uint8Array(HEAD_FILE_BYTES).fill(0xee));
	return count;
}

/** With what this folder has alone. */
async function opened(t: Test, { files }: MemoryFolder): Promise<void> {
	const alone = new MemoryFolder();
	for (const [name, device] of files) alone.files.set(name, device);
	const pool = await Pool.open(testWorld(alone, 1, undefined, MAP_SIZE));
	t.strictSame(await show(pool, "web", ...PAGES), VALUES);
	await pool.close();
}

for (const which of ["other", "first"] as const)
	t.test(`all but pages is wrong in the ${which} copy`, async (t) => {
		const { folder, same, stage, told } = await used();
		const [spoilt, whole] = which === "other" ? [same, folder] : [folder, same];
		t.strictSame(await scrub(stage), []);
		stage.pool.age();
		t.strictSame(told, [], "nothing is wrong");
		const before = await allOf(whole);
		t.ok((await spoilAllButPages(spoilt)) > 2 * PAGES.length, "a header for each record");
		t.strictSame(await scrub(stage), []);
		// (As scrubs go through volumes.)
		stage.pool.readings.askAll(true);
		t.strictSame(await stage.readAll(...PAGES), VALUES);
		t.strictSame(
			await show(stage.pool, "web@then", ...PAGES),
			PAGES.map((page) => byteOf(page + 7)),
		);
		stage.pool.age();
		for (const what of ["the head", "a checkpoint", "a segment of the log"])
			t.ok(
				told.some(({ message }) => message.includes(`${what} did not`)),
				what,
			);
		t.notOk(told.some(({ level }) => level === "error"));
		const after = await allOf(spoilt);
		t.ok(after.head.equals((await allOf(whole)).head), "the head is the same");
		t.ok(
			after.log.subarray(0, SEGMENT_BYTES).equals(before.log.subarray(0, SEGMENT_BYTES)),
			"so is a segment",
		);
		t.ok((await allOf(whole)).log.equals(before.log), "what was right is what it was");
		await stage.close();
		await opened(t, spoilt);
	});

t.test("pages of the past are put right with their segment, in whichever copy they are wrong", async (t) => {
	const { folder, same, stage } = await used();
	const before = await allOf(folder);
	let count = 0;
	for (let at = 0; at < SEGMENT_BYTES; at += 4096) {
		const block = before.log.subarray(at, at + 4096);
		if (block[0] === 0 || !block.every((byte) => byte === block[0])) continue;
		await poke(count++ % 2 === 0 ? folder : same, LOG, at + 100, Uint8Array.of(1, 2, 3));
	}
	t.ok(count > 500);
	t.strictSame(await scrub(stage), []);
	for (const each of [folder, same]) t.ok((await allOf(each)).log.equals(before.log));
	await stage.close();
});

t.test("what is wrong in both copies stays in both, and is told", async (t) => {
	const { folder, same, stage } = await used();
	const last = SEGMENT_BYTES - 4096;
	for (const [i, each] of [folder, same].entries()) await poke(each, LOG, last, Uint8Array.of(7 + i));
	t.match(await scrub(stage), [/log.000000, byte \d+: the summary of this segment is damaged here$/]);
	t.strictSame([...(await peek(folder, LOG, last, 1)), ...(await peek(same, LOG, last, 1))], [7, 8]);
	await stage.close();
});

/** Reads of some bytes fail, in one of the copies, until they are written. */
function failing(device: BlockDevice, from: number, to: number): BlockDevice {
	let isBad = true;
	return {
		get info() {
			return device.info;
		},
		submit(request) {
			const { op, offsetBytes, lengthBytes } = request;
			const isThere = offsetBytes < to && offsetBytes + lengthBytes > from;
			if (op === BlockOp.write && isThere) isBad = false;
			if (op === BlockOp.read && isThere && isBad) request.complete(StorageStatus.mediumError);
			else device.submit(request);
		},
		setWriteCache: (enabled) => device.setWriteCache(enabled),
		cancel: (request) => device.cancel(request),
		listen: (listener) => device.listen(listener),
		close: () => device.close(),
	};
}

t.test("a copy that can't be read is written again", async (t) => {
	const { folder, others } = mirrored();
	const stage = await Stage.create(folder, undefined, undefined, MAP_SIZE);
	for (const page of PAGES) await stage.write(page, byteOf(page));
	await stage.close();
	for (const [name, device] of others)
		others.set(name, failing(device, 0, name === LOG ? 4096 : HEAD_FILE_BYTES));
	const again = await Stage.open(folder, MAP_SIZE);
	t.strictSame(await scrub(again), []);
	const promised = new PromisedRequest();
	for (const device of others.values()) {
		Object.assign(promised.request, {
			op: BlockOp.read,
			offsetBytes: 0,
			lengthBytes: 4096,
			memory: heapMemory(4096),
		});
		t.equal((await promised.run(device)).status, StorageStatus.ok);
	}
	await again.close();
});
