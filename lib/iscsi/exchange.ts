/**
 * Requests and responses of one login (RFC 7143, 11.12 and 11.13), as bytes: texts in several PDUs are put together and cut, what must stay the
 * same from request to request is compared, and all is limited, since nobody has proved who he is. What is said in them is in `login.ts`.
 */

import { type Pairs, parseText, TEXT_BYTES_MAX } from "./keys.js";
import {
	ahsBytesOf,
	BHS_BYTES,
	beginPdu,
	dataBytesOf,
	Field,
	Flag,
	LoginStatus,
	Opcode,
	opcodeOf,
	paddingOf,
	Stage,
} from "./pdu.js";
import type { LoginRefusal, Steps, Talk } from "./talk.js";

/** A data segment during login, of either side (RFC 7143, 6.1). */
const LOGIN_DATA_BYTES_MAX = 8192;
/** The longest login that makes sense needs a dozen. */
const REQUESTS_MAX = 64;
/** The version of RFC 3720 and 7143, the only one that there is. */
const VERSION = 0;
/** The stage that a request is of; the one that it wants next is below. */
const CURRENT_STAGE = 0x0c;
const STAGE_MASK = 3;
const NOTHING = Buffer.alloc(0);

export interface LoginRequest {
	readonly stage: Stage;
	/** What it wants next; null: it is not done with this one. */
	readonly next: Stage | null;
	readonly pairs: Pairs;
}

/** What is the same in all requests of a login. */
interface LoginHead {
	readonly isid: string;
	readonly tsih: number;
	readonly cid: number;
	readonly itt: number;
}

/** The initiator does not keep to the protocol. */
export const wrong = (why: string): LoginRefusal => ({ status: LoginStatus.initiatorError, why });

export class Exchange {
	readonly #talk: Talk;
	#head: LoginHead | null = null;
	#requests = 0;
	#flags = 0;
	#cmdSN = 0;
	#statSN: number;

	constructor(talk: Talk, firstStatSN: number) {
		this.#talk = talk;
		this.#statSN = firstStatSN;
	}

	/** Null: nothing that is a login has come. */
	get head(): LoginHead | null {
		return this.#head;
	}

	/** Of the last request: a login has no number of its own, and the first command has this one. */
	get cmdSN(): number {
		return this.#cmdSN;
	}

	/** Of the response that is sent next. */
	get statSN(): number {
		return this.#statSN;
	}

