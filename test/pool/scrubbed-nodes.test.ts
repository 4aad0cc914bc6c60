// A pool on storage that has two copies of all: noise in the copy of the map that nobody reads is found and mended by who scrubs, before the other one is lost.
import { setTimeout as sleep } from "node:timers/promises";
import t from "tap";
import { Pool } from "../../lib/pool/pool.js";
import type { PoolTold } from "../../lib/pool/told.js";
import { MemoryFolder, peek, Stage, show, testWorld } from "./memory-folder.js";
import { LOG, LOOKED_AT, mirrored, spoil } from "./two-copies.js";

/** Of more leaves than one. */
const PAGES = Array.from({ length: 600 }, (_, page) => page);
const VALUES = PAGES.map((page) => 1 + (page % 200));

/** Blocks of the file that have something else than pages. */
async function blocksOfMap(folder: MemoryFolder): Promise<number[]> {
	const bytes = await peek(folder, LOG, 0, LOOKED_AT);
	const found: number[] = [];
	for (let at = 0; at < LOOKED_AT; at += 4096) {
		const block = bytes.subarray(at, at + 4096);
		if (!block.every((byte) => byte === block[0])) found.push(at);
	}
	return found;
}

for (const isKnown of [false, true])
	t.test(`nodes ${isKnown ? "that are in memory" : "that were not read"}`, async (t) => {
		const { folder, others } = mirrored();
		const stage = await Stage.create(folder);
		for (const page of PAGES) await stage.write(page, VALUES[page]!);
		await stage.pool.checkpoint();
		await stage.close();
		const same = new MemoryFolder();
		for (const [name, device] of others) same.files.set(name, device);
		const pool = await Pool.open(testWorld(folder));
		const told: PoolTold[] = [];
		pool.tell = (each) => void told.push(each);
		if (isKnown) t.strictSame(await show(pool, "web", ...PAGES), VALUES);
		const blocks = await blocksOfMap(folder);
		for (const at of blocks) await spoil(same, at, at + 4096);
		t.strictSame(told, []);
		pool.readings.askAll(true);
		t.strictSame(await show(pool, "web", ...PAGES), VALUES);
		// (Nobody waits until a node that was right somewhere is right everywhere.)
		await sleep(10);
		t.ok(
			told.some(
				({ level, message }) => level === "warn" && /a node of the map .*another copy did/.test(message),
			),
		);
		for (const at of blocks) await spoil(folder, at, at + 4096);
		pool.readings.askAll(true);
		t.strictSame(await show(pool, "web", ...PAGES), VALUES);
		t.notOk(
			told.some(({ level }) => level === "error"),
			"nothing is lost",
		);
		await pool.close();
	});
