/**
 * Tells the log of clients of NBD that come, go and are refused, a bounded number of lines a minute however often they do: what is left
 * out is counted. Used by `nbd-exporter.ts`.
 */

import { type Clock, systemClock } from "../clock.js";
import type { Log, Subject } from "../log.js";
import { counted, oneLine } from "../text.js";
import { LineLimit } from "./line-limit.js";

const LINES_PER_MINUTE = 60;

/** What they want. */
export interface ClientsOf {
	/** The disk's name, as the operator has given it. */
	readonly of: string;
}

export class ClientLog {
	readonly #log: Log;
	readonly #limit: LineLimit;

	constructor(log: Log, clock: Clock = systemClock) {
		this.#log = log;
		this.#limit = new LineLimit(clock, LINES_PER_MINUTE, (untold) =>
			log.info(`nbd: clients came, went or were refused ${counted(untold, "time")} more`),
		);
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

	/** There is no place for him, or none for another one of his connections. */
	crowded(peer: string): void {
		this.#tellAll(`nbd: ${peer} was refused: there are too many connections, or too many of that client`);
	}

	/** TLS has come to nothing, or he has shown what is not good. */
	insecure(peer: string, why: string): void {
		this.#tellAll(`nbd: ${peer} was refused: TLS: ${oneLine(why)}`, { kind: "nbd-tls" });
	}

	close(): void {
		this.#limit.close();
	}

	/** Of a client that is no disk's. */
	#tellAll(message: string, subject?: Subject): void {
		if (this.#limit.mayTell()) this.#log.warn(message, subject);
		else this.#log.verbose(message);
	}

	#tell(level: "info" | "warn", { of }: ClientsOf, what: string): void {
		const message = `nbd: ${of}: ${what}`;
		const subject: Subject = { kind: "nbd-client", disk: of };
		if (this.#limit.mayTell()) this.#log[level](message, subject);
		else this.#log.verbose(message);
	}
}
