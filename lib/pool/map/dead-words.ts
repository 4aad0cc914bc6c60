/** How a dead page is said in words, in memory and in parts that are stored. Used by `chain.ts`, and by whoever reads lists as they are stored. */

import { DEAD_WORDS as WORDS } from "./part.js";

const WORD = 2 ** 32;
const HIGH = 2 ** 18 - 1;
const SECTORS_AT = 18;

/** Whether something so long can be at a position. */
export type IsGood = (position: number, sectors: number) => boolean;

export function putDead(words: Int32Array, at: number, birth: number, sectors: number, death: number): void {
	words[at] = birth;
	words[at + 1] = (birth / WORD) | ((sectors - 1) << SECTORS_AT);
	words[at + 2] = death;
	words[at + 3] = death / WORD;
}

/** Where one was born, and how long it is. */
export interface DeadPage {
	readonly birth: number;
	readonly sectors: number;
}

/** Those behind the first `gone`. */
export function* pagesIn(words: Int32Array, gone = 0): Generator<DeadPage> {
	for (let at = gone * WORDS; at < words.length; at += WORDS)
		yield { birth: birthIn(words, at), sectors: sectorsIn(words, at) };
}

/** Whether all pages are as they should be. */
export function areGood(words: Int32Array, isGood: IsGood): boolean {
	for (let at = 0; at < words.length; at += WORDS)
		if (!isGood(birthIn(words, at), sectorsIn(words, at))) return false;
	return true;
}

export function sectorsOf(words: Int32Array): number {
	let sectors = 0;
	for (let at = 0; at < words.length; at += WORDS) sectors += sectorsIn(words, at);
	return sectors;
}

export function birthIn(words: Int32Array, at: number): number {
	return (words[at]! >>> 0) + (words[at + 1]! & HIGH) * WORD;
}

export function sectorsIn(words: Int32Array, at: number): number {
	return (words[at + 1]! >>> SECTORS_AT) + 1;
}

export function deathIn(words: Int32Array, at: number): number {
	return (words[at + 2]! >>> 0) + (words[at + 3]! >>> 0) * WORD;
}
