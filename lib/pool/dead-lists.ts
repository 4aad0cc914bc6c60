/**
 * Keeps lists of dead pages out of memory: has what is in memory stored among the nodes when it is too much, and reads what of them is wanted
 * again. Used by `descent.ts`. What is stored so lasts by the next checkpoint, as nodes do.
 */

import { crc32c } from "../crc32c.js";
import { OperatorError } from "../errors.js";
import { type Memory, memoryOf } from "../wire/memory.js";
import { SECTOR_BYTES } from "../wire/sector.js";
import { readPiece } from "./blob.js";
import type { BlobRef } from "./blob-ref.js";
import { type Chain, spareParts } from "./map/chain.js";
import { type DeadPage, type IsGood, pagesIn } from "./map/dead-words.js";
import type { Lineage } from "./map/lineage.js";
import type { NextTurn } from "./map/merging.js";
import { DEAD_BYTES, DEAD_WORDS, PART_PAGES, type PartStore, type StoredPart } from "./map/part.js";
import type { NodeLog } from "./node-log.js";
import type { Segments } from "./segments.js";
import { NO_SLOT } from "./space/slots.js";

/** Pages of all lists that stay in memory, 2 MiB, and are stored as a whole at each checkpoint; or so many of each list. */
const MEMORY_PAGES = 128 * 1024;
const PART_PAGES_MIN = 16;
/** A list is stored in parts of so many pages at least; if too much is left, of a fraction of that, and so on. */
const FRACTION = 4;
/** So many lists are looked at in one turn. */
const LISTS_PER_TURN = 1024;

/** A part, which begins anywhere, in sectors. */
const ROOM_BYTES = PART_PAGES * DEAD_BYTES + 2 * SECTOR_BYTES;

export interface DeadListsOf {
	readonly segments: Segments;
	readonly nodes: NodeLog;
	readonly allocate: (byteLength: number) => Memory;
	/** Instead of the usual number. */
	readonly memoryPages?: number | undefined;
}

export class DeadLists implements PartStore {
	readonly #of: DeadListsOf;
	readonly #memoryPages: number;
	/** Those of which something can't be read. */
	readonly #stuck = new Set<Chain>();
	/** What a part is read to, while nobody does. */
	#room: Memory | null = null;

	constructor(of: DeadListsOf) {
		this.#of = of;
		this.#memoryPages = of.memoryPages ?? MEMORY_PAGES;
	}

	append(bytes: Uint8Array): Pick<StoredPart, "place" | "crc"> {
		const place = this.#of.nodes.append(memoryOf(bytes, 0), bytes.length);
		return { place, crc: crc32c(bytes) };
	}

	/** Throws an OperatorError that names file and byte. */
	async read({ place, count, crc }: StoredPart): Promise<Int32Array> {
		const { segments, nodes } = this.#of;
		const length = count * DEAD_BYTES;
		const ref = nodes.places.now({ place, slot: NO_SLOT, bytes: length, crc });
		const unwritten = nodes.unwritten(place, length);
		if (unwritten !== undefined) return inWords(unwritten);
		const room = this.#room ?? this.#of.allocate(ROOM_BYTES);
		this.#room = null;
		try {
			return inWords(await readPiece(segments, () => room, ref, nodes));
		} finally {
			this.#room = room;
		}
	}

	/** What of lists can't be read, and where that is. */
	async *faults(chains: Iterable<Chain>): AsyncGenerator<string> {
		for (const chain of chains)
			for (const part of chain.parts())
				try {
					await this.read(part);
				} catch (error) {
					if (!(error instanceof OperatorError)) throw error;
					yield error.message;
				}
	}

	/** Where the parts of lists are that are stored and written out. */
	*refsOf(chains: Iterable<Chain>): Generator<BlobRef> {
		const { nodes } = this.#of;
		for (const chain of chains)
			for (const { place, count, crc } of chain.parts()) {
				const bytes = count * DEAD_BYTES;
				if (nodes.unwritten(place, bytes) !== undefined) continue;
				yield nodes.places.now({ place, slot: NO_SLOT, bytes, crc });
			}
	}

	/** All of a list that can be read. */
	async *pagesOf(chain: Chain): AsyncGenerator<DeadPage> {
		let [gone] = chain.gone;
		for (const part of chain.parts()) {
			const words = await this.read(part).catch((error: unknown) => {
				if (!(error instanceof OperatorError)) throw error;
			});
			if (words !== undefined) yield* pagesIn(words, gone);
			gone = 0;
		}
		for (const words of chain.pieces()) yield* pagesIn(words);
	}

	/** Reads what a lineage needs to go on; false if that is nothing. What can't be read stays as it is, and others go on. */
	async fetch({ away }: Lineage, isGood: IsGood): Promise<boolean> {
		const part = away?.away ?? null;
		if (away === null || part === null) return away !== null;
		try {
			if (!away.fill(part, await this.read(part), isGood)) this.#leave(away);
		} catch (error) {
			if (!(error instanceof OperatorError)) throw error;
			if (part === away.away) this.#leave(away);
		}
		return true;
	}

	#leave(chain: Chain): void {
		chain.isStuck = true;
		this.#stuck.add(chain);
	}

	/** What could not be read is read again when it is wanted. */
	retry(): void {
		for (const chain of this.#stuck) chain.isStuck = false;
		this.#stuck.clear();
	}

	/** Whether so many pages that were added are too much to be in memory. */
	isMuch(pages: number): boolean {
		return pages > this.#memoryPages;
	}

	/** Stores what is too much in memory, as long as that may be and there is room. Throws an OperatorError. */
	async store(chains: () => Iterable<Chain>, mayGoOn: () => boolean, nextTurn: NextTurn): Promise<void> {
		const { nodes } = this.#of;
		const min = Math.min(PART_PAGES_MIN, this.#memoryPages);
		for (let least = PART_PAGES; least >= min; least /= FRACTION) {
			let left = 0;
			let seen = 0;
			for (const chain of chains()) {
				while (mayGoOn() && nodes.hasRoom && chain.store(this, least)) {
					if (nodes.waiting > 0) await nodes.writeOut();
					await nextTurn();
				}
				left += chain.inMemory;
				if (++seen % LISTS_PER_TURN === 0) await nextTurn();
			}
			if (!this.isMuch(left)) return;
		}
	}
}

/** A part as it was stored, in one of those that are used again. */
function inWords(bytes: Uint8Array): Int32Array {
	const words = spareParts.take().subarray(0, (bytes.length / DEAD_BYTES) * DEAD_WORDS);
	new Uint8Array(words.buffer, 0, bytes.length).set(bytes);
	return words;
}
