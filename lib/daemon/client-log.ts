/**
 * Tells the log of clients of NBD, or initiators of iSCSI, that come, go and are refused, a bounded number of lines a minute however often they do: what is left
 * out is counted. Used by `nbd-exporter.ts` and `iscsi-exporter.ts`.
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
	readonly #protocol: "nbd" | "iscsi";
	readonly #limit: LineLimit;

	constructor(log: Log, protocol: "nbd" | "iscsi" = "nbd", clock: Clock = systemClock) {
		this.#log = log;
		this.#protocol = protocol;
		this.#limit = new LineLimit(clock, LINES_PER_MINUTE, (untold) =>
			log.info(`${protocol}: clients came, went or were refused ${counted(untold, "time")} more`),
		);
	}

	came(to: ClientsOf, peer: string): void {
		this.#tell("info", to, `${peer} is connected`);
	}

	/** `why`: not in good order. */
	went(from: ClientsOf, peer: string, why: string | null): void {
		this.#tell("info", from, `${peer} has gone${why === null ? "" : `: ${why}`}`);
	}

	refused(by: ClientsOf, peer: string, why = "it is not among those who may have it"): void {
		this.#tell("warn", by, `${peer} was refused: ${oneLine(why)}`);
	}

	/** He has not come so far that it is known which disk he wants, or that there is none such. */
	strange(peer: string, why: string): void {
		this.#tellAll(`${this.#protocol}: ${peer} was refused: ${oneLine(why)}`, { kind: "iscsi-login" });
	}

	/** He has asked what there is. */
	unaware(peer: string, why: string): void {
		this.#tellAll(`${this.#protocol}: ${peer} was shown nothing: ${oneLine(why)}`, { kind: "iscsi-login" });
	}

	/** There is no place for him, or none for another one of his connections. */
	crowded(peer: string): void {
		this.#tellAll(
			`${this.#protocol}: ${peer} was refused: there are too many connections, or too many of that client`,
		);
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
		const message = `${this.#protocol}: ${of}: ${what}`;
		const kind = this.#protocol === "nbd" ? "nbd-client" : "iscsi-initiator";
		const subject: Subject = { kind, disk: of };
		if (this.#limit.mayTell()) this.#log[level](message, subject);
		else this.#log.verbose(message);
	}
}
