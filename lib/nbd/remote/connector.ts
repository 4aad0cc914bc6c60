/**
 * When to connect to a server, and again: at once after a loss, then after pauses that grow up to the interval; and since when it is
 * out of reach, which may be too long. Asked and told by `session.ts`.
 */

import { OperatorError } from "../../errors.js";
import type { Agreement } from "./agree.js";
import type { Connection } from "./carrier.js";
import type { SessionOptions, SessionState } from "./options.js";

/** The first pause between two attempts; each is twice as long as the one before, until a connection has lasted for an interval. */
const PAUSE_MS = 100;

export interface ConnectorUser {
	/** A connection: it tells what comes of it by `agreed` or `lost`. */
	connected(connection: Connection): void;
	/** It has been out of reach for too long. */
	late(): void;
}

export class Connector {
	readonly #options: Pick<SessionOptions, "connect" | "clock" | "resend" | "intervalMs">;
	readonly #user: ConnectorUser;
	#state: SessionState["state"] = "connecting";
	#sinceMs: number;
	#why: string | null = null;
	#losses = 0;
	#changes = 0;
	#pauseMs = 0;
	#forgetAttempt: () => void = () => {};
	#forgetLimit: (() => void) | null = null;
	/** Who waits for the first connection. */
	#first: { resolve(agreement: Agreement): void; reject(error: Error): void } | null = null;

	constructor(options: SessionOptions, user: ConnectorUser) {
		this.#options = options;
		this.#user = user;
		this.#sinceMs = options.clock.now();
	}

	get isUp(): boolean {
		return this.#state === "connected";
	}

	/** Whether there is somebody who would understand a goodbye. */
	get wasUp(): boolean {
		return this.#forgetLimit === null && this.#first === null;
	}

	get state(): Omit<SessionState, "resends" | "waiting"> {
		return {
			...{ state: this.#state, sinceMs: this.#sinceMs, why: this.#why },
			...{ losses: this.#losses, changes: this.#changes },
		};
	}

	#enter(state: SessionState["state"]): void {
		if (state === this.#state) return;
		this.#changes++;
		this.#state = state;
		this.#sinceMs = this.#options.clock.now();
	}

	/** Once, when nothing has been tried yet. */
	first(): Promise<Agreement> {
		return new Promise((resolve, reject) => {
			this.#first = { resolve, reject };
			this.#attempt();
		});
	}

	#attempt(): void {
		this.#options.connect().then(
			(connection) => {
				if (this.#state === "closed") connection.close();
				else this.#user.connected(connection);
			},
			(error: unknown) => this.lost(error instanceof Error ? error.message : String(error), false),
		);
	}

	agreed(agreement: Agreement): void {
		this.#enter("connected");
		this.#forgetLimit?.();
		this.#forgetLimit = null;
		this.#first?.resolve(agreement);
		this.#first = null;
	}

	/** Nothing has come of the connection, or nothing comes of it any more. */
	lost(why: string, isFinal: boolean): void {
		if (this.#state === "closed") return;
		this.#why = why;
		const first = this.#first;
		if (first !== null) {
			this.close();
			this.#first = null;
			first.reject(new OperatorError(why));
			return;
		}
		if (this.isUp) this.#lostOne();
		if (this.#state !== "stopped") this.#enter("unreachable");
		this.#begin();
		this.#again(isFinal);
	}

	/** The next attempt is made at once, unless this one has come to an end as soon as it was there: who does that may do so for ever. */
	#lostOne(): void {
		this.#losses++;
		const { clock, intervalMs } = this.#options;
		if (clock.now() - this.#sinceMs >= intervalMs) this.#pauseMs = 0;
	}

	/** It is another one than before: so it is for good, unless it becomes what it was. */
	stop(why: string): void {
		this.#why = why;
		this.#enter("stopped");
		this.#begin();
		this.#again(true);
	}

	/** From the first loss on time is counted. */
	#begin(): void {
		const { clock, resend, intervalMs } = this.#options;
		this.#forgetLimit ??= clock.after(resend * intervalMs, () => this.#user.late());
	}

	#again(isFinal: boolean): void {
		const { clock, intervalMs } = this.#options;
		const pauseMs = isFinal ? intervalMs : Math.min(intervalMs, this.#pauseMs);
		this.#pauseMs = Math.max(PAUSE_MS, 2 * pauseMs);
		this.#forgetAttempt();
		this.#forgetAttempt = clock.after(pauseMs, () => this.#attempt());
	}

	close(): void {
		this.#enter("closed");
		this.#forgetAttempt();
		this.#forgetLimit?.();
	}
}
