/**
 * What is said of who has a pool in an object store: to those who wait for it, and when it has changed hands. Told by `takeover.ts` and `head-keepers.ts`;
 * `lib/control/pool-keeping.ts` knows by it one that waits from one that can't be had.
 */

import { secondsText, sizeText } from "../../text.js";
import type { Owner, Superblock } from "./superblock.js";

const ELSEWHERE = /: is owned by .+, (waiting$|and )/;
const CLOSED_HERE = "; it is closed here, and waits";
const WAITS = new RegExp(`is owned by .+, waiting$|${CLOSED_HERE}$`);
const SHARED = /is owned by .+, and used by way of it$/;

/** Another host has it, and as soon as it has not, it is had here. */
export function waitsFor({ name }: Pick<Owner, "name">): string {
	return `is owned by ${name}, waiting`;
}

/** Another host has just got it. `message`: who. */
export function closedHere(message: string): string {
	return `${message}${CLOSED_HERE}`;
}

/** Nothing is to be done about that. */
export function isWaiting(message: string): boolean {
	return WAITS.test(message);
}

/** Another host has it, and hands on what is asked of it here. */
export function usedBy({ name }: Pick<Owner, "name">): string {
	return `is owned by ${name}, and used by way of it`;
}

/** Another host has it, and this one could not go on with it: somebody has to do something about that. */
export function notToBeHad({ owner, at }: Pick<Superblock, "owner" | "at">, lack: string): string {
	const way = at === undefined ? "" : ", and used by way of it";
	return `is owned by ${owner.name}${way}, and can't be had here: ${lack}`;
}

export function isUsedElsewhere(message: string): boolean {
	return SHARED.test(message);
}

/** For who asks here about what is in a pool: what he is told, and where he is answered. */
export function askedHere(message: string): string {
	return ELSEWHERE.test(message)
		? `${message}; the same command on that host sees and changes what is in it`
		: message;
}

/** How it came to be had here, of what was there before. */
export function takenWords(before: Superblock, now: Superblock): string {
	const { name } = before.owner;
	const by = `by epoch ${now.epoch}`;
	const lost = (now.lost ?? []).find(({ epoch }) => epoch === now.epoch - 1);
	if (lost !== undefined) {
		const tail = `up to ${lost.bytes} bytes (${sizeText(lost.bytes)}) of ${secondsText(1000 * lost.seconds)}`;
		return `taken over from ${name}, ${by}; ${tail} that it had acknowledged are given up`;
	}
	if (before.heir?.id === now.owner.id) return `handed over by ${name}, ${by}`;
	const { replica } = before;
	if (replica !== undefined)
		return `a pool of its own now, ${by}; it was a replica of ${replica.name} of ${replica.host}`;
	if (before.isGivenBack === true) return `had here after ${name}, which has ended, ${by}`;
	return `taken over from ${name}, ${by}; nothing is lost`;
}
