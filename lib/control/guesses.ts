/**
 * Wrong tokens, counted by where they come from: after some, whoever guesses has to wait before the next one is looked at, longer each
 * time. Others don't wait for him, and he is forgotten when he has given up. Asked by `guard.ts`, which finds out what is wrong.
 */

import { isIP } from "node:net";

/** Wrong ones before the first wait: a person mistypes. */
const FREE = 5;
const FIRST_WAIT_MS = 1000;
const LAST_WAIT_MS = 60_000;
/** Who has guessed nothing for so long begins anew. */
const FORGET_MS = 600_000;
/** Addresses that are remembered: the one that has guessed least lately makes room. */
const MOST = 1024;

interface Guesser {
	wrong: number;
	/** The last one: a page that keeps asking with a token of yesterday learns nothing by that, and is not counted twice. */
	last: string;
	lastMs: number;
	/** Until then nothing that he says is looked at. */
	freeMs: number;
}

export class Guesses {
	readonly #guessers = new Map<string, Guesser>();

	/** @param now milliseconds, of a clock that only goes on */
	constructor(readonly now: () => number) {}

	/** How long whoever asks from there has to wait before a token of his is looked at; 0: not at all. */
	waitMs(address: string): number {
		const place = placeOf(address);
		const guesser = this.#guessers.get(place);
		if (guesser === undefined) return 0;
		const nowMs = this.now();
		if (nowMs - guesser.lastMs >= FORGET_MS) this.#guessers.delete(place);
		return Math.max(0, guesser.freeMs - nowMs);
	}

	/** @param guess what stands for the token */
	wrong(address: string, guess: string): void {
		const place = placeOf(address);
		const known = this.#guessers.get(place);
		if (known?.last === guess) return;
		const wrong = (known?.wrong ?? 0) + 1;
		const lastMs = this.now();
		const waitMs = wrong < FREE ? 0 : Math.min(LAST_WAIT_MS, FIRST_WAIT_MS * 2 ** (wrong - FREE));
		this.#guessers.delete(place);
		this.#guessers.set(place, { wrong, last: guess, lastMs, freeMs: lastMs + waitMs });
		const [oldest] = this.#guessers.keys();
		if (this.#guessers.size > MOST && oldest !== undefined) this.#guessers.delete(oldest);
	}

	/** Who knows the token has nothing to guess. */
	right(address: string): void {
		this.#guessers.delete(placeOf(address));
	}

	get size(): number {
		return this.#guessers.size;
	}
}

/** One network of IPv6, of 64 bits, is one place: whoever has one address there has them all. */
function placeOf(address: string): string {
	if (isIP(address) !== 6 || address.includes(".")) return address.toLowerCase();
	const [before = [], after = []] = address
		.split("::")
		.map((half) => half.split(":").filter((part) => part !== ""));
	const zeros = Math.max(0, 8 - before.length - after.length);
	const groups = [...before, ...Array.from({ length: zeros }, () => "0"), ...after];
	return groups
		.slice(0, 4)
		.map((group) => Number.parseInt(group, 16).toString(16))
		.join(":");
}
