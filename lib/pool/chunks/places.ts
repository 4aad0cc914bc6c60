/**
 * Which places of a pool's disks have files, and which one a file gets: one on the disk that has most of them free. To ask costs as many steps as there
 * are disks, however many files. Kept by `chunks.ts`.
 */

import { invariant } from "../../errors.js";
import type { ChunkEntry, ChunkTable, FilePlace } from "./table.js";

/** Of one disk. */
class Taken {
	readonly #places = new Set<number>();
	/** None before this is free. */
	#from = 0;

	get count(): number {
		return this.#places.size;
	}

	/** The first that is not taken. */
	get first(): number {
		while (this.#places.has(this.#from)) this.#from++;
		return this.#from;
	}

	add(place: number): void {
		this.#places.add(place);
	}

	delete(place: number): void {
		this.#places.delete(place);
		this.#from = Math.min(this.#from, place);
	}
}

export class Places {
	/** By number of the disk: what files have, or will have, or have had a moment ago. */
	readonly #taken = new Map<number, Taken>();
	/** Of that, what is no file's yet, or any more. */
	readonly #held = new Map<number, number>();

	/** Begins with these files. */
	begin({ files }: Pick<ChunkTable, "files">): void {
		this.#taken.clear();
		this.#held.clear();
		for (const { chunk, place } of files) this.#of(chunk).add(place);
	}

	#of(chunk: number): Taken {
		const taken = this.#taken.get(chunk) ?? new Taken();
		this.#taken.set(chunk, taken);
		return taken;
	}

	/** Of a disk that takes files. */
	#free({ id, places, leaving, present }: ChunkEntry): number {
		return leaving || !present ? 0 : Math.max(0, places - this.#of(id).count);
	}

	/** Nobody else gets it until it is given up; undefined: there is none. */
	take(chunks: readonly ChunkEntry[]): FilePlace | undefined {
		let best: ChunkEntry | undefined;
		for (const entry of chunks)
			if (this.#free(entry) > (best === undefined ? 0 : this.#free(best))) best = entry;
		if (best === undefined) return undefined;
		const taken = this.#of(best.id);
		const place = { chunk: best.id, place: taken.first };
		invariant(place.place < best.places, "a disk has fewer places than it has free ones");
		taken.add(place.place);
		this.#hold(best.id, 1);
		return place;
	}

	#hold(chunk: number, count: number): void {
		this.#held.set(chunk, (this.#held.get(chunk) ?? 0) + count);
	}

	/** A file has it that was taken. */
	settle({ chunk }: FilePlace): void {
		this.#hold(chunk, -1);
	}

	/** The file that has it will not have it any more. */
	unsettle({ chunk }: FilePlace): void {
		this.#hold(chunk, 1);
	}

	/** No file has it, nor will. */
	giveUp({ chunk, place }: FilePlace): void {
		this.#of(chunk).delete(place);
		this.#hold(chunk, -1);
	}

	/** Places that files can get. */
	count(chunks: readonly ChunkEntry[]): number {
		return chunks.reduce((sum, entry) => sum + this.#free(entry), 0);
	}

	/** How many files a disk has. */
	filesOn({ id }: ChunkEntry): number {
		return this.#of(id).count - (this.#held.get(id) ?? 0);
	}
}
