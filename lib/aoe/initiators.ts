/**
 * Who uses a blade: for each initiator, by its MAC address and the link it is on, what it has asked, how long that took, what is
 * under way, and what it has asked again. Looked up for every command, so a look is at eight of them at most, the one that came
 * last first. Whoever sends from ever new addresses gets no more memory for it: a link allows for so many, then those that have
 * been silent for longest are forgotten. Asked by `responder.ts`; told by `exchange.ts` what commands come to; read by
 * `lib/daemon/`.
 */

import type { AtaCommand } from "../ata/command.js";
import type { Timed } from "../departures.js";
import { type Disk, IoCounts } from "../disk.js";
import { Latencies } from "../histogram.js";
import { turn } from "../turn.js";

/** How many are looked at. */
const WAYS = 8;
/** Of one blade. */
const SETS_MAX = 32;
/** On one link; and one more for each blade there. */
const INITIATORS_PER_LINK = 256;

/** What is counted for a link, whoever it was and whichever disk: what its initiators have handed on. */
export class LinkUse {
	readonly counts = new IoCounts();
	readonly latencies = new Latencies();
	/** Initiators that are known, and may be; but each set that a blade has may have one. */
	known = 0;
	knownMax = INITIATORS_PER_LINK;

	/** So many blades are served there. */
	allowFor(blades: number): void {
		this.knownMax = INITIATORS_PER_LINK + blades;
	}
}

/** Commands that an initiator may have asked again: the last so many, by what they are about. */
const REMEMBERED = 32;
const REMEMBERED_SHIFT = 27;
const REMEMBERED_WORDS = 4;
const WHAT = 1;
const TAG = 2;
const ARRIVED = 3;
/** Nobody asks again sooner, unless by the same tag. What comes twice within less is meant twice. */
const RESEND_US = 1000;
const GOLDEN = 0x9e3779b1;

let numbers = 0;

export class Initiator implements Timed {
	readonly counts = new IoCounts();
	readonly latencies = new Latencies();
	/** What has been measured since `handOn`: a request costs one count, not one each for the initiator, its link and its disk. */
	readonly #fresh = new Latencies();
	/** What of the counts the link has been told. */
	readonly #told = new IoCounts();
	#hasFresh = false;
	/** Nobody looks here any more: what commands that are still under way come to is handed on at once. */
	#isForgotten = false;
	/** Commands that have come and have not been answered. */
	underWay = 0;
	/** Another one for each that this object has stood for: what figures call it. */
	number = 0;
	first32 = 0;
	last16 = 0;
	/** Of each command remembered: where, what, by which tag, when; side by side, for they are looked at together. */
	readonly #commands = new Int32Array(REMEMBERED * REMEMBERED_WORDS);
	/** Of those, a bit for each that is not answered. */
	#waiting = 0;

	constructor(
		readonly disk: Disk,
		readonly link: LinkUse,
	) {}

	/** Stands for this address from now on, and has done nothing yet. */
	become(first32: number, last16: number): void {
		this.handOn();
		numbers += 1;
		this.number = numbers;
		this.first32 = first32;
		this.last16 = last16;
		this.counts.clear();
		this.#told.clear();
		this.latencies.clear();
		this.#commands.fill(-1);
		this.#waiting = 0;
	}

	/** 48 bits. */
	get mac(): number {
		return (this.first32 >>> 0) * 2 ** 16 + this.last16;
	}

