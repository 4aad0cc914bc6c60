/**
 * What the simulations write: every sector says of itself where it belongs and which write it comes from, in all of its 512
 * bytes. So a sector that is read tells whether it is whole, in its place, and how old. Written by `workload.ts`, judged by
 * `model.ts`.
 */

export const SECTOR = 512;
const WORDS = SECTOR / 4;
/** Makes each pair of words differ from its neighbours, so that bytes that have moved are noticed. */
const SPREAD = 0x9e3779b1;

/** The generation of a sector of zeros: never written, or trimmed. */
export const ZEROS = 0;

/** Whole sectors for `lba` and on, all of one generation (1..2^32-1). */
export function stamped(lba: number, sectors: number, generation: number): Uint8Array {
	const words = new Uint32Array(sectors * WORDS);
	for (let at = 0; at < words.length; at += 2) {
		const salt = Math.imul((at % WORDS) >>> 1, SPREAD);
		words[at] = (lba + Math.floor(at / WORDS)) ^ salt;
		words[at + 1] = generation ^ salt;
	}
	return new Uint8Array(words.buffer);
}

/**
 * The generation of the sector at `bytes[at]`, which should be `lba`'s, or `ZEROS`. Undefined if it belongs elsewhere or is
 * not one that has been written. `at` is a multiple of 4.
 */
export function generationOf(bytes: Uint8Array, at: number, lba: number): number | undefined {
	const words = new Uint32Array(bytes.buffer, bytes.byteOffset + at, WORDS);
	const generation = words[1]!;
	if (generation === ZEROS) return words.every((word) => word === 0) ? ZEROS : undefined;
	for (let at = 0; at < WORDS; at += 2) {
		const salt = Math.imul(at >>> 1, SPREAD);
		if (words[at] !== (lba ^ salt) >>> 0 || words[at + 1] !== (generation ^ salt) >>> 0) return undefined;
	}
	return generation;
}
