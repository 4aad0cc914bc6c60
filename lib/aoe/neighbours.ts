/**
 * Other targets on the same link. Two hosts that serve one shelf and slot destroy each other's data: Linux takes both for paths
 * to the same disk and spreads its writes over them. So a server asks who is there before it serves an address, and keeps
 * listening to the config responses that pass by afterwards. Used by `AoeTarget`, which sorts those out of its frames.
 */

import type { Blade } from "../blade.js";
import type { Clock } from "../clock.js";
import { ALL_PEERS, type Link } from "../link/link.js";
import { SHELF_ALL, SLOT_ALL } from "../registry.js";
import { ethSource, MAC_BROADCAST } from "../wire/ethernet.js";
import { CONFIG_HEADER_BYTES } from "./config.js";
import { AOE_HEADER_BYTES, AoeCommand, aoeShelf, aoeSlot, padFrame, writeHeader } from "./header.js";

/** Queries per address asked for: a frame may get lost, and a port that has just come up loses the first. */
const QUERIES = 3;
/** With more questions open than this, everybody is asked at once instead: a server of thousands asks as little as one. */
const APART_MAX = 16;
/** How long to wait for a slot when there is none. */
const RETRY_MS = 2;
/** Foreign addresses remembered per blade. More than this many rivals are not worth a log line each. */
const RIVALS_MAX = 16;
/** Anything but 0, which Plan 9 takes for its own discovery: it only has to be told from that in a trace. */
const QUERY_TAG = 0x7662_6c64;

interface Question {
	readonly shelf: number;
	readonly slot: number;
	readonly cancels: Set<() => void>;
	readonly answer: (mac: number | undefined) => void;
}

export interface NeighbourOptions {
	readonly link: Link;
	readonly clock: Clock;
	/** Every MAC address of this process: what they send is no rival's. */
	readonly ownMacs: () => ReadonlySet<number>;
	readonly onConflict: (blade: Blade, mac: number) => void;
}

export class Neighbours {
	readonly #options: NeighbourOptions;
	readonly #questions = new Set<Question>();
	/** Takes back the query to everybody that is going to be sent. */
	#cancelAll: (() => void) | null = null;
	readonly #rivals = new WeakMap<Blade, Set<number>>();

	constructor(options: NeighbourOptions) {
		this.#options = options;
	}

	/** The shelves that questions are open about. */
	shelves(): number[] {
		return [...this.#questions].map((question) => question.shelf);
	}

	/**
	 * Asks the link, several times, who answers for `shelf`.`slot`.
	 * @returns the MAC address of the first who does, or undefined if nobody has within `timeoutMs` milliseconds
	 */
	ask(shelf: number, slot: number, timeoutMs: number): Promise<number | undefined> {
		return new Promise((resolve) => {
			const question: Question = {
				shelf,
				slot,
				cancels: new Set(),
				answer: (mac) => {
					this.#questions.delete(question);
					for (const cancel of question.cancels) cancel();
					resolve(mac);
				},
			};
			this.#questions.add(question);
			this.#after(question, timeoutMs, () => question.answer(undefined));
			for (let i = 1; i < QUERIES; i++)
				this.#after(question, (timeoutMs * i) / QUERIES, () => this.#query(question));
			this.#query(question);
		});
	}

	/** A config response came in; `blade` is ours at the same address, if there is one. */
	heard(bytes: Uint8Array, at: number, blade: Blade | undefined): void {
		const mac = ethSource.get(bytes, at);
		if (this.#options.ownMacs().has(mac)) return;
		const shelf = aoeShelf.get(bytes, at);
		const slot = aoeSlot.get(bytes, at);
		for (const question of this.#questions)
			if (question.shelf === shelf && question.slot === slot) question.answer(mac);
		if (blade !== undefined) this.#report(blade, mac);
	}

	/** Open questions end without an answer. */
	stop(): void {
		this.#cancelAll?.();
		this.#cancelAll = null;
		for (const question of this.#questions) question.answer(undefined);
	}

	#report(blade: Blade, mac: number): void {
		const rivals = this.#rivals.get(blade) ?? new Set();
		this.#rivals.set(blade, rivals);
		if (rivals.has(mac) || rivals.size >= RIVALS_MAX) return;
		rivals.add(mac);
		this.#options.onConflict(blade, mac);
	}

	#query(question: Question): void {
		if (this.#questions.size > APART_MAX) this.#queryAll(0);
		else if (!this.#send(question.shelf, question.slot))
			this.#after(question, RETRY_MS, () => this.#query(question));
	}

	/** One query to everybody instead of one for each of many questions; those of the same moment share it. */
	#queryAll(delayMs: number): void {
		this.#cancelAll ??= this.#options.clock.after(delayMs, () => {
			this.#cancelAll = null;
			if (this.#questions.size > 0 && !this.#send(SHELF_ALL, SLOT_ALL)) this.#queryAll(RETRY_MS);
		});
	}

	/** Sends a config query to all hosts; false if no slot is free. */
	#send(shelf: number, slotAddress: number): boolean {
		const { link } = this.#options;
		const slot = link.acquire();
		if (slot === undefined) return false;
		const { bytes } = slot.memory;
		writeHeader(bytes, slot.offset, {
			destination: MAC_BROADCAST,
			source: link.mac,
			flags: 0,
			shelf,
			slot: slotAddress,
			command: AoeCommand.config,
			tag: QUERY_TAG,
		});
		bytes.fill(0, slot.offset + AOE_HEADER_BYTES, slot.offset + CONFIG_HEADER_BYTES);
		link.transmit(slot, padFrame(bytes, slot.offset, CONFIG_HEADER_BYTES), 0, 0, ALL_PEERS);
		return true;
	}

	#after(question: Question, delayMs: number, callback: () => void): void {
		const cancel = this.#options.clock.after(delayMs, () => {
			question.cancels.delete(cancel);
			callback();
		});
		question.cancels.add(cancel);
	}
}
