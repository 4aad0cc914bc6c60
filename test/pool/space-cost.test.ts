// What cleaning costs in the long run: pages written for one page that is overwritten, by chance, in a pool that has been full for a while.
// Nothing is copied, all is counted, and the same chance gives the same figures.

import t from "tap";
import { BLOCK_SECTORS, SEGMENT_SECTORS } from "../../lib/pool/format.js";
import { Cleaner, type CleanerWorld } from "../../lib/pool/space/cleaner.js";
import { Slots } from "../../lib/pool/space/slots.js";
import { type Move, SegmentTable } from "../../lib/pool/space/table.js";
import { Random } from "../../lib/random.js";
import { heapMemory, type Memory } from "../../lib/wire/memory.js";

const SLOTS = 32;
/** Of its slots a pool offers so many to volumes. */
const OFFERED = 0.9 * SLOTS;
/** Left to the cleaner, and what a segment's summary takes. */
const RESERVE = 3;
const SUMMARY_SECTORS = 9 * BLOCK_SECTORS;
const RECORD_PAGES = 16;

class Pool implements CleanerWorld {
	readonly slots = new Slots();
	readonly table = new SegmentTable(this.slots);
	readonly cleaner = new Cleaner(this.table, this);
	readonly pages: Float64Array;
	position = 0;
	#inRecord = 0;

	constructor(share: number) {
		this.slots.grow(SLOTS);
		this.pages = new Float64Array((share * OFFERED * SEGMENT_SECTORS) / BLOCK_SECTORS);
		this.table.begin(0, this.slots.take());
	}

	async overwrite(page: number): Promise<void> {
		if (this.#inRecord++ % RECORD_PAGES === 0) this.position += BLOCK_SECTORS;
		const segment = Math.floor(this.position / SEGMENT_SECTORS);
		const end = (segment + 1) * SEGMENT_SECTORS;
		if (this.position + BLOCK_SECTORS > end - SUMMARY_SECTORS) await this.#next(segment, end);
		const before = this.pages[page]!;
		if (before > 0) this.table.free(before, BLOCK_SECTORS);
		this.table.born(this.position, BLOCK_SECTORS);
		this.pages[page] = this.position;
		this.position += BLOCK_SECTORS;
	}

	async #next(segment: number, end: number): Promise<void> {
		this.table.seal(segment, SUMMARY_SECTORS);
		this.table.forgetSummary(segment);
		while (this.slots.free <= RESERVE) {
			if (!(await this.cleaner.clean(segment, SEGMENT_SECTORS))) throw new Error("nothing can be cleaned");
			this.slots.settle(this.slots.checkpoint());
		}
		this.table.begin(segment + 1, this.slots.take());
		this.position = end + BLOCK_SECTORS;
		this.#inRecord = 1;
	}

	allocate(byteLength: number): Memory {
		return heapMemory(byteLength);
	}

	takeSlot(): number {
		return this.slots.take();
	}

	async read(): Promise<void> {}
	async write(): Promise<void> {}
	async sync(): Promise<void> {}
	async mayGoOn(): Promise<void> {}

	async say(moves: readonly Move[]): Promise<void> {
		for (const move of moves) this.table.move(move);
	}
}

/** Sectors written for one that is overwritten, in the long run. */
async function cost(share: number): Promise<number> {
	const pool = new Pool(share);
	const { pages, cleaner } = pool;
	const random = new Random(1);
	for (let page = 0; page < pages.length; page++) await pool.overwrite(page);
	for (let i = 0; i < pages.length; i++) await pool.overwrite(random.below(pages.length));
	const [position, moved] = [pool.position, cleaner.movedSectors];
	for (let i = 0; i < pages.length; i++) await pool.overwrite(random.below(pages.length));
	return (pool.position - position + cleaner.movedSectors - moved) / (pages.length * BLOCK_SECTORS);
}

for (const [percent, most] of [
	[50, 1.5],
	[70, 2.3],
] as const)
	t.test(`of a pool that is ${percent} % full`, async (t) => {
		const written = await cost(percent / 100);
		t.comment(`${written.toFixed(2)} for one`);
		t.ok(written <= most);
	});
