/**
 * The client's side of the handshake ("fixed newstyle"), as a generator: it yields how many bytes it wants next, gets them, and returns
 * what was agreed on, or why nothing was. What the server says is believed in nothing: texts are cut short and made printable, replies
 * counted. Run by `line.ts`, which has a limit for all of it.
 */

import { quote } from "../../text.js";
import {
	ALLOCATION_CONTEXT,
	GREETING_BYTES,
	HandshakeFlag,
	INIT_MAGIC,
	Info,
	OPTION_MAGIC,
	OPTION_REPLY_MAGIC,
	Option,
	OptionReply,
	PAYLOAD_BYTES_MAX,
	SESSION_CONTEXT,
	TransmissionFlag,
} from "../protocol.js";

/** Longest reply to an option, and how many one option gets. */
const REPLY_BYTES_MAX = 16 * 1024;
const REPLIES_MAX = 64;
/** Of what a server says in words. */
export const WORDS_MAX = 200;
const ZEROES_BYTES = 124;

export interface Agreement {
	readonly sizeBytes: number;
	/** `TransmissionFlag`s. */
	readonly flags: number;
	readonly isStructured: boolean;
	/** By which number the server calls "base:allocation"; -1: it does not know it. */
	readonly allocationContext: number;
	readonly minimumBytes: number;
	readonly preferredBytes: number;
	/** Longest read or write that it takes. */
	readonly maximumBytes: number;
	/** What is trimmed reads as zeros afterwards, which NBD promises of nothing that is trimmed. */
	readonly trimmedIsZero: boolean;
	/** What the disk itself is known by; null: by nothing. */
	readonly serial: string | null;
	/** Its world wide name, 16 hexadecimal digits; null: not known. */
	readonly wwn: string | null;
}

/** Nothing was agreed on. `isFinal`: the server has said so in its protocol, and would again. */
export interface Refused {
	readonly refused: string;
	readonly isFinal: boolean;
}

export type Agreeing = Generator<number, Agreement | Refused, Buffer>;

interface Reply {
	readonly type: number;
	readonly data: Buffer;
}

/** What a client answers to a greeting; `hasZeroes`: the oldest reply has them at its end. */
export function flagsFor(greeting: Buffer): { flags: Buffer; hasZeroes: boolean } | Refused {
	if (greeting.readBigUInt64BE() !== INIT_MAGIC) return refused("what answers there is no NBD server");
	const theirs = greeting.readUInt16BE(16);
	if (greeting.readBigUInt64BE(8) !== OPTION_MAGIC || (theirs & HandshakeFlag.fixedNewstyle) === 0)
		return refused('the server is of a time before "fixed newstyle"');
	const hasZeroes = (theirs & HandshakeFlag.noZeroes) === 0;
	const flags = Buffer.alloc(4);
	flags.writeUInt32BE(HandshakeFlag.fixedNewstyle | (hasZeroes ? 0 : HandshakeFlag.noZeroes));
	return { flags, hasZeroes };
}

/** What is to be made out. */
export interface Wish {
	/** Of the export; "": the default one. */
	readonly name: string;
	/** A server of ours forgets what is still on its way to it on earlier connections that were called so. */
	readonly session: string;
	/** Who the disk is, too, which the server has to say (`partnerText`). */
	readonly wantsIdentity?: boolean;
}

const IDENTITY = /^serial ([\x21-\x7e]{1,20}), wwn ([0-9a-f]{16})$/;

/** How a host of ours describes a disk to another one, that is to be known as the same. */
export function identityText({ serial, wwn }: { readonly serial: string; readonly wwn: string }): string {
	return `serial ${serial}, wwn ${wwn}`;
}

/** Makes out with a server what there is to know of its export. `isAgain`: behind TLS, where the greeting has been and only options are left. */
export function* agree(
	{ name, session, wantsIdentity = false }: Wish,
	send: (bytes: Uint8Array) => void,
	isAgain = false,
): Agreeing {
	let hasZeroes = false;
	if (!isAgain) {
		const ours = flagsFor(yield GREETING_BYTES);
		if ("refused" in ours) return ours;
		send(ours.flags);
		hasZeroes = ours.hasZeroes;
	}
	send(optionOf(Option.structuredReply));
	const structured = yield* lastReply(Option.structuredReply);
	if ("refused" in structured) return structured;
	const isStructured = structured.type === OptionReply.ack;
	let allocationContext = -1;
	if (isStructured) {
		send(optionOf(Option.setMetaContext, wishFor(name, [ALLOCATION_CONTEXT, SESSION_CONTEXT + session])));
		const contexts = yield* allReplies(Option.setMetaContext);
		if ("refused" in contexts) return contexts;
		allocationContext = allocationIn(contexts);
	}
	const infos = wantsIdentity ? [Info.blockSize, Info.description] : [Info.blockSize];
	send(optionOf(Option.go, Buffer.concat([text(name), numbers16(infos)])));
	const replies = yield* allReplies(Option.go);
	if ("refused" in replies) return replies;
	const last = replies.at(-1)!;
	if (last.type === OptionReply.ack) {
		const agreed = agreementOf(replies, isStructured, allocationContext);
		return wantsIdentity && !("refused" in agreed) ? withIdentity(agreed, replies) : agreed;
	}
	if (last.type !== OptionReply.errUnsupported) return refusalOf(name, last);
	// The oldest way, of which the server only says what it can't be asked otherwise.
	send(optionOf(Option.exportName, Buffer.from(name)));
	const about = yield 10 + (hasZeroes ? ZEROES_BYTES : 0);
	return exportOf(about, 0, isStructured, allocationContext, undefined);
}

function refused(why: string, isFinal = true): Refused {
	return { refused: why, isFinal };
}

