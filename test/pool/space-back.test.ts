// Space comes back: what is written over, trimmed and deleted is written to again, for as long as one likes, while all that somebody may
// still want is kept; and it is so after a pool was opened again, by whichever copy of its head.

import t, { type Test } from "tap";
import { StorageStatus } from "../../lib/errors.js";
import { RECORD_ENTRIES } from "../../lib/pool/format.js";
import { Random } from "../../lib/random.js";
import { MemoryFolder, Stage } from "./memory-folder.js";

const MAP_SIZE = { entries: RECORD_ENTRIES + 1_000, nodeBytes: 2 ** 20 } as const;
const SLOTS = 16;
const SLOT_PAGES = 2048;
/** Of the volume. */
const PAGES = 4_000;

/** A folder with room for so many files of the log. */
export class SmallFolder extends MemoryFolder {
	constructor(readonly filesMax: number) {
		super();
	}

	override async most(): Promise<number> {
		return this.filesMax;
	}
}

/** What pages hold. */
class Written {
	readonly values = new Map<number, number>();
	count = 0;

	constructor(
		public stage: Stage,
		readonly random: Random,
	) {}

	/** Some pages, anywhere; says how that ended. */
	async write(): Promise<StorageStatus> {
		const length = 1 + this.random.below(100);
		const page = this.random.below(PAGES - length);
		const values = Array.from({ length }, () => 1 + this.random.below(250));
		const status = await this.stage.write(page, ...values);
		if (status !== StorageStatus.ok) return status;
		for (const [i, value] of values.entries()) this.values.set(page + i, value);
		this.count += length;
		return status;
	}

	async check(t: Test, stage: Stage, what: string): Promise<void> {
		for (const [page, value] of this.values)
			if ((await stage.read(page)) !== value) {
				t.fail(`page ${page}: ${what}, seed ${this.random.seed}`);
				return;
			}
		t.pass(what);
	}
}

t.test("pages of a small pool are written over, many times its size", async (t) => {
	const folder = new SmallFolder(2);
	let stage = await Stage.create(folder, PAGES * 4096, 1, MAP_SIZE);
	const random = new Random();
	const written = new Written(stage, random);
	for (let round = 0; round < 2; round++) {
		for (let i = 0; i < 900; i++) {
			const status = await written.write();
			if (status === StorageStatus.ok) continue;
			t.fail(`${status} after ${written.count} pages, seed ${random.seed}`);
			return;
		}
		await stage.close();
		stage = await Stage.open(folder, MAP_SIZE);
		await written.check(t, stage, "all is found when it is opened again");
		written.stage = stage;
	}
	t.ok(written.count > 2 * SLOTS * SLOT_PAGES, `${written.count} pages in ${SLOTS * SLOT_PAGES} of a pool`);
	await stage.close();
});
