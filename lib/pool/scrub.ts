/**
 * Looks at all that holds a pool together while it is used, in every copy of its storage: labels, the head, checkpoints, lists of what has died, records of
 * the log and summaries. What is right in one copy is written over all. Pages and nodes of the map are looked at by whoever goes through volumes. One
 * step after the other: of checkpoints, of lists, of a segment. Made by `readings.ts`; asked by workers, for scrubs.
 */

import { OperatorError } from "../errors.js";
import type { Memory } from "../wire/memory.js";
import { piecesOf, readPiece } from "./blob.js";
import type { BlobRef } from "./blob-ref.js";
import { stable } from "./checkpoints.js";
import type { MendedPlace } from "./folder.js";
import { SEGMENT_BYTES } from "./format.js";
import type { CheckpointRef } from "./head.js";
import type { HeadWriter } from "./head-writer.js";
import type { History } from "./history.js";
import { chainsOf } from "./map/lineage-census.js";
import type { PoolParts } from "./opening.js";
import { scrubSegment } from "./scrub-segment.js";
import { RowState } from "./space/rows.js";

export interface ScrubOf {
	readonly parts: PoolParts;
	readonly history: Pick<History, "stored">;
	readonly writer: Pick<HeadWriter, "scrub">;
}

/** What one step has come to. */
export interface ScrubStep {
	/** Where the next one begins: steps so far. */
	readonly reached: number;
	/** As many as there are, as things are. */
	readonly total: number;
	/** What is right in no copy: where, and what. */
	readonly damaged: readonly string[];
}

/** The first steps; then there is one for each row of the table of segments. */
const Step = { head: 0, checkpoints: 1, lists: 2, segments: 3 } as const;
/** A checkpoint that is replaced while it is looked up is looked for again, so often. */
const TRIES = 8;

export class Scrub {
	readonly #of: ScrubOf;
	#memories: readonly [Memory, Memory] | null = null;
	/** What the store had when it was begun to look at it, and at which step that was. */
	#listed: { readonly at: number; readonly isWhole: boolean; readonly numbers: readonly number[] } | null =
		null;

	constructor(of: ScrubOf) {
		this.#of = of;
	}

	/** `isLight`: only whether what a store has of it is there. Throws an OperatorError. */
	async step(at: number, isLight = false): Promise<ScrubStep> {
		const rows = this.#of.parts.segments.table.rows.end;
		const before = isLight ? 0 : Step.segments + rows;
		if (at >= before) return this.#stored(at, !isLight);
		const damaged: string[] = [];
		if (at === Step.head) await this.#head();
		else if (at === Step.checkpoints) await this.#checkpoints(damaged);
		else if (at === Step.lists) await this.#lists(damaged);
		else await this.#segment(at - Step.segments, damaged);
		if (at + 1 >= before) this.#memories = null;
		return {
			reached: at + 1,
			total: before + (this.#of.parts.segments.folder.stored?.list().length ?? 0),
			damaged,
		};
	}

	/** Of what is in a store; those that come meanwhile are new. */
	async #stored(at: number, isWhole: boolean): Promise<ScrubStep> {
		const { stored } = this.#of.parts.segments.folder;
		if (stored === undefined) return { reached: at + 1, total: at + 1, damaged: [] };
		const begins = this.#listed === null || this.#listed.isWhole !== isWhole || at < this.#listed.at;
		if (begins) this.#listed = { at, isWhole, numbers: stored.list() };
		const { at: begin, numbers } = this.#listed!;
		const number = numbers[at - begin];
		const { mended, damaged } =
			number === undefined ? { mended: [], damaged: [] } : await stored.look(number, isWhole);
		this.#mended(mended);
		const total = Math.max(at + 1, begin + numbers.length);
		if (at + 1 >= total) this.#listed = null;
		return { reached: at + 1, total, damaged };
	}