export function optionOf(option: number, data: Uint8Array = Buffer.alloc(0)): Buffer {
	const head = Buffer.alloc(16);
	head.writeBigUInt64BE(OPTION_MAGIC);
	head.writeUInt32BE(option, 8);
	head.writeUInt32BE(data.length, 12);
	return Buffer.concat([head, data]);
}

function text(value: string): Buffer {
	const bytes = Buffer.from(value);
	const length = Buffer.alloc(4);
	length.writeUInt32BE(bytes.length);
	return Buffer.concat([length, bytes]);
}

function numbers16(numbers: readonly number[]): Buffer {
	const bytes = Buffer.alloc(2 + 2 * numbers.length);
	bytes.writeUInt16BE(numbers.length);
	for (const [i, number] of numbers.entries()) bytes.writeUInt16BE(number, 2 + 2 * i);
	return bytes;
}

function wishFor(name: string, contexts: readonly string[]): Buffer {
	const count = Buffer.alloc(4);
	count.writeUInt32BE(contexts.length);
	return Buffer.concat([text(name), count, ...contexts.map(text)]);
}

/** Replies to one option, up to its last one. */
function* allReplies(option: number): Generator<number, Reply[] | Refused, Buffer> {
	const replies: Reply[] = [];
	for (;;) {
		const head = yield 20;
		const length = head.readUInt32BE(16);
		if (head.readBigUInt64BE() !== OPTION_REPLY_MAGIC || head.readUInt32BE(8) !== option)
			return refused("what the server sends is no reply to an option");
		if (length > REPLY_BYTES_MAX || replies.length >= REPLIES_MAX)
			return refused("the server says more than anybody wants to know");
		const data = length > 0 ? yield length : Buffer.alloc(0);
		const type = head.readUInt32BE(12);
		replies.push({ type, data });
		if (type === OptionReply.ack || type >= 2 ** 31) return replies;
	}
}

export function* lastReply(option: number): Generator<number, Reply | Refused, Buffer> {
	const replies = yield* allReplies(option);
	return "refused" in replies ? replies : replies.at(-1)!;
}

function allocationIn(replies: readonly Reply[]): number {
	if (replies.at(-1)!.type !== OptionReply.ack) return -1;
	for (const { type, data } of replies) {
		if (type !== OptionReply.metaContext || data.length < 4) continue;
		if (data.toString("utf8", 4) === ALLOCATION_CONTEXT) return data.readUInt32BE();
	}
	return -1;
}

function agreementOf(
	replies: readonly Reply[],
	isStructured: boolean,
	allocationContext: number,
): Agreement | Refused {
	let about: Buffer | undefined;
	let sizes: Buffer | undefined;
	for (const { type, data } of replies) {
		if (type !== OptionReply.info || data.length < 2) continue;
		const info = data.readUInt16BE();
		if (info === Info.export && data.length === 12) about = data;
		else if (info === Info.blockSize && data.length === 14) sizes = data;
	}
	if (about === undefined) return refused("the server does not say how large its export is");
	return exportOf(about, 2, isStructured, allocationContext, sizes);
}

function exportOf(
	about: Buffer,
	at: number,
	isStructured: boolean,
	allocationContext: number,
	sizes: Buffer | undefined,
): Agreement | Refused {
	const size = about.readBigUInt64BE(at);
	if (size > BigInt(Number.MAX_SAFE_INTEGER))
		return refused(`the export has ${size} bytes: that is too many`);
	const [minimumBytes = 1, preferredBytes = 4096, maximumBytes = PAYLOAD_BYTES_MAX] =
		sizes === undefined ? [] : [2, 6, 10].map((each) => sizes.readUInt32BE(each));
	const isSense = minimumBytes >= 1 && preferredBytes >= minimumBytes && maximumBytes >= preferredBytes;
	if (!isSense) return refused("the server wants requests of sizes that there are not");
	return {
		sizeBytes: Number(size),
		flags: hasFlags(about.readUInt16BE(at + 8)),
		isStructured,
		allocationContext,
		minimumBytes,
		preferredBytes,
		maximumBytes: Math.min(maximumBytes, PAYLOAD_BYTES_MAX),
		trimmedIsZero: false,
		serial: null,
		wwn: null,
	};
}

function withIdentity(agreed: Agreement, replies: readonly Reply[]): Agreement | Refused {
	for (const { type, data } of replies) {
		if (type !== OptionReply.info || data.length < 2 || data.readUInt16BE() !== Info.description) continue;
		const [, serial, wwn] = IDENTITY.exec(data.toString("utf8", 2)) ?? [];
		// (A disk of ours: what is trimmed there reads as zeros.)
		if (serial !== undefined && wwn !== undefined) return { ...agreed, serial, wwn, trimmedIsZero: true };
	}
	return refused("the server does not say which disk it is");
}

/** Without the first of them the others say nothing. */
function hasFlags(flags: number): number {
	return (flags & TransmissionFlag.hasFlags) > 0 ? flags : 0;
}

function refusalOf(name: string, { type, data }: Reply): Refused {
	const words = data.length === 0 ? "" : ` (it says: ${quote(data.toString("utf8", 0, WORDS_MAX))})`;
	const what = name === "" ? "its default export" : `its export ${quote(name)}`;
	switch (type) {
		case OptionReply.errUnknown:
			return refused(`the server has not, or not for us, ${what}${words}`);
		case OptionReply.errPolicy:
			return refused(`the server does not let us have ${what}${words}`);
		case OptionReply.errTlsRequired:
			return refused(`the server wants TLS for ${what}, as nbds:// has it${words}`);
		case OptionReply.errShutdown:
			return refused(`the server is closing ${what}${words}`, false);
		default:
			return refused(`the server refuses ${what}, error ${type - 2 ** 31}${words}`);
	}
}