	/** A command has come. Returns by what it is remembered, for `answered`. */
	asked(command: AtaCommand, tag: number, arrivedUs: number): number {
		this.underWay += 1;
		const { lba } = command;
		const low = lba | 0;
		const what = (command.command << 24) | (command.count << 16) | ((lba / 2 ** 32) & 0xffff);
		const trace = Math.imul(low ^ what, GOLDEN) >>> REMEMBERED_SHIFT;
		const bit = 1 << trace;
		const commands = this.#commands;
		const at = trace * REMEMBERED_WORDS;
		if (commands[at] === low && commands[at + WHAT] === what) {
			const isLate = ((arrivedUs - commands[at + ARRIVED]!) | 0) >= RESEND_US;
			if (commands[at + TAG] === tag || ((this.#waiting & bit) !== 0 && isLate)) this.#askedAgain();
		}
		commands[at] = low;
		commands[at + WHAT] = what;
		commands[at + TAG] = tag;
		commands[at + ARRIVED] = arrivedUs;
		this.#waiting |= bit;
		return trace;
	}

	#askedAgain(): void {
		this.counts.askedAgain();
		this.disk.stats.askedAgain();
	}

	/** That command is over. `kind` is -1 if it was none that is counted by kind. */
	answered(trace: number, tag: number, kind: number, bytes: number, failed: boolean): void {
		this.underWay -= 1;
		if (this.#commands[trace * REMEMBERED_WORDS + TAG] === tag) this.#waiting &= ~(1 << trace);
		if (failed) this.counts.failed();
		else this.counts.did(kind, bytes);
		if (this.#isForgotten) this.handOn();
	}

	took(kind: number, us: number): void {
		this.#fresh.record(kind, us);
		this.#hasFresh = true;
		if (this.#isForgotten) this.handOn();
	}

	/** No longer one of those who use the blade. */
	forgotten(): void {
		this.handOn();
		this.#isForgotten = true;
	}

	/** Adds what has come since the last time to what is known of the link, and of itself and the disk. For whoever looks at one of them. */
	handOn(): void {
		this.link.counts.follow(this.counts, this.#told);
		if (!this.#hasFresh) return;
		this.#hasFresh = false;
		for (const latencies of [this.latencies, this.link.latencies, this.disk.latencies])
			latencies.add(this.#fresh);
		this.#fresh.clear();
	}
}

export class Initiators {
	readonly #disk: Disk;
	/** Sets of `WAYS`, as many as a power of two; in each the one that came last is first, and behind the last is null. */
	#ways: (Initiator | null)[] = [];

	constructor(disk: Disk) {
		this.#disk = disk;
	}

	/** All that are known. */
	*[Symbol.iterator](): IterableIterator<Initiator> {
		for (const initiator of this.#ways) if (initiator !== null) yield initiator;
	}

	/** The initiator with this address, in two parts, on this link: it has just come. */
	of(link: LinkUse, first32: number, last16: number): Initiator {
		const ways = this.#ways;
		const start = setOf(ways.length, first32, last16);
		const end = ways.length === 0 ? 0 : start + WAYS;
		for (let index = start; index < end; index++) {
			const initiator = ways[index]!;
			if (initiator === null) break;
			if (initiator.last16 !== last16 || initiator.first32 !== first32 || initiator.link !== link) continue;
			if (index > start) putFirst(ways, start, index, initiator);
			return initiator;
		}
		return this.#add(link, first32, last16);
	}

	/** What has been measured is where it is looked for. */
	handOn(): void {
		for (const initiator of this) initiator.handOn();
	}

	/** Nobody can come by this link any more. */
	forget(link: LinkUse): void {
		for (const initiator of this) if (initiator.link === link) initiator.forgotten();
		const staying = [...this].filter((initiator) => initiator.link !== link);
		link.known -= [...this].length - staying.length;
		this.#place(this.#ways.length, staying);
	}

	#add(link: LinkUse, first32: number, last16: number): Initiator {
		const isFull = this.#ways[setOf(this.#ways.length, first32, last16) + WAYS - 1] !== null;
		const mayGrow = link.known < link.knownMax && this.#ways.length < SETS_MAX * WAYS;
		if (this.#ways.length === 0 || (isFull && mayGrow)) this.#grow();
		const ways = this.#ways;
		const start = setOf(ways.length, first32, last16);
		let free = start;
		while (free < start + WAYS && ways[free] !== null) free += 1;
		const hasRoom = free < start + WAYS && (free === start || link.known < link.knownMax);
		const place = hasRoom ? free : longestSilent(ways, start, free);
		const other = ways[place] ?? null;
		if (other !== null) other.link.known -= 1;
		link.known += 1;
		// One with commands under way is still told what they come to.
		const isReused = other !== null && other.link === link && other.underWay === 0;
		if (!isReused) other?.forgotten();
		const initiator = isReused ? other : new Initiator(this.#disk, link);
		initiator.become(first32, last16);
		putFirst(ways, start, place, initiator);
		return initiator;
	}

	#grow(): void {
		turn.spend(this.#ways.length);
		this.#place(Math.max(WAYS, this.#ways.length * 2), [...this]);
	}

	#place(length: number, initiators: readonly Initiator[]): void {
		const ways = new Array<Initiator | null>(length).fill(null);
		for (const initiator of initiators) {
			let place = setOf(length, initiator.first32, initiator.last16);
			while (ways[place] !== null) place += 1;
			ways[place] = initiator;
		}
		this.#ways = ways;
	}
}

/** Where the set begins, among so many ways, that an address belongs to. */
function setOf(ways: number, first32: number, last16: number): number {
	if (ways <= WAYS) return 0;
	const hash = Math.imul(Math.imul(last16, GOLDEN) ^ first32, GOLDEN) >>> 16;
	return (hash * WAYS) & (ways - 1);
}

/** Those before `place` in the set move down by one. */
function putFirst(ways: (Initiator | null)[], start: number, place: number, initiator: Initiator): void {
	for (let index = place; index > start; index--) ways[index] = ways[index - 1]!;
	ways[start] = initiator;
}

/** The place of who has been silent for longest of those before `end`; if one of them has nothing under way, of those. */
function longestSilent(ways: readonly (Initiator | null)[], start: number, end: number): number {
	for (let index = end - 1; index >= start; index--) if (ways[index]!.underWay === 0) return index;
	return end - 1;
}
