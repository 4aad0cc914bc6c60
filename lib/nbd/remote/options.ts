/** What a session with a server is told, and tells. Types only. */

import type { Clock } from "../../clock.js";
import type { Pump } from "../../pump.js";
import type { Memory } from "../../wire/memory.js";
import type { Agreement } from "./agree.js";
import type { Call } from "./call.js";
import type { Connection } from "./carrier.js";

export interface SessionOptions {
	readonly connect: () => Promise<Connection>;
	readonly pump: Pump;
	readonly clock: Clock;
	readonly allocate: (byteLength: number) => Memory;
	/** An outage may take `resend` times `intervalMs`; an idle server is asked for a sign of life each `intervalMs`. */
	readonly resend: number;
	readonly intervalMs: number;
	/**
	 * Whether what nobody wants any more is sent again, too, on another connection. Default: it is. False where others change the same disk meanwhile: whoever
	 * has given up on it here may have had it done there, and something newer after it.
	 */
	readonly repeatsUnwanted?: boolean;
}

/** How it stands with the server. */
export interface SessionState {
	readonly state: "connected" | "connecting" | "unreachable" | "stopped" | "closed";
	/** Since when, on the session's clock. */
	readonly sinceMs: number;
	/** What happened last. */
	readonly why: string | null;
	/** Calls that were sent once more, and connections that broke, so far. */
	readonly resends: number;
	readonly losses: number;
	/** Calls that are not over. */
	readonly waiting: number;
	/** Another number whenever the state is another. */
	readonly changes: number;
}

export interface SessionUser {
	/** Why an export as it is now can't be what it was; null: it can. */
	differs(agreement: Agreement): string | null;
	/** A call has waited for longer than an interval, the first of those that do; and none does any more. */
	stalled(call: Call, waitedMs: number): void;
	resumed(waitedMs: number): void;
}
