/** PDUs of iSCSI as a test wants them, right or wrong; and what comes as answers, taken apart. */

import { textOf } from "../../../lib/iscsi/keys.js";
import {
	ahsBytesOf,
	BHS_BYTES,
	beginPdu,
	dataBytesOf,
	Field,
	Flag,
	IMMEDIATE,
	Opcode,
	opcodeOf,
	paddingOf,
	type Stage,
} from "../../../lib/iscsi/pdu.js";

/** A PDU, its digests not counted. */
export interface Pdu {
	/** 48 bytes. */
	readonly head: Buffer;
	readonly ahs: Buffer;
	/** Without padding. */
	readonly data: Buffer;
}

export type Pairs = Readonly<Record<string, string>>;

const NOTHING = Buffer.alloc(0);

/** A header, and what `fill` has to say of it. */
export function pdu(
	opcode: number,
	flags: number,
	data: Buffer = NOTHING,
	fill: (head: Buffer) => void = () => {},
	ahs: Buffer = NOTHING,
): Pdu {
	const head = Buffer.alloc(BHS_BYTES);
	beginPdu(viewOf(head), 0, opcode, flags, data.length);
	head.writeUInt8(ahs.length / 4, Field.ahsLength);
	fill(head);
	return { head, ahs, data };
}

/** As they go over the wire where there are no digests. */
export function bytesOf({ head, ahs, data }: Pdu): Buffer {
	return Buffer.concat([head, ahs, data, Buffer.alloc(paddingOf(data.length))]);
}

/** Whole PDUs, where there are no digests. */
export function pdusOf(bytes: Buffer): Pdu[] {
	const pdus: Pdu[] = [];
	for (let at = 0; at < bytes.length; ) {
		const head = bytes.subarray(at, at + BHS_BYTES);
		const ahsEnd = at + BHS_BYTES + ahsBytesOf(viewOf(head), 0);
		const length = dataBytesOf(viewOf(head), 0);
		pdus.push({
			head,
			ahs: bytes.subarray(at + BHS_BYTES, ahsEnd),
			data: bytes.subarray(ahsEnd, ahsEnd + length),
		});
		at = ahsEnd + length + paddingOf(length);
	}
	return pdus;
}

export function viewOf(bytes: Buffer): DataView {
	return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

export interface LoginOptions {
	readonly stage: Stage;
	/** Left out: it does not want to go on. */
	readonly next?: Stage;
	readonly continues?: boolean;
	/** 12 digits of base 16. */
	readonly isid?: string;
	readonly tsih?: number;
	readonly cid?: number;
	readonly itt?: number;
	readonly cmdSN?: number;
	readonly versionMin?: number;
}

/** The `ISID` of `LoginOptions` where none is given. */
export const ISID = "00023d000001";

export function loginRequest(options: LoginOptions, text: Pairs | Buffer = {}): Pdu {
	const {
		stage,
		next,
		continues = false,
		isid = ISID,
		tsih = 0,
		cid = 0,
		itt = 1,
		cmdSN = 1,
		versionMin = 0,
	} = options;
	const flags =
		(next === undefined ? 0 : Flag.transit | next) | (continues ? Flag.continues : 0) | (stage << 2);
	const data = Buffer.isBuffer(text) ? text : textOf(Object.entries(text));
	return pdu(Opcode.login | IMMEDIATE, flags, data, (head) => {
		head.writeUInt8(versionMin, Field.versionMin);
		head.write(isid, Field.isid, "hex");
		head.writeUInt16BE(tsih, Field.tsih);
		head.writeUInt32BE(itt, Field.itt);
		head.writeUInt16BE(cid, Field.cid);
		head.writeUInt32BE(cmdSN, Field.cmdSN);
	});
}

/** The text of an answer: keys that are there twice (TargetAddress) are joined by a space. */
export function pairsOf(data: Buffer): Record<string, string> {
	const pairs: Record<string, string> = {};
	for (const pair of data.toString("utf8").split("\0")) {
		if (pair === "") continue;
		const equals = pair.indexOf("=");
		const [key, value] = [pair.slice(0, equals), pair.slice(equals + 1)];
		pairs[key] = pairs[key] === undefined ? value : `${pairs[key]} ${value}`;
	}
	return pairs;
}

/** Of a login response. */
export function statusOf({ head }: Pdu): number {
	return head.readUInt16BE(Field.statusClass);
}

export function opcode({ head }: Pdu): number {
	return opcodeOf(viewOf(head), 0);
}
