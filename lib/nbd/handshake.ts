/**
 * The handshake of one connection ("fixed newstyle"), as a generator: it yields how many bytes it wants next, or an export that is being
 * opened, gets that, and returns what was agreed on. Options are answered one by one through `Talk` (`talk.ts`). What a client is not allowed
 * to have is not in its list, and is refused with the reason. Plain code, for it is rare; run by `connection.ts`, which has a limit for all of it.
 */

import { unreachable } from "../errors.js";
import { quote } from "../text.js";
import { turn } from "../turn.js";
import { type Chosen, metaContexts } from "./contexts.js";
import { blockSizesOf, type NbdExport, transmissionFlags } from "./export.js";
import {
	GREETING_BYTES,
	HandshakeFlag,
	INIT_MAGIC,
	Info,
	OPTION_MAGIC,
	Option,
	OptionReply,
	STRING_BYTES_MAX,
} from "./protocol.js";
import { bytes, find, type Handshake, type HandshakeEnd, type Steps, type Talk } from "./talk.js";
import { Reader, replyOf } from "./wire.js";

/** Longest option that is looked at: a name and a few hundred contexts. */
const OPTION_BYTES_MAX = 64 * 1024;
/** What is longer is passed by in pieces. */
const PASSED_BYTES = 16 * 1024;
const ZEROES_BYTES = 124;
/** Exports that a client is told of, or not, in one turn of the loop; and what one costs of that. */
const LISTED_A_TURN = 64;
const LISTED_STEPS = 64;
const FIRST_STRUCTURED = "structured replies come first";

/** What was said so far: forgotten when TLS begins. */
interface Said {
	isStructured: boolean;
	chosen: Chosen | undefined;
}

const over = (why: string | null): HandshakeEnd => ({ kind: "over", why });

/** From the greeting on; `isAgain`: from the first option on, behind TLS. */
export function* handshake(talk: Talk, isAgain = false): Handshake {
	let hasZeroes = false;
	if (!isAgain) {
		const greeting = Buffer.alloc(GREETING_BYTES);
		greeting.writeBigUInt64BE(INIT_MAGIC);
		greeting.writeBigUInt64BE(OPTION_MAGIC, 8);
		greeting.writeUInt16BE(HandshakeFlag.fixedNewstyle | HandshakeFlag.noZeroes, 16);
		talk.send(greeting);
		const flags = (yield* bytes(4)).readUInt32BE();
		const isKnown = (flags & ~(HandshakeFlag.fixedNewstyle | HandshakeFlag.noZeroes)) === 0;
		if (!isKnown || (flags & HandshakeFlag.fixedNewstyle) === 0)
			return over("it speaks another protocol than fixed newstyle");
		hasZeroes = (flags & HandshakeFlag.noZeroes) === 0;
	}
	return yield* options(talk, hasZeroes);
}

function* options(talk: Talk, hasZeroes: boolean): Handshake {
	const said: Said = { isStructured: false, chosen: undefined };
	for (;;) {
		const head = yield* bytes(16);
		if (head.readBigUInt64BE() !== OPTION_MAGIC) return over("what it sends are no options");
		const option = head.readUInt32BE(8);
		const length = head.readUInt32BE(12);
		if (length > OPTION_BYTES_MAX) {
			if (option === Option.exportName) return over("the name of an export is too long");
			for (let left = length; left > 0; left -= PASSED_BYTES) yield* bytes(Math.min(left, PASSED_BYTES));
			talk.send(replyOf(option, OptionReply.errTooBig, "no option is so long"));
			continue;
		}
		const data = length > 0 ? yield* bytes(length) : Buffer.alloc(0);
		const end = yield* answer(talk, said, option, data, hasZeroes);
		if (end !== undefined) return end;
	}
}

/** Answers one option. What ends the handshake is returned. */
function* answer(
	talk: Talk,
	said: Said,
	option: number,
	data: Buffer,
	hasZeroes: boolean,
): Steps<HandshakeEnd | undefined> {
	const refuse = (error: OptionReply, message: string): undefined =>
		void talk.send(replyOf(option, error, message));
	const isAllowed = talk.tls !== "required" || option === Option.startTls || option === Option.abort;
	if (!isAllowed) {
		if (option === Option.exportName) return over("it wants an export without TLS");
		return refuse(OptionReply.errTlsRequired, "only with TLS");
	}
	if (talk.refusal !== null && option !== Option.abort) {
		if (option === Option.exportName) return over(talk.refusal);
		return refuse(OptionReply.errPolicy, talk.refusal);
	}
	switch (option) {
		case Option.exportName:
			return yield* exportName(talk, said, data, hasZeroes);
		case Option.abort:
			talk.send(replyOf(option, OptionReply.ack));
			return over(null);
		case Option.list:
			return yield* list(talk, data);
		case Option.startTls:
			return startTls(talk, data);
		case Option.structuredReply:
			if (data.length > 0) return refuse(OptionReply.errInvalid, "this option has no data");
			said.isStructured = true;
			return void talk.send(replyOf(option, OptionReply.ack));
		case Option.info:
		case Option.go:
			return yield* infoOrGo(talk, said, option, data);
		case Option.setMetaContext:
			said.chosen = undefined;
			talk.dropChanges();
			if (!said.isStructured) return refuse(OptionReply.errInvalid, FIRST_STRUCTURED);
			said.chosen = yield* metaContexts(talk, option, data);
			return undefined;
		case Option.listMetaContext:
			if (!said.isStructured) return refuse(OptionReply.errInvalid, FIRST_STRUCTURED);
			yield* metaContexts(talk, option, data);
			return undefined;
		default:
			return refuse(OptionReply.errUnsupported, "this option is not known here");
	}
}

