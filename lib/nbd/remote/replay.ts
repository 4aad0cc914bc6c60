/**
 * Sends what is kept (`kept.ts`) once more on a new connection: several at once, but never one that overlaps another which is not over,
 * for a server does what it has at the same time in any order. Made by `session.ts`, which sends nothing else until this is over.
 */

import { NbdError } from "../protocol.js";
import { Call } from "./call.js";
import type { CallTable } from "./call-table.js";
import type { Kept, KeptChange } from "./kept.js";

const AT_ONCE = 16;

export class Replay {
	/** The server refuses some of it now. */
	hasFailed = false;
	readonly #changes: readonly KeptChange[];
	readonly #kept: Kept;
	readonly #calls: CallTable;
	readonly #send: (call: Call) => void;
	readonly #underWay: Call[] = [];
	#next = 0;

	constructor(kept: Kept, calls: CallTable, send: (call: Call) => void) {
		this.#kept = kept;
		this.#calls = calls;
		this.#send = send;
		this.#changes = kept.changes();
	}

	get isOver(): boolean {
		return this.#next === this.#changes.length && this.#underWay.length === 0;
	}

	/** Sends as much as may be under way. */
	goOn(): void {
		while (this.#next < this.#changes.length && this.#underWay.length < AT_ONCE) {
			const change = this.#changes[this.#next]!;
			if (this.#underWay.some((call) => overlaps(call, change))) return;
			this.#next++;
			const call = new Call();
			call.command = change.command;
			call.flags = change.flags;
			call.offsetBytes = change.offsetBytes;
			call.lengthBytes = change.lengthBytes;
			call.memory = this.#kept.memory;
			call.memoryOffset = change.memoryOffset;
			this.#calls.enter(call);
			this.#underWay.push(call);
			this.#send(call);
		}
	}

	/** False if the call is none of this. */
	answered(call: Call): boolean {
		const at = this.#underWay.indexOf(call);
		if (at < 0) return false;
		this.#underWay.splice(at, 1);
		this.#calls.remove(call);
		if (call.error !== NbdError.none) this.hasFailed = true;
		return true;
	}

	/** The connection is gone: on the next one it begins anew. */
	end(): void {
		for (const call of this.#underWay.splice(0)) this.#calls.remove(call);
	}
}

function overlaps(call: Call, change: KeptChange): boolean {
	return (
		change.offsetBytes < call.offsetBytes + call.lengthBytes &&
		call.offsetBytes < change.offsetBytes + change.lengthBytes
	);
}
