/**
 * What a handshake (`handshake.ts`) says and hears, and what it waits for: bytes of the client, or an export that is opened for it. Answered
 * by `connection.ts`.
 */

import { invariant } from "../errors.js";
import type { Access, ChangesSince, Context, Earlier, NbdExport, Refusal } from "./export.js";
import { OptionReply } from "./protocol.js";

/** What a handshake needs of whoever runs it. */
export interface Talk {
	send(bytes: Uint8Array): void;
	/** Whoever may have them. Others may come and go between two. */
	exports(): Iterable<NbdExport>;
	/** When others have had their turn. */
	nextTurn(): Promise<undefined>;
	/** "": the default one. Undefined if there is none; one that there is need not be for this client. Some are opened first. */
	find(name: string): Found | Promise<Found>;
	accessOf(exported: NbdExport): Access;
	/** It has asked for one that it may not have. */
	denied(exported: NbdExport): void;
	/** Where an export differs from a snapshot, kept for this client until `dropChanges` is called, or it goes. */
	changesSince(earlier: Earlier, name: string): Promise<ChangesSince | undefined>;
	dropChanges(): void;
	readonly tls: "none" | "offered" | "required" | "on";
	/** Why this client gets nothing, whatever it asks for; null: it may ask. */
	readonly refusal: string | null;
}

/** How it ends. */
export type HandshakeEnd =
	| {
			readonly kind: "agreed";
			readonly exported: NbdExport;
			readonly access: Access;
			readonly isStructured: boolean;
			readonly contexts: readonly Context[];
			/** See `SESSION_CONTEXT`. */
			readonly session: string | null;
	  }
	/** The client's wish; or it did what it may not, and that is `why`. */
	| { readonly kind: "over"; readonly why: string | null }
	| { readonly kind: "tls" };

export type Found = NbdExport | Refusal | undefined;

/** What it waits for: so many bytes, what a name stands for, or what has changed. */
export type Want = number | Promise<Opened>;
export type Given = Buffer | Opened;
type Opened = Found | ChangesSince;
export type Steps<Result> = Generator<Want, Result, Given>;
export type Handshake = Steps<HandshakeEnd>;

const NOT_ALLOWED = "this client is not among those who may have it";
export function* bytes(count: number): Steps<Buffer> {
	const given = yield count;
	invariant(Buffer.isBuffer(given), "no bytes were given");
	return given;
}

/** Waits for what is being opened. */
export function* changes(opening: Promise<ChangesSince | undefined>): Steps<ChangesSince | undefined> {
	const given = yield opening;
	invariant(given === undefined || isChanges(given), "something else was given");
	return given;
}

function isChanges(given: Given): given is ChangesSince {
	return given !== undefined && "extents" in given;
}

const UNKNOWN: Refusal = { reply: OptionReply.errUnknown, why: "there is no such export" };

/** What the client may have by that name, or why it may not. */
export function* find(talk: Talk, name: string): Steps<NbdExport | Refusal> {
	let found = talk.find(name);
	if (found instanceof Promise) {
		const given = yield found;
		invariant(!Buffer.isBuffer(given) && !isChanges(given), "something else was given");
		found = given;
	}
	if (found === undefined || "why" in found) return found ?? UNKNOWN;
	if (talk.accessOf(found) !== "none") return found;
	talk.denied(found);
	return { reply: OptionReply.errPolicy, why: NOT_ALLOWED };
}
