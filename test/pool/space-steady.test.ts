// A pool that is 60 % full, and small, is written over by whoever keeps 64 pages under way: what cleaning gives is taken again at once, and cleaning
// goes on for all that.

import t, { type Test } from "tap";
import { StorageStatus } from "../../lib/errors.js";
import { FILE_BYTES } from "../../lib/pool/format.js";
import { Random } from "../../lib/random.js";
import { MemoryFolder, Stage } from "./memory-folder.js";

const FILES = 4;
const SLOT_PAGES = 2048;
const PAGES = Math.floor(0.6 * FILES * 8 * SLOT_PAGES);
const OVERWRITES = 12_000;
const MAP_SIZE = { entries: 100_000, nodeBytes: 4 * 2 ** 20 } as const;

/** With room for so many files of the log. */
class FullFolder extends MemoryFolder {
	override async most(): Promise<number> {
		return FILES;
	}
}

/** On a file system with space for so many, which takes any file. */
class TightFolder extends MemoryFolder {
	get logs(): number {
		return [...this.files.keys()].filter((name) => name.startsWith("log.")).length;
	}

	override async free(): Promise<number> {
		return (FILES + 0.5 - this.logs) * FILE_BYTES;
	}
}

async function writeOver(t: Test, folder: MemoryFolder): Promise<void> {
	const random = new Random();
	const stage = await Stage.create(folder, PAGES * 4096, 1, MAP_SIZE);
	await stage.pool.administration.set("web", { historySeconds: 0 });
	for (let page = 0; page < PAGES; page += 250) {
		const count = Math.min(250, PAGES - page);
		if ((await stage.write(page, ...new Array<number>(count).fill(1))) !== StorageStatus.ok)
			t.fail(`page ${page} can't be written`);
	}
	let refused = 0;
	const write = async (): Promise<void> => {
		if ((await stage.write(random.below(PAGES), 2)) !== StorageStatus.ok) refused++;
	};
	for (let done = 0; done < OVERWRITES && refused === 0; done += 64)
		await Promise.all(Array.from({ length: 64 }, write));
	t.equal(refused, 0, `seed ${random.seed}`);
	await stage.close();
}

t.test("a pool that is written over while it is cleaned refuses nothing", (t) =>
	writeOver(t, new FullFolder()),
);

t.test("one whose file system is full is cleaned instead of growing", async (t) => {
	const folder = new TightFolder();
	await writeOver(t, folder);
	t.equal(folder.logs, FILES);
});
