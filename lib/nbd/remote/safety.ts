/**
 * What the server has answered, and what of that is certain to outlast it: changes are kept (`kept.ts`) until a flush that was sent after
 * their answers is over. Where there is no room to keep one it waits for a flush itself. Used by `session.ts`.
 */

import type { Memory } from "../../wire/memory.js";
import { Command, CommandFlag, TransmissionFlag } from "../protocol.js";
import type { Call } from "./call.js";
import { Kept } from "./kept.js";

export class Safety {
	readonly kept: Kept;
	/** What was answered before is perhaps lost, and nobody was told: the next flush fails. */
	isBroken = false;
	/** Changes that are done but can't be kept before a flush, which is numbered as all that were sent. */
	#unkept: Call[] = [];
	#flushes = 0;

	constructor(allocate: (byteLength: number) => Memory) {
		this.kept = new Kept(allocate);
	}

	/** It is time to ask for a flush. */
	get wantsFlush(): boolean {
		return this.kept.isHalfFull || this.#unkept.length > 0;
	}

	get isEmpty(): boolean {
		return this.kept.isEmpty && this.#unkept.length === 0;
	}

	/** A flush leaves now. */
	flushSent(flush: Call): void {
		flush.keptBefore = this.kept.next;
		flush.flushNumber = ++this.#flushes;
	}

	/** A call was answered well. False if it is over only when a flush is. */
	answered(call: Call, flags: number): boolean {
		if (!this.#mustBeKept(call, flags) || this.kept.keep(call)) return true;
		call.flushNumber = this.#flushes;
		this.#unkept.push(call);
		return false;
	}

	/** It may be lost until a flush, or it is newer than what is kept, which would be replayed over it. */
	#mustBeKept({ command, flags }: Call, exportFlags: number): boolean {
		const hasCache = (exportFlags & TransmissionFlag.sendFlush) > 0;
		const changes = command === Command.write || command === Command.writeZeroes || command === Command.trim;
		return hasCache && changes && ((flags & CommandFlag.fua) === 0 || !this.kept.isEmpty);
	}

	/** A flush is over, well. Returns what has waited for it. */
	flushed(flush: Call): readonly Call[] {
		this.kept.safe(flush.keptBefore);
		if (this.#unkept.length === 0) return [];
		const done = this.#unkept.filter(({ flushNumber }) => flushNumber < flush.flushNumber);
		this.#unkept = this.#unkept.filter((call) => !done.includes(call));
		return done;
	}

	/** The connection is gone: what has waited for a flush is sent again, as if it had not been answered. */
	lost(): void {
		this.#unkept = [];
	}

	/** What was answered can't be made safe any more. Returns what has waited for that. */
	giveUp(): readonly Call[] {
		if (!this.isEmpty) this.isBroken = true;
		this.kept.forget();
		return this.#unkept.splice(0);
	}
}
