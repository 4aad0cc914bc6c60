/** How much of a pool in an object store may be on this host: as configured, and something else when that is, while the pool is open. Kept by `store-folder.ts`, read by who has its files. */

import { IMAGE_BLOCK_BYTES, PIECE_BYTES } from "./layout.js";

export interface LocalBytes {
	/** So much may be here that the store has not, */
	readonly logBytes: number;
	/** and so much besides that it has. */
	readonly cacheBytes: number;
}

export class LocalSizes {
	#bytes: LocalBytes;

	constructor(bytes: LocalBytes) {
		this.#bytes = bytes;
	}

	set(bytes: LocalBytes): void {
		this.#bytes = bytes;
	}

	/** That the store has not. */
	get blocksMax(): number {
		return Math.floor(this.#bytes.logBytes / IMAGE_BLOCK_BYTES);
	}

	/** In all. */
	get piecesMax(): number {
		return Math.ceil((this.#bytes.logBytes + this.#bytes.cacheBytes) / PIECE_BYTES);
	}
}