	#mended(places: readonly MendedPlace[]): void {
		for (const [place, what] of places) this.#of.parts.segments.whenMended(place, what);
	}

	async #head(): Promise<void> {
		const { parts, writer } = this.#of;
		this.#mended((await parts.segments.folder.scrub?.()) ?? []);
		const wrong = await writer.scrub();
		this.#mended(wrong.map((at) => [`${parts.head.name}, byte ${at}`, "the head"]));
	}

	async #checkpoints(damaged: string[]): Promise<void> {
		const { parts, history } = this.#of;
		for (let tries = 0; tries < TRIES; tries++) {
			const last = parts.head.state.checkpoint;
			const isStill = (): boolean => parts.head.state.checkpoint === last;
			if (last === undefined || (await this.#checkpoint(last, true, isStill, damaged))) break;
		}
		for (const ref of history.stored)
			await this.#checkpoint(ref, false, () => history.stored.includes(ref), damaged);
	}

	/** False: it is not what it was any more, and nothing was looked at. */
	async #checkpoint(
		ref: CheckpointRef,
		isLast: boolean,
		isStill: () => boolean,
		damaged: string[],
	): Promise<boolean> {
		const { segments, nodes, world } = this.#of.parts;
		try {
			const refs = await piecesOf(segments, world.allocate, nodes, ref, isLast);
			if (!isStill()) return false;
			const placed = refs.map((each) => nodes.places.now(each));
			await this.#read(placed, damaged);
		} catch (error) {
			if (!(error instanceof OperatorError)) throw error;
			if (!isStill()) return false;
			damaged.push(error.message);
		}
		return true;
	}

	async #lists(damaged: string[]): Promise<void> {
		const { descent } = this.#of.parts.living;
		const { pages, pagePoints, nodes, nodePoints } = descent;
		const chains = [...chainsOf(pages, pagePoints.all), ...chainsOf(nodes, nodePoints.all)];
		await this.#read([...descent.lists.refsOf(chains)], damaged);
	}

	/** What is there now: nothing of it goes before all was read. */
	async #read(refs: readonly BlobRef[], damaged: string[]): Promise<void> {
		const { segments, nodes, world } = this.#of.parts;
		const slots = new Set(refs.map(({ slot }) => slot).filter((slot) => segments.hasFile(slot)));
		for (const slot of slots) segments.slots.hold(slot);
		let room = world.allocate(SEGMENT_BYTES / 128);
		const roomFor = (bytes: number): Memory => {
			if (room.bytes.length < bytes) room = world.allocate(bytes);
			return room;
		};
		try {
			for (const ref of refs)
				await readPiece(segments, roomFor, ref, nodes, true).catch((error: unknown) => {
					if (!(error instanceof OperatorError)) throw error;
					damaged.push(error.message);
				});
		} finally {
			for (const slot of slots) segments.slots.letGo(slot);
		}
	}

	/** Of a row: one that lies where it was written, as long as its records are of use to anybody. */
	async #segment(row: number, damaged: string[]): Promise<void> {
		const { segments, world, log } = this.#of.parts;
		const { rows } = segments.table;
		if (row >= rows.end) return;
		const state = rows.states[row];
		const isOpen = state === RowState.open && rows.segmentOf(row) === log.segment;
		if (!isOpen && (state !== RowState.inPlace || rows.summaries[row] === 0)) return;
		const slot = rows.slots[row]!;
		const segment = rows.segmentOf(row);
		// (Of a disk that is missing whoever wants something tells.)
		if (!segments.hasFile(slot) || segments.isAway(slot)) return;
		segments.slots.hold(slot);
		try {
			const open = isOpen ? await this.#written() : undefined;
			// (What can't be made stable is told as such.)
			if (isOpen && open === undefined) return;
			this.#memories ??= [world.allocate(SEGMENT_BYTES), world.allocate(SEGMENT_BYTES)];
			const { nextTurn } = world;
			const scrubbed = await scrubSegment({
				segments,
				segment,
				slot,
				open,
				memories: this.#memories,
				nextTurn,
			});
			const nameAt = (at: number): string => segments.nameInSlot(slot, at);
			if (scrubbed.wasMended) this.#mended([[nameAt(0), "a segment of the log"]]);
			for (const [at, what] of scrubbed.damaged) damaged.push(`${nameAt(at)}: ${what}`);
		} finally {
			segments.slots.letGo(slot);
		}
	}

	/** All records of the segment that is being filled by now, which are stable when it resolves. Undefined: they can't be. */
	async #written(): Promise<Uint8Array | undefined> {
		const { summary, log } = this.#of.parts;
		const packed = summary.memory.bytes.slice(0, summary.bytes);
		try {
			await stable(log);
			return packed;
		} catch (error) {
			if (!(error instanceof OperatorError)) throw error;
			return undefined;
		}
	}
}
