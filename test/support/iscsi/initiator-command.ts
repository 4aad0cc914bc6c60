/** One SCSI command of the tests' initiator, from its PDU to its status: data in both directions, in whatever form. Used by `initiator.ts`. */

import { Field, Flag, NO_TAG, Opcode, putLun } from "../../../lib/iscsi/pdu.js";
import type { Inbox } from "./inbox.js";
import { opcode, type Pdu, pdu, viewOf } from "./pdus.js";
import type { Damage } from "./wire.js";

export interface CommandOptions {
	/** 0 if left out. */
	readonly lun?: number;
	readonly cdb: Uint8Array | readonly number[];
	/** Bytes that are taken. */
	readonly read?: number;
	readonly write?: Buffer;
	/** What is expected to be transferred, where that is another number. */
	readonly expected?: number;
	/** Of `write`, with the command itself; 0 if left out. */
	readonly immediate?: number;
	/** Of `write`, behind that, without having been asked for; 0 if left out. */
	readonly unsolicited?: number;
	/** The most data of one PDU; 8192 if left out. */
	readonly segment?: number;
	readonly attribute?: number;
	/** Not numbered by CmdSN. */
	readonly isImmediate?: boolean;
	readonly cmdSN?: number;
	readonly ahs?: Buffer;
	/** Of the command's own PDU, and of Data-Out PDUs by their number, from 0 on. */
	readonly damage?: Damage;
	readonly dataDamage?: (index: number) => Damage;
	/** Whether what was asked for is sent; true if left out. */
	readonly answersR2T?: (r2t: Pdu) => boolean | Promise<boolean>;
	/** What else is to be wrong with the command, or with Data-Out PDUs. */
	readonly change?: (head: Buffer) => void;
	readonly changeData?: (head: Buffer, index: number) => void;
}

export interface Sense {
	readonly key: number;
	/** Code and qualifier, as one number. */
	readonly asc: number;
	readonly bytes: Buffer;
}

export interface CommandResult {
	readonly status: number;
	/** 0: what a target says of its own failures is other. */
	readonly response: number;
	readonly sense: Sense | null;
	/** As much as has come. */
	readonly data: Buffer;
	/** Bytes that were expected, and not transferred; negative: that were not expected, and would have been. */
	readonly residual: number;
	/** What was asked for: from where, and how much. */
	readonly r2ts: readonly { readonly offset: number; readonly length: number }[];
	readonly dataIns: number;
	/** The status came with the data. */
	readonly isCollapsed: boolean;
	/** Why it was rejected, or null. */
	readonly rejected: number | null;
	/** What was not in order; null: nothing. */
	readonly trouble: string | null;
	readonly last: Pdu;
}

/** What a command needs of its initiator. */
export interface CommandLine {
	readonly expStatSN: number;
	send(pdu: Pdu, damage?: Damage): void;
}

export function commandPdu(options: CommandOptions, itt: number, cmdSN: number, expStatSN: number): Pdu {
	const {
		lun = 0,
		cdb,
		read = 0,
		write,
		immediate = 0,
		unsolicited = 0,
		attribute = 1,
		isImmediate = false,
	} = options;
	const data = write?.subarray(0, immediate) ?? Buffer.alloc(0);
	let flags = attribute;
	if (unsolicited === 0) flags |= Flag.final;
	if (read > 0) flags |= Flag.read;
	if (write !== undefined) flags |= Flag.write;
	const fill = (head: Buffer): void => {
		putLun(viewOf(head), 0, lun);
		head.writeUInt32BE(itt, Field.itt);
		head.writeUInt32BE(options.expected ?? write?.length ?? read, Field.expectedLength);
		head.writeUInt32BE(options.cmdSN ?? cmdSN, Field.cmdSN);
		head.writeUInt32BE(expStatSN, Field.expStatSN);
		Buffer.from(cdb).copy(head, Field.cdb, 0, 16);
		options.change?.(head);
	};
	return pdu(Opcode.command | (isImmediate ? 0x40 : 0), flags, data, fill, options.ahs);
}

export class CommandUnderWay {
	readonly #options: CommandOptions;
	readonly #line: CommandLine;
	readonly #inbox: Inbox;
	readonly itt: number;
	readonly #parts: Buffer[] = [];
	readonly #r2ts: { offset: number; length: number }[] = [];
	#dataIns = 0;
	#bytes = 0;
	#dataOuts = 0;
	#isCollapsed = false;
	#trouble: string | null = null;

	constructor(options: CommandOptions, line: CommandLine, inbox: Inbox, itt: number) {
		this.#options = options;
		this.#line = line;
		this.#inbox = inbox;
		this.itt = itt;
	}

