/**
 * What is with the server, and for how long it is waited for: no call for longer than an outage may take, whether the server answers others and
 * this one never, or each connection ends that the call is sent on. Told by `session.ts` of each call that begins, leaves, and is answered.
 */

import type { Clock } from "../../clock.js";
import type { Call } from "./call.js";
import type { CallTable } from "./call-table.js";

/** Calls with the server at once: what so many others have overtaken is forgotten there. */
export const SENT_MAX = 256;

export class Patience {
	readonly #clock: Clock;
	readonly #limitMs: number;
	/** On so many connections a call has been tried that have ended: it may be what ends them. (Outages that are short each are pauses, however many.) */
	readonly #lossesMax: number;
	readonly #calls: CallTable;
	/** Calls with the server. */
	sent = 0;
	/** Calls that were sent once more, so far. */
	resends = 0;
	#answers = 0;
	/** Since when nothing was with the server. */
	#sentSinceMs = 0;

	constructor(
		calls: CallTable,
		{ clock, resend, intervalMs }: { clock: Clock; resend: number; intervalMs: number },
	) {
		this.#calls = calls;
		this.#clock = clock;
		this.#limitMs = resend * intervalMs;
		this.#lossesMax = resend;
	}

	begins(call: Call): void {
		call.renew();
		call.sinceMs = this.#clock.now();
		call.losses = 0;
	}

	leaves(call: Call): void {
		call.sentMs = this.#clock.now();
		call.answersBefore = this.#answers;
		if (this.sent++ === 0) this.#sentSinceMs = call.sentMs;
		call.isSent = true;
	}

	answered(call: Call): void {
		this.sent--;
		this.#answers++;
		call.isSent = false;
	}

	/** Nothing is with the server any more: all is in line again. */
	lost(): void {
		this.sent = 0;
		this.resends += this.#calls.waitAgain();
	}

	/** A connection has ended that calls could be sent on: those are taken out that nobody waits for any longer. */
	takeWorn(): Call[] {
		const beforeMs = this.#clock.now() - this.#limitMs;
		for (const call of this.#calls.those(() => true)) call.losses++;
		const worn = this.#calls.those(({ losses, sinceMs }) => losses >= this.#lossesMax && sinceMs <= beforeMs);
		for (const call of worn) this.#calls.cancel(call);
		return worn;
	}

	/** Whether the server has had a call for so long, and answered so many others, that it never will; it is worn by that. */
	hasForgotten(nowMs: number): boolean {
		const forgotten = this.#calls.those(
			({ isSent, sentMs, answersBefore }) =>
				isSent && sentMs <= nowMs - this.#limitMs && this.#answers - answersBefore >= SENT_MAX,
		);
		for (const call of forgotten) call.losses = this.#lossesMax;
		return forgotten.length > 0;
	}

	/** For how long what is there has been waited for; `idleMs`: for how long nothing has come. */
	waitedMs(nowMs: number, idleMs: number): number {
		return Math.min(idleMs, nowMs - this.#sentSinceMs);
	}
}

/** Until what `begin` begins calls `resolve`, or the time is over. */
export async function atMost(
	clock: Clock,
	limitMs: number,
	begin: (resolve: () => void) => void,
): Promise<void> {
	let forget = (): void => {};
	await new Promise<void>((resolve) => {
		forget = clock.after(limitMs, resolve);
		begin(resolve);
	});
	forget();
}
