/**
 * Tells the log of clients of NBD that come, go and are refused, a bounded number of lines a minute however often they do: what is left
 * out is counted. Used by `nbd-exporter.ts`.
 */

import { type Clock, systemClock } from "../clock.js";
import type { Log, Subject } from "../log.js";
import { counted } from "../text.js";

const LINES_PER_MINUTE = 60;
const MINUTE_MS = 60_000;

/** What they want. */
export interface ClientsOf {
	/** The disk's name, as the operator has given it. */
	readonly of: string;
}

export class ClientLog {
	readonly #log: Log;
	readonly #clock: Clock;
	#lines = 0;
	#untold = 0;
	#stopMinute: (() => void) | null = null;

	constructor(log: Log, clock: Clock = systemClock) {
		this.#log = log;
		this.#clock = clock;
	}

	came(to: ClientsOf, peer: string): void {
		this.#tell("info", to, `${peer} is connected`);
	}

	/** `why`: not in good order. */
	went(from: ClientsOf, peer: string, why: string | null): void {
		this.#tell("info", from, `${peer} has gone${why === null ? "" : `: ${why}`}`);
	}

	refused(by: ClientsOf, peer: string): void {
		this.#tell("warn", by, `${peer} was refused: it is not among those who may have it`);
	}

	close(): void {
		this.#stopMinute?.();
		this.#stopMinute = null;
	}

	#tell(level: "info" | "warn", { of }: ClientsOf, what: string): void {
		const message = `nbd: ${of}: ${what}`;
		const subject: Subject = { kind: "nbd-client", disk: of };
		this.#stopMinute ??= this.#clock.after(MINUTE_MS, () => this.#minuteOver());
		if (this.#lines < LINES_PER_MINUTE) {
			this.#lines += 1;
			this.#log[level](message, subject);
			return;
		}
		this.#untold += 1;
		this.#log.verbose(message);
	}

	#minuteOver(): void {
		this.#stopMinute = null;
		this.#lines = 0;
		if (this.#untold === 0) return;
		this.#log.info(`nbd: clients came, went or were refused ${counted(this.#untold, "time")} more`);
		this.#untold = 0;
	}
}