function agreed(talk: Talk, said: Said, exported: NbdExport, name: string): HandshakeEnd {
	const { chosen } = said;
	const isOfThis = chosen?.of === name;
	if (!isOfThis) talk.dropChanges();
	return {
		kind: "agreed",
		exported,
		access: talk.accessOf(exported),
		isStructured: said.isStructured,
		contexts: isOfThis ? chosen.contexts : [],
		session: isOfThis ? chosen.session : null,
	};
}

/** The oldest way to choose an export: there is no way to refuse but to hang up. */
function* exportName(talk: Talk, said: Said, data: Buffer, hasZeroes: boolean): Handshake {
	const name = data.toString("utf8");
	const exported = yield* find(talk, name);
	if ("why" in exported) return over(`${exported.why}: ${quote(name)}`);
	const reply = Buffer.alloc(10 + (hasZeroes ? ZEROES_BYTES : 0));
	reply.writeBigUInt64BE(BigInt(exported.disk.device.info.sizeBytes));
	reply.writeUInt16BE(transmissionFlags(exported, talk.accessOf(exported), said.isStructured), 8);
	talk.send(reply);
	return agreed(talk, said, exported, name);
}

/** However many there are, others have their turns in between. */
function* list(talk: Talk, data: Buffer): Steps<undefined> {
	const { list: option } = Option;
	if (data.length > 0)
		return void talk.send(replyOf(option, OptionReply.errInvalid, "this option has no data"));
	const replies: Buffer[] = [];
	let looked = 0;
	for (const exported of talk.exports()) {
		turn.spend(LISTED_STEPS);
		if (talk.accessOf(exported) !== "none") replies.push(replyOf(option, OptionReply.server, told(exported)));
		if (++looked % LISTED_A_TURN > 0) continue;
		talk.send(Buffer.concat(replies.splice(0)));
		yield talk.nextTurn();
	}
	talk.send(Buffer.concat([...replies, replyOf(option, OptionReply.ack)]));
	return undefined;
}

function told({ name, description }: NbdExport): Buffer {
	const nameBytes = Buffer.from(name);
	const length = Buffer.alloc(4);
	length.writeUInt32BE(nameBytes.length);
	return Buffer.concat([length, nameBytes, Buffer.from(description)]);
}

function startTls(talk: Talk, data: Buffer): HandshakeEnd | undefined {
	const { startTls: option } = Option;
	const refuse = (error: OptionReply, message: string): undefined =>
		void talk.send(replyOf(option, error, message));
	if (data.length > 0) return refuse(OptionReply.errInvalid, "this option has no data");
	switch (talk.tls) {
		case "none":
			return refuse(OptionReply.errPolicy, "there is no TLS here");
		case "on":
			return refuse(OptionReply.errInvalid, "TLS has begun already");
		case "offered":
		case "required":
			talk.send(replyOf(option, OptionReply.ack));
			return { kind: "tls" };
		default:
			return unreachable(talk.tls);
	}
}

function* infoOrGo(talk: Talk, said: Said, option: number, data: Buffer): Steps<HandshakeEnd | undefined> {
	const refuse = (error: OptionReply, message: string): undefined =>
		void talk.send(replyOf(option, error, message));
	const reader = new Reader(data);
	const name = reader.string();
	const wanted = new Set(reader.numbers16());
	if (name === undefined || !reader.isAtEnd)
		return refuse(OptionReply.errInvalid, "no sense is in this option");
	const exported = yield* find(talk, name);
	if ("why" in exported) return refuse(exported.reply, exported.why);
	if (exported.disk.phase !== "open") return refuse(OptionReply.errShutdown, "it is being closed");
	const { sizeBytes } = exported.disk.device.info;
	const about = Buffer.alloc(12);
	about.writeUInt16BE(Info.export);
	about.writeBigUInt64BE(BigInt(sizeBytes), 2);
	about.writeUInt16BE(transmissionFlags(exported, talk.accessOf(exported), said.isStructured), 10);
	const infos: Buffer[] = [about];
	if (wanted.has(Info.name)) infos.push(textInfo(Info.name, exported.name));
	if (wanted.has(Info.description) && exported.description !== "")
		infos.push(textInfo(Info.description, exported.description));
	const { minimum, preferred, maximum } = blockSizesOf(exported);
	const sizes = Buffer.alloc(14);
	sizes.writeUInt16BE(Info.blockSize);
	for (const [i, bytes] of [minimum, preferred, maximum].entries()) sizes.writeUInt32BE(bytes, 2 + 4 * i);
	infos.push(sizes);
	for (const info of infos) talk.send(replyOf(option, OptionReply.info, info));
	talk.send(replyOf(option, OptionReply.ack));
	return option === Option.go ? agreed(talk, said, exported, name) : undefined;
}

function textInfo(kind: number, text: string): Buffer {
	const bytes = Buffer.from(text).subarray(0, STRING_BYTES_MAX);
	const info = Buffer.alloc(2 + bytes.length);
	info.writeUInt16BE(kind);
	bytes.copy(info, 2);
	return info;
}
