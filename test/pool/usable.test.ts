// How much of a small pool volumes can have, as docs/pools.md says it: filled in order until it is full, without history.

import { readFileSync } from "node:fs";
import t from "tap";
import { StorageStatus } from "../../lib/errors.js";
import { FILE_BYTES } from "../../lib/pool/format.js";
import { Stage } from "./memory-folder.js";
import { SmallFolder } from "./small-folder.js";

const MIB = 2 ** 20;
const RECORD_PAGES = 250;
/** What the page says, in MiB; a row is `| 64 | 31 | 49 % |`. */
const ROW = /^\| (\d+) \| (\d+) \| \d+ % \|$/gm;
/** Of what it says: how full the last segments are is a matter of the last records. */
const NEAR = 0.04;
/** Larger ones take more memory than a test should. */
const FILES_MAX = 5;

async function usableMib(files: number): Promise<number> {
	const stage = await Stage.create(new SmallFolder(files), 2 ** 40);
	await stage.pool.administration.setPool("create", { historySeconds: 0 });
	let pages = 0;
	while ((await stage.write(pages, ...new Array<number>(RECORD_PAGES).fill(1))) === StorageStatus.ok)
		pages += RECORD_PAGES;
	await stage.close();
	return (pages * 4096) / MIB;
}

t.test("a small pool is full when docs/pools.md says so", async (t) => {
	const text = readFileSync("docs/pools.md", "utf8");
	const rows = [...text.matchAll(ROW)].map(([, size, usable]) => [Number(size), Number(usable)] as const);
	const measured = rows.filter(([size]) => size <= (FILES_MAX * FILE_BYTES) / MIB);
	t.ok(measured.length >= 3, `${measured.length} rows`);
	for (const [size = 0, usable = 0] of measured) {
		const found = await usableMib((size * MIB) / FILE_BYTES);
		t.ok(Math.abs(found - usable) <= NEAR * size, `${size} MiB: ${found}, as is said ${usable}`);
	}
});
