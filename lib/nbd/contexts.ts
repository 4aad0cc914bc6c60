/**
 * What a client may be told of the parts of an export, by the name of a context: "base:allocation", where there is data; "vblade:changed:NAME" and
 * "qemu:dirty-bitmap:NAME", where it may be other than in that snapshot; and "vblade:session:ID", by which a client that connects anew cuts itself off where
 * it was connected before. Part of the handshake (`handshake.ts`): which there are, and which
 * of them the client chooses.
 */

import { turn } from "../turn.js";
import type { Context, NbdExport } from "./export.js";
import { ALLOCATION_CONTEXT, CHANGED_CONTEXTS, Option, OptionReply, SESSION_CONTEXT } from "./protocol.js";
import { changes, find, type Steps, type Talk } from "./talk.js";
import { Reader, replyOf } from "./wire.js";

/** Chosen at once, by one client. */
export const CHOSEN_MAX = 16;
/** Snapshots that are listed: the last ones. All can be chosen. */
export const LISTED_MAX = 1024;
/** By which number a session is known: none of those that are chosen. */
const SESSION_ID = CHOSEN_MAX + 1;
/** What it costs of a turn to list one. */
const LISTED_STEPS = 16;

export interface Chosen {
	/** The export, as it was asked for. */
	readonly of: string;
	readonly contexts: readonly Context[];
	/** What the client calls itself by; null: by nothing. */
	readonly session: string | null;
}

/** Which contexts there are, or shall be used: a name that ends with ":" asks for all that begin so, and is no choice. */
export function* metaContexts(talk: Talk, option: number, data: Buffer): Steps<Chosen | undefined> {
	const refuse = (error: OptionReply, message: string): undefined =>
		void talk.send(replyOf(option, error, message));
	const reader = new Reader(data);
	const name = reader.string();
	const queries = reader.strings32();
	if (name === undefined || queries === undefined || !reader.isAtEnd)
		return refuse(OptionReply.errInvalid, "no sense is in this option");
	const exported = yield* find(talk, name);
	if ("why" in exported) return refuse(exported.reply, exported.why);
	const isChoice = option === Option.setMetaContext;
	const contexts = isChoice ? yield* choose(talk, exported, queries) : [];
	const session = isChoice ? sessionIn(talk, queries) : null;
	if (!isChoice) list(talk, exported, queries);
	talk.send(replyOf(option, OptionReply.ack));
	return { of: name, contexts, session };
}

function list(talk: Talk, exported: NbdExport, queries: readonly string[]): void {
	const isWanted = (name: string): boolean =>
		queries.length === 0 || queries.some((query) => asks(query, name));
	const kinds = CHANGED_CONTEXTS.filter(isWantedKind(queries));
	const last = kinds.length > 0 ? (exported.earlier?.names() ?? []).slice(-LISTED_MAX) : [];
	turn.spend(LISTED_STEPS * last.length);
	const names = [ALLOCATION_CONTEXT, ...kinds.flatMap((kind) => last.map((name) => kind + name))];
	const replies = names.filter(isWanted).map((text) => contextReply(Option.listMetaContext, 0, text));
	talk.send(Buffer.concat(replies));
}

/** Whether any of that kind may be meant. */
function isWantedKind(queries: readonly string[]): (kind: string) => boolean {
	return (kind) =>
		queries.length === 0 || queries.some((query) => query.startsWith(kind) || asks(query, kind));
}

function asks(query: string, name: string): boolean {
	return query === name || (query.endsWith(":") && name.startsWith(query));
}

/** What is not there is left out of the answer. */
function* choose(talk: Talk, exported: NbdExport, queries: readonly string[]): Steps<Context[]> {
	const contexts: Context[] = [];
	for (const query of new Set(queries)) {
		if (contexts.length === CHOSEN_MAX) break;
		const id = contexts.length + 1;
		if (query === ALLOCATION_CONTEXT) contexts.push({ id, changes: null });
		else {
			const kind = CHANGED_CONTEXTS.find((each) => query.startsWith(each));
			const { earlier } = exported;
			if (kind === undefined || earlier === undefined) continue;
			const found = yield* changes(talk.changesSince(earlier, query.slice(kind.length)));
			if (found === undefined) continue;
			contexts.push({ id, changes: found });
		}
		talk.send(contextReply(Option.setMetaContext, id, query));
	}
	return contexts;
}

function sessionIn(talk: Talk, queries: readonly string[]): string | null {
	const query = queries.find((each) => each.startsWith(SESSION_CONTEXT)) ?? "";
	const session = query.slice(SESSION_CONTEXT.length);
	if (!/^[A-Za-z0-9]{1,64}$/.test(session)) return null;
	talk.send(contextReply(Option.setMetaContext, SESSION_ID, query));
	return session;
}

function contextReply(option: number, id: number, name: string): Buffer {
	const text = Buffer.from(name);
	const context = Buffer.alloc(4 + text.length);
	context.writeUInt32BE(id);
	text.copy(context, 4);
	return replyOf(option, OptionReply.metaContext, context);
}
