/**
 * Holds what a checkpoint says of the log's sectors, which of them live, against who wants them: what volumes and snapshots have, what has died and
 * moments may still read, what is still to be walked or given back, and summaries. What somebody wants and is counted as dead may be
 * overwritten; what nobody wants and is counted as living never comes back. Used by `examine.ts`, which has all trees walked.
 */

import { SECTOR_BYTES } from "../wire/sector.js";
import type { StoredSpace } from "./checkpoint-read.js";
import type { SegmentFindings } from "./examine-segment.js";
import { SEGMENT_SECTORS } from "./format.js";
import { chainsOf } from "./map/lineage-census.js";
import type { NextTurn } from "./map/merging.js";
import type { Segments } from "./segments.js";
import { countOf, nextBit, putBits } from "./space/bitmaps.js";
import { unitOf } from "./space/table.js";

/** Segments, or dead pages, in one turn. */
const STEPS_PER_TURN = 1024;

/** As the checkpoint has it: of each segment which sectors live, and which are wanted. */
interface Sectors {
	readonly lives: Int32Array;
	readonly wanted: Int32Array;
}

export class SpaceFindings {
	readonly #bySegment = new Map<number, Sectors>();

	/** Before the log behind the checkpoint is read, of which that knows nothing. */
	constructor({ table }: Segments) {
		const { rows } = table;
		for (const segment of rows.segments()) {
			const row = rows.of(segment);
			const maps = table.mapsOf(row);
			const at = maps.at(rows.liveBits[row]!);
			const lives = maps.slabOf(rows.liveBits[row]!).slice(at, at + maps.words);
			const sectors = { lives, wanted: new Int32Array(maps.words) };
			this.#bySegment.set(segment, sectors);
			const summary = rows.summaries[row]!;
			if (summary > 0) this.wants((segment + 1) * SEGMENT_SECTORS - summary, summary);
		}
	}

	/** Somebody wants what is there. */
	wants(position: number, sectors: number): void {
		const segment = Math.floor(position / SEGMENT_SECTORS);
		const known = this.#bySegment.get(segment);
		if (known === undefined) return;
		const unit = unitOf(known.wanted.length);
		const first = Math.floor((position - segment * SEGMENT_SECTORS) / unit);
		const end = Math.ceil((position - segment * SEGMENT_SECTORS + sectors) / unit);
		putBits(known.wanted, 0, first, end - first, true);
	}

	/** Tells what is counted wrong, a line for each segment. (Of a pool that was of format 2 or before nobody knows it of all.) */
	async tell(
		{ living: { descent } }: StoredSpace,
		nextTurn: NextTurn,
		findings: Pick<SegmentFindings, "damaged">,
	): Promise<void> {
		if (descent.floor.position > 0) return;
		let left = STEPS_PER_TURN;
		for (const chain of chainsOf(descent.pages, descent.pagePoints.all))
			for await (const { birth, sectors } of descent.lists.pagesOf(chain)) {
				this.wants(birth, sectors);
				if (--left > 0) continue;
				left = STEPS_PER_TURN;
				await nextTurn();
			}
		for (const [segment, { lives, wanted }] of this.#bySegment) {
			const lost = lives.map((word, i) => wanted[i]! & ~word);
			const left = lives.map((word, i) => word & ~wanted[i]!);
			for (const [bits, what] of [
				[lost, "that are wanted are counted as free"],
				[left, "that nobody wants are counted as used"],
			] as const) {
				const sectors = bits.reduce((sum, word) => sum + countOf(word), 0) * unitOf(bits.length);
				if (sectors === 0) continue;
				const first = nextBit(bits, 0, 0, bits.length * 32, true) * unitOf(bits.length);
				findings.damaged(segment * SEGMENT_SECTORS + first, `${sectors * SECTOR_BYTES} bytes ${what}`);
			}
			if (segment % STEPS_PER_TURN === 0) await nextTurn();
		}
	}
}
