/**
 * What carries the calls of a session (`session.ts`): a connection, and the line that begins on it. That of NBD is in `line.ts`, that of AoE
 * in `lib/client/far-line.ts`. Types only.
 */

import type { Clock } from "../../clock.js";
import type { Memory } from "../../wire/memory.js";
import type { Agreement } from "./agree.js";
import type { Call } from "./call.js";

/** The server is reached, and nothing agreed on. */
export interface Connection {
	/** What comes of it the user is told, not before this has returned. */
	begin(user: LineUser): Line;
	/** Nobody wants it: called instead of `begin`. */
	close(): void;
}

export interface Line {
	/** Bytes that have not left yet. */
	readonly waitingBytes: number;
	/** When anything was answered last, or a good part of an answer had come, on the user's clock. */
	readonly heardMs: number;
	/** Has a call done: the user is told by `answered`, or by `lost` of all that are not. */
	send(call: Call): void;
	/** Sends as much as may leave. */
	flush(): void;
	/** Nothing more is wanted of the server, if that can still be said. */
	goodbye(): void;
	/** The user is not told. May be called again. */
	close(): void;
}

export interface LineUser {
	readonly clock: Clock;
	readonly allocate: (byteLength: number) => Memory;
	/** Calls may be sent. */
	agreed(agreement: Agreement): void;
	/** Nothing comes of it any more: it is closed. `isFinal`: the server says so, and would again. */
	lost(why: string, isFinal: boolean): void;
	callAt(index: number): Call | null;
	/** The server's word on it is in `call.error`. */
	answered(call: Call): void;
	/** Something was sent once more. */
	resent(): void;
	/** There is something to be flushed. */
	filled(): void;
	/** What has come is dealt with: what that has queued may go. */
	settled(): void;
}
