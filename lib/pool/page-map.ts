/**
 * Where each page of each volume is in the log: tables of 512 pages, made where a page is mapped. Filled by records on their way and
 * by replay, asked by volumes.
 */

import type { EntrySink } from "./gather.js";

const CHUNK_PAGES = 512;

interface Chunk {
	/** 0: not mapped. */
	readonly positions: Float64Array;
	readonly sectors: Uint16Array;
	readonly crcs: Uint32Array;
	mapped: number;
}

interface VolumeMap {
	readonly chunks: Map<number, Chunk>;
	mapped: number;
}

export class PageMap implements EntrySink {
	/** What `find` has found. */
	position = 0;
	sectors = 0;
	crc = 0;
	readonly #volumes = new Map<number, VolumeMap>();

	/** True if the page is mapped: then the fields above say where. */
	find(volume: number, page: number): boolean {
		const number = Math.floor(page / CHUNK_PAGES);
		const chunk = this.#volumes.get(volume)?.chunks.get(number);
		if (chunk === undefined) return false;
		const at = page - number * CHUNK_PAGES;
		this.position = chunk.positions[at]!;
		this.sectors = chunk.sectors[at]!;
		this.crc = chunk.crcs[at]!;
		return this.position !== 0;
	}

	/** Mapped pages of a volume. */
	mappedOf(volume: number): number {
		return this.#volumes.get(volume)?.mapped ?? 0;
	}

	page(volume: number, page: number, position: number, sectors: number, crc: number): void {
		const map = this.#volumes.get(volume) ?? this.#add(volume);
		const number = Math.floor(page / CHUNK_PAGES);
		const chunk = map.chunks.get(number) ?? addChunk(map, number);
		const at = page - number * CHUNK_PAGES;
		if (chunk.positions[at] === 0) {
			chunk.mapped++;
			map.mapped++;
		}
		chunk.positions[at] = position;
		chunk.sectors[at] = sectors;
		chunk.crcs[at] = crc;
	}

	hole(volume: number, page: number, count: number): void {
		const map = this.#volumes.get(volume);
		if (map === undefined) return;
		const first = Math.floor(page / CHUNK_PAGES);
		const last = Math.floor((page + count - 1) / CHUNK_PAGES);
		if (last - first > map.chunks.size) {
			for (const number of map.chunks.keys())
				if (number >= first && number <= last) unmap(map, number, page, count);
			return;
		}
		for (let number = first; number <= last; number++) unmap(map, number, page, count);
	}

	/** The volume is no more. */
	forget(volume: number): void {
		this.#volumes.delete(volume);
	}

	#add(volume: number): VolumeMap {
		const map = { chunks: new Map<number, Chunk>(), mapped: 0 };
		this.#volumes.set(volume, map);
		return map;
	}
}

function addChunk(map: VolumeMap, number: number): Chunk {
	const chunk = {
		positions: new Float64Array(CHUNK_PAGES),
		sectors: new Uint16Array(CHUNK_PAGES),
		crcs: new Uint32Array(CHUNK_PAGES),
		mapped: 0,
	};
	map.chunks.set(number, chunk);
	return chunk;
}

function unmap(map: VolumeMap, number: number, page: number, count: number): void {
	const chunk = map.chunks.get(number);
	if (chunk === undefined) return;
	const from = Math.max(0, page - number * CHUNK_PAGES);
	const to = Math.min(CHUNK_PAGES, page + count - number * CHUNK_PAGES);
	if (to - from === CHUNK_PAGES) {
		map.chunks.delete(number);
		map.mapped -= chunk.mapped;
		return;
	}
	for (let at = from; at < to; at++) {
		if (chunk.positions[at] === 0) continue;
		chunk.positions[at] = 0;
		chunk.mapped--;
		map.mapped--;
	}
}
