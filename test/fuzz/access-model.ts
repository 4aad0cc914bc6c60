/**
 * What a blade must say to everything but an ATA command that it carries out: an independent reading of the AoE
 * specification (sections 2 and 3.2 to 3.4) and of who may do what (MAC mask, reservation). The referee asks it for every
 * frame and compares byte by byte. Shares no code with what is tested.
 */

/** What must become of a frame: nothing at all, exactly this reply, or an ATA command that the disk answers. */
export type Verdict = Buffer | "silence" | "ata";

export interface AccessFacts {
	readonly mtu: number;
	readonly bufferCount: number;
	readonly firmware: number;
	/** The blade's address. */
	readonly shelf: number;
	readonly slot: number;
}

const LIST_MAX = 255;
const STRING_MAX = 1024;
const IDENTIFY = 0xec;
const E_COMMAND = 1;
const E_ARGUMENT = 2;
const E_STRING_SET = 4;
const E_VERSION = 5;
const E_RESERVED = 6;

export class AccessModel {
	readonly #facts: AccessFacts;
	/** MAC addresses in hexadecimal, in the order in which they came. */
	#mask: string[] = [];
	#reserved: string[] = [];
	#string = Buffer.alloc(0);

	constructor(facts: AccessFacts) {
		this.#facts = facts;
	}

	/** Everyone may do everything again, and there is no config string. */
	reset(): void {
		this.#mask = [];
		this.#reserved = [];
		this.#string = Buffer.alloc(0);
	}

	/** Takes a request that has reached this blade; it has at least a header, and no R flag. */
	take(request: Buffer): Verdict {
		const source = request.toString("hex", 6, 12);
		if (this.#mask.length > 0 && !this.#mask.includes(source)) return "silence";
		if (request[14]! >>> 4 !== 1) return this.#reply(request, Buffer.alloc(0), E_VERSION);
		const holds = this.#reserved.length === 0 || this.#reserved.includes(source);
		switch (request[19]) {
			case 0:
				if (request.length < 36) return "silence";
				if (holds || request[27] === IDENTIFY) return "ata";
				return this.#reply(request, Buffer.concat([request.subarray(24, 34), Buffer.alloc(2)]), E_RESERVED);
			case 1:
				return this.#config(request, holds);
			case 2:
				return this.#editMask(request, holds);
			case 3:
				return this.#reserve(request, holds);
			default:
				return this.#reply(request, Buffer.alloc(0), E_COMMAND);
		}
	}

	#config(request: Buffer, holds: boolean): Verdict {
		if (request.length < 32) return "silence";
		const command = request[29]! & 15;
		const length = request.readUInt16BE(30);
		let error = 0;
		if (command !== 0) {
			const text = request.subarray(32, 32 + length);
			if (length > STRING_MAX || text.length < length) error = E_ARGUMENT;
			else if (command === 1 && !text.equals(this.#string)) return "silence";
			else if (command === 2 && !this.#string.subarray(0, length).equals(text)) return "silence";
			else if (command === 3 || command === 4) {
				const isOther = this.#string.length > 0 && !this.#string.equals(text);
				if (!holds) error = E_RESERVED;
				else if (command === 3 && isOther) error = E_STRING_SET;
				else this.#string = Buffer.from(text);
			} else if (command > 4) error = E_ARGUMENT;
		}
		const { mtu, bufferCount, firmware } = this.#facts;
		const string = this.#string.subarray(0, mtu + 14 - 32);
		const head = Buffer.alloc(8);
		head.writeUInt16BE(bufferCount, 0);
		head.writeUInt16BE(firmware, 2);
		const sectors = Math.min(Math.floor((mtu - 36) / 512), 255);
		head[4] = sectors < 8 ? Math.max(1, sectors) : sectors & ~7;
		head[5] = 0x10 | command;
		head.writeUInt16BE(string.length, 6);
		return this.#reply(request, Buffer.concat([head, string]), error);
	}

	#editMask(request: Buffer, holds: boolean): Verdict {
		if (request.length < 28) return "silence";
		const command = request[25]!;
		const most = Math.min(LIST_MAX, Math.floor((this.#facts.mtu + 14 - 28) / 8));
		let error = command > 1 ? E_ARGUMENT : 0;
		if (command === 1 && !holds) error = E_RESERVED;
		else if (command === 1) {
			const fault = this.#edit(request, most);
			if (fault !== undefined) return this.#reply(request, Buffer.from([0, 1, ...fault]), 0);
		}
		const list = this.#mask.slice(0, most);
		const entries = list.map((mac) => Buffer.from(`0000${mac}`, "hex"));
		return this.#reply(
			request,
			Buffer.concat([Buffer.from([0, command, 0, list.length]), ...entries]),
			error,
		);
	}

	/** All directives or none. What is wrong, if anything: mask error, and the number of the directive. */
	#edit(request: Buffer, most: number): [error: number, index: number] | undefined {
		const count = request[27]!;
		const present = Math.floor((request.length - 28) / 8);
		if (count > present) return [1, present];
		let mask = [...this.#mask];
		for (let i = 0; i < count; i++) {
			const at = 28 + 8 * i;
			const mac = request.toString("hex", at + 2, at + 8);
			const others = mask.filter((other) => other !== mac);
			switch (request[at + 1]) {
				case 0:
					break;
				case 1:
					if (others.length < mask.length) break;
					if (mask.length >= most) return [3, i];
					mask.push(mac);
					break;
				case 2:
					mask = others;
					break;
				default:
					return [2, i];
			}
		}
		this.#mask = mask;
		return undefined;
	}

	#reserve(request: Buffer, holds: boolean): Verdict {
		if (request.length < 26) return "silence";
		const [command = 0, count = 0] = request.subarray(24, 26);
		let error = command > 2 ? E_ARGUMENT : 0;
		if (command === 1 && !holds) error = E_RESERVED;
		else if (command === 1 || command === 2) {
			if (26 + 6 * count > request.length) error = E_ARGUMENT;
			else {
				const macs = Array.from({ length: count }, (_, i) => request.toString("hex", 26 + 6 * i, 32 + 6 * i));
				this.#reserved = [...new Set(macs)];
			}
		}
		const room = Math.min(LIST_MAX, Math.floor((this.#facts.mtu + 14 - 26) / 6));
		const list = this.#reserved.slice(0, room);
		const entries = list.map((mac) => Buffer.from(mac, "hex"));
		return this.#reply(request, Buffer.concat([Buffer.from([command, list.length]), ...entries]), error);
	}

	/** Back to the sender, in our name, padded with zeros to what Ethernet carries at least. */
	#reply(request: Buffer, rest: Buffer, error: number): Buffer {
		const { shelf, slot } = this.#facts;
		const reply = Buffer.alloc(Math.max(60, 24 + rest.length));
		request.copy(reply, 0, 6, 12);
		// Broadcasts are answered with our own address, which the referee has checked.
		reply.writeUInt16BE(0x88a2, 12);
		reply[14] = error === 0 ? 0x18 : 0x1c;
		reply[15] = error;
		reply.writeUInt16BE(shelf, 16);
		reply[18] = slot;
		request.copy(reply, 19, 19, 24);
		rest.copy(reply, 24);
		return reply;
	}
}