	/** What nobody has asked for, behind the command. */
	sendUnsolicited(): void {
		const { immediate = 0, unsolicited = 0 } = this.#options;
		if (unsolicited > 0) this.#sendData(immediate, unsolicited, NO_TAG);
	}

	/** Null: the connection was over before it was. */
	async result(): Promise<CommandResult | null> {
		for (;;) {
			const come = await this.#inbox.next();
			if (come === null) return null;
			switch (opcode(come)) {
				case Opcode.r2t:
					await this.#asked(come);
					break;
				case Opcode.dataIn:
					this.#dataIn(come);
					if ((come.head.readUInt8(Field.flags) & Flag.status) === 0) break;
					this.#isCollapsed = true;
					return this.#result(come, null);
				case Opcode.response:
					return this.#result(come, null);
				case Opcode.reject:
					return this.#result(come, come.head.readUInt8(Field.response));
				default:
					this.#trouble = `a PDU of the opcode ${opcode(come)}`;
			}
		}
	}

	async #asked(r2t: Pdu): Promise<void> {
		const offset = r2t.head.readUInt32BE(Field.bufferOffset);
		const length = r2t.head.readUInt32BE(Field.desiredLength);
		if (r2t.head.readUInt32BE(Field.r2tSN) !== this.#r2ts.length)
			this.#trouble ??= "an R2T has another number";
		this.#r2ts.push({ offset, length });
		const { answersR2T = () => true } = this.#options;
		if (await answersR2T(r2t)) this.#sendData(offset, length, r2t.head.readUInt32BE(Field.ttt));
	}

	/** One sequence. */
	#sendData(offset: number, length: number, ttt: number): void {
		const { write, segment = 8192, lun = 0, dataDamage, changeData } = this.#options;
		const end = offset + length;
		for (let at = offset, sn = 0; at < end; at += segment, sn++) {
			const last = Math.min(end, at + segment);
			const fill = (head: Buffer): void => {
				if (ttt !== NO_TAG) putLun(viewOf(head), 0, lun);
				head.writeUInt32BE(this.itt, Field.itt);
				head.writeUInt32BE(ttt, Field.ttt);
				head.writeUInt32BE(this.#line.expStatSN, Field.expStatSN);
				head.writeUInt32BE(sn, Field.dataSN);
				head.writeUInt32BE(at, Field.bufferOffset);
				changeData?.(head, this.#dataOuts);
			};
			const data = write?.subarray(at, last) ?? Buffer.alloc(0);
			const out = pdu(Opcode.dataOut, last === end ? Flag.final : 0, data, fill);
			this.#line.send(out, dataDamage?.(this.#dataOuts));
			this.#dataOuts++;
		}
	}

	#dataIn({ head, data }: Pdu): void {
		const offset = head.readUInt32BE(Field.bufferOffset);
		if (head.readUInt32BE(Field.dataSN) !== this.#dataIns) this.#trouble ??= "a Data-In has another number";
		if (offset !== this.#bytes) this.#trouble ??= "data is not in order";
		this.#dataIns++;
		this.#bytes += data.length;
		this.#parts.push(data);
	}

	#result(last: Pdu, rejected: number | null): CommandResult {
		const flags = last.head.readUInt8(Field.flags);
		const residual = rejected === null ? last.head.readUInt32BE(Field.residual) : 0;
		let sign = 0;
		if ((flags & Flag.underflow) !== 0) sign = 1;
		if ((flags & Flag.overflow) !== 0) sign = -1;
		const isResponse = opcode(last) === Opcode.response;
		return {
			status: last.head.readUInt8(Field.status),
			response: isResponse ? last.head.readUInt8(Field.response) : 0,
			sense: isResponse ? senseOf(last.data) : null,
			data: Buffer.concat(this.#parts),
			residual: sign === 0 ? 0 : sign * residual,
			r2ts: this.#r2ts,
			dataIns: this.#dataIns,
			isCollapsed: this.#isCollapsed,
			rejected,
			trouble: this.#trouble,
			last,
		};
	}
}

/** Fixed format or descriptors (SPC-4, 4.5), behind their length. */
function senseOf(data: Buffer): Sense | null {
	if (data.length < 2) return null;
	const bytes = data.subarray(2, 2 + data.readUInt16BE());
	const isFixed = (bytes[0]! & 0x7e) === 0x70;
	return {
		key: (isFixed ? bytes[2]! : bytes[1]!) & 0xf,
		asc: isFixed ? bytes.readUInt16BE(12) : bytes.readUInt16BE(2),
		bytes,
	};
}
