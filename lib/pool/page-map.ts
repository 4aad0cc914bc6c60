/**
 * Where each page of each line is in the log: tables of 512 pages, made where a page is mapped. What is shared (by snapshots, by clones)
 * is copied, table by table, when one of those who share it changes it. Filled by `contents.ts`, asked by volumes.
 */

import type { EntrySink } from "./gather.js";
import { Found } from "./map/entry.js";
import type { PageLookup } from "./page-lookup.js";

export const CHUNK_PAGES = 512;

interface Chunk {
	/** Whose it is: only he may change it. */
	owner: object;
	/** 0: not mapped. */
	readonly positions: Float64Array;
	readonly sectors: Uint16Array;
	readonly crcs: Uint32Array;
	mapped: number;
}

/** The pages of one line. */
export class LineMap {
	mapped = 0;
	readonly #chunks: Map<number, Chunk>;
	/** Another one whenever what there is becomes shared. */
	#self: object = {};

	constructor(chunks: Map<number, Chunk> = new Map()) {
		this.#chunks = chunks;
	}

	/** One that is the same, and stays so whatever is changed here. */
	share(): LineMap {
		const other = new LineMap(new Map(this.#chunks));
		other.mapped = this.mapped;
		this.#self = {};
		return other;
	}

	/** Of the tables that there are. */
	numbers(): Iterable<number> {
		return this.#chunks.keys();
	}

	get(number: number): Chunk | undefined {
		return this.#chunks.get(number);
	}

	put(page: number, position: number, sectors: number, crc: number): void {
		const number = Math.floor(page / CHUNK_PAGES);
		const chunk = this.#own(number) ?? this.#add(number);
		const at = page - number * CHUNK_PAGES;
		if (chunk.positions[at] === 0) {
			chunk.mapped++;
			this.mapped++;
		}
		chunk.positions[at] = position;
		chunk.sectors[at] = sectors;
		chunk.crcs[at] = crc;
	}

	unmap(page: number, count: number): void {
		const first = Math.floor(page / CHUNK_PAGES);
		const last = Math.floor((page + count - 1) / CHUNK_PAGES);
		if (last - first > this.#chunks.size) {
			for (const number of this.#chunks.keys())
				if (number >= first && number <= last) this.#unmapIn(number, page, count);
			return;
		}
		for (let number = first; number <= last; number++) this.#unmapIn(number, page, count);
	}

	#unmapIn(number: number, page: number, count: number): void {
		const begin = number * CHUNK_PAGES;
		const from = Math.max(0, page - begin);
		const to = Math.min(CHUNK_PAGES, page + count - begin);
		const whole = this.#chunks.get(number);
		if (whole === undefined) return;
		if (to - from === CHUNK_PAGES) {
			this.#chunks.delete(number);
			this.mapped -= whole.mapped;
			return;
		}
		const chunk = this.#own(number)!;
		for (let at = from; at < to; at++) {
			if (chunk.positions[at] === 0) continue;
			chunk.positions[at] = 0;
			chunk.mapped--;
			this.mapped--;
		}
	}

	/** The table of that number, as one that may be changed. */
	#own(number: number): Chunk | undefined {
		const chunk = this.#chunks.get(number);
		if (chunk === undefined || chunk.owner === this.#self) return chunk;
		const copy = {
			owner: this.#self,
			positions: chunk.positions.slice(),
			sectors: chunk.sectors.slice(),
			crcs: chunk.crcs.slice(),
			mapped: chunk.mapped,
		};
		this.#chunks.set(number, copy);
		return copy;
	}

	#add(number: number): Chunk {
		const chunk = {
			owner: this.#self,
			positions: new Float64Array(CHUNK_PAGES),
			sectors: new Uint16Array(CHUNK_PAGES),
			crcs: new Uint32Array(CHUNK_PAGES),
			mapped: 0,
		};
		this.#chunks.set(number, chunk);
		return chunk;
	}
}

export class PageMap implements EntrySink, PageLookup {
	/** What `find` has found. */
	position = 0;
	sectors = 0;
	crc = 0;
	readonly #lines = new Map<number, LineMap>();

	/** Whether the page is mapped: then the fields above say where. */
	find(line: number, page: number): Found {
		const number = Math.floor(page / CHUNK_PAGES);
		const chunk = this.#lines.get(line)?.get(number);
		if (chunk === undefined) return Found.unmapped;
		const at = page - number * CHUNK_PAGES;
		this.position = chunk.positions[at]!;
		this.sectors = chunk.sectors[at]!;
		this.crc = chunk.crcs[at]!;
		return this.position === 0 ? Found.unmapped : Found.mapped;
	}

	/** Mapped pages of a line. */
	mappedOf(line: number): number {
		return this.#lines.get(line)?.mapped ?? 0;
	}

	page(line: number, page: number, position: number, sectors: number, crc: number): void {
		let map = this.#lines.get(line);
		if (map === undefined) {
			map = new LineMap();
			this.#lines.set(line, map);
		}
		map.put(page, position, sectors, crc);
	}

	hole(line: number, page: number, count: number): void {
		this.#lines.get(line)?.unmap(page, count);
	}

	/** The line as it is now, to be kept. */
	share(line: number): LineMap {
		return this.#lines.get(line)?.share() ?? new LineMap();
	}

	/** A line that begins as another one was. */
	attach(line: number, map: LineMap): void {
		this.#lines.set(line, map.share());
	}

	/** The line is no more. */
	forget(line: number): void {
		this.#lines.delete(line);
	}
}