	/** A request with all of its text. */
	*receive(): Steps<LoginRequest | LoginRefusal> {
		const parts: Buffer[] = [];
		let bytes = 0;
		for (;;) {
			const part = yield* this.#receivePart();
			if ("why" in part) return part;
			parts.push(part);
			bytes += part.length;
			if (bytes > TEXT_BYTES_MAX) return wrong("its text is too long");
			if ((this.#flags & Flag.continues) === 0) break;
			this.#talk.send(this.#response(NOTHING, 0));
		}
		const pairs = parseText(Buffer.concat(parts));
		if (typeof pairs === "string") return wrong(pairs);
		const stage = stageOf(this.#flags >> 2);
		const next = (this.#flags & Flag.transit) === 0 ? null : stageOf(this.#flags);
		if (stage === undefined || stage === Stage.full || next === undefined)
			return wrong("it wants a stage that there is none of");
		if (next !== null && next <= stage) return wrong("it wants to go back to a stage");
		return { stage, next, pairs };
	}

	/** One PDU: its text. */
	*#receivePart(): Steps<Buffer | LoginRefusal> {
		const header = yield BHS_BYTES;
		const view = new DataView(header.buffer, header.byteOffset, BHS_BYTES);
		if (opcodeOf(view, 0) !== Opcode.login)
			return { status: LoginStatus.invalidDuringLogin, why: "it sends something else than a login" };
		const refusal = this.#takeHead(view);
		if (refusal !== null) return refusal;
		const bytes = dataBytesOf(view, 0);
		if (ahsBytesOf(view, 0) > 0) return wrong("its login has a header of several parts");
		if (bytes > LOGIN_DATA_BYTES_MAX) return wrong("its text is too long");
		if (bytes === 0) return NOTHING;
		return (yield bytes + paddingOf(bytes)).subarray(0, bytes);
	}

	#takeHead(view: DataView): LoginRefusal | null {
		this.#flags = view.getUint8(Field.flags);
		this.#cmdSN = view.getUint32(Field.cmdSN);
		const head: LoginHead = {
			isid: hex(view.getUint16(Field.isid), 4) + hex(view.getUint32(Field.isid + 2), 8),
			tsih: view.getUint16(Field.tsih),
			cid: view.getUint16(Field.cid),
			itt: view.getUint32(Field.itt),
		};
		const first = this.#head;
		this.#head ??= head;
		if (++this.#requests > REQUESTS_MAX) return wrong("it comes to no end");
		if (view.getUint8(Field.versionMin) > VERSION)
			return { status: LoginStatus.unsupportedVersion, why: "its version of iSCSI is another one" };
		const isSame =
			first === null ||
			(first.isid === head.isid &&
				first.tsih === head.tsih &&
				first.cid === head.cid &&
				first.itt === head.itt);
		if (!isSame) return wrong("it is another login than it began with");
		const isOver = (this.#flags & Flag.transit) !== 0 && (this.#flags & Flag.continues) !== 0;
		return isOver ? wrong("its text goes on, and is over") : null;
	}

	/** Answers the last request: all PDUs are sent but the last, which is returned. With `next` the stage is over, and that one comes. */
	*respond(text: Buffer, next: Stage | null): Steps<Buffer | LoginRefusal> {
		let at = 0;
		for (; text.length - at > LOGIN_DATA_BYTES_MAX; at += LOGIN_DATA_BYTES_MAX) {
			this.#talk.send(this.#response(text.subarray(at, at + LOGIN_DATA_BYTES_MAX), Flag.continues));
			const asked = yield* this.#receivePart();
			if ("why" in asked) return asked;
			if (asked.length > 0 || (this.#flags & Flag.continues) !== 0)
				return wrong("it goes on before it has heard the answer");
		}
		return this.#response(text.subarray(at), next === null ? 0 : Flag.transit | next);
	}

	/** `last` for a session that has a number now. */
	accepted(last: Buffer, tsih: number): Buffer {
		last.writeUInt16BE(tsih, Field.tsih);
		return last;
	}

	/** The end of it. */
	refusal(status: LoginStatus): Buffer {
		const response = this.#response(NOTHING, 0);
		response.writeUInt16BE(status, Field.statusClass);
		return response;
	}

	#response(text: Buffer, flags: number): Buffer {
		const { isid, tsih, itt } = this.#head ?? { isid: "000000000000", tsih: 0, itt: 0 };
		const pdu = Buffer.alloc(BHS_BYTES + text.length + paddingOf(text.length));
		const view = new DataView(pdu.buffer, pdu.byteOffset, BHS_BYTES);
		beginPdu(view, 0, Opcode.loginResponse, (this.#flags & CURRENT_STAGE) | flags, text.length);
		view.setUint8(Field.versionMax, VERSION);
		view.setUint8(Field.versionActive, VERSION);
		pdu.write(isid, Field.isid, "hex");
		view.setUint16(Field.tsih, tsih);
		view.setUint32(Field.itt, itt);
		view.setUint32(Field.statSN, this.#statSN);
		view.setUint32(Field.expCmdSN, this.#cmdSN);
		view.setUint32(Field.maxCmdSN, (this.#cmdSN + this.#talk.window - 1) >>> 0);
		this.#statSN = (this.#statSN + 1) >>> 0;
		text.copy(pdu, BHS_BYTES);
		return pdu;
	}
}

function stageOf(bits: number): Stage | undefined {
	return Object.values(Stage).find((stage) => stage === (bits & STAGE_MASK));
}

function hex(value: number, digits: number): string {
	return value.toString(16).padStart(digits, "0");
}
