/**
 * The serial numbers of one connection: which command is the next, how far ahead the initiator may send, and what the next status is
 * called (RFC 7143, 4.2.2). A session has one connection, so these are the session's, too. Kept by `transmission.ts`; written into every
 * PDU by `replies.ts`.
 */

import { isBefore } from "./pdu.js";

/** Commands that an initiator may have sent and not heard of. */
export const WINDOW = 128;

/** What is to be done with a PDU, by its CmdSN. */
export type Turn =
	| "next"
	/** Outside the window, or it has come before: nobody is told (4.2.2.1). */
	| "ignored"
	/** Another one was to come first: on a single connection nothing can be in its way. */
	| "early";

/** All are of 32 bits, kept with a sign: so none of them is ever put on the heap. */
export class Window {
	#expCmdSN: number;
	#maxCmdSN: number;
	#statSN: number;

	/** `cmdSN`: of the first command that is to come; `statSN`: of the first status that goes. */
	constructor(cmdSN: number, statSN: number) {
		this.#expCmdSN = cmdSN | 0;
		this.#maxCmdSN = (cmdSN + WINDOW - 1) | 0;
		this.#statSN = statSN | 0;
	}

	get expCmdSN(): number {
		return this.#expCmdSN;
	}

	get maxCmdSN(): number {
		return this.#maxCmdSN;
	}

	/** Of the last status, and one more. */
	get statSN(): number {
		return this.#statSN;
	}

	/** The next status has this number. */
	nextStatSN(): number {
		const statSN = this.#statSN;
		this.#statSN = (statSN + 1) | 0;
		return statSN;
	}

	/** Of what is not immediate. */
	turnOf(cmdSN: number): Turn {
		if (cmdSN === this.#expCmdSN && !isBefore(this.#maxCmdSN, cmdSN)) return "next";
		const isInside = isBefore(this.#expCmdSN, cmdSN) && !isBefore(this.#maxCmdSN, cmdSN);
		return isInside ? "early" : "ignored";
	}

	/** What was next has come. */
	taken(): void {
		this.#expCmdSN = (this.#expCmdSN + 1) | 0;
	}

	/** The same, and it is over. */
	passed(): void {
		this.taken();
		this.over();
	}

	/** One of those that were taken is over: one more may come. */
	over(): void {
		this.#maxCmdSN = (this.#maxCmdSN + 1) | 0;
	}
}
