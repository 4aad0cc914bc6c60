/** Options and their answers as bytes: what is read of a client's option is believed in nothing. Used by `handshake.ts`. */

import { OPTION_REPLY_MAGIC, type OptionReply, STRING_BYTES_MAX } from "./protocol.js";

/** An answer to an option; a text is for people, in an error. */
export function replyOf(option: number, reply: OptionReply, data: string | Uint8Array = ""): Buffer {
	const bytes = typeof data === "string" ? Buffer.from(data) : data;
	const head = Buffer.alloc(20);
	head.writeBigUInt64BE(OPTION_REPLY_MAGIC);
	head.writeUInt32BE(option, 8);
	head.writeUInt32BE(reply, 12);
	head.writeUInt32BE(bytes.length, 16);
	return Buffer.concat([head, bytes]);
}

/** Reads an option's data from its beginning; what is not there is undefined, and then nothing more is. */
export class Reader {
	#at = 0;
	#failed = false;

	constructor(readonly bytes: Buffer) {}

	/** All was read, and it was there. */
	get isAtEnd(): boolean {
		return !this.#failed && this.#at === this.bytes.length;
	}

	#take(length: number): Buffer | undefined {
		if (this.#failed || length > this.bytes.length - this.#at) {
			this.#failed = true;
			return undefined;
		}
		const taken = this.bytes.subarray(this.#at, this.#at + length);
		this.#at += length;
		return taken;
	}

	/** A text behind its length, 32 bits; at most `STRING_BYTES_MAX`. */
	string(): string | undefined {
		const length = this.#take(4)?.readUInt32BE();
		if (length === undefined || length > STRING_BYTES_MAX) this.#failed = true;
		return this.#take(length ?? 0)?.toString("utf8");
	}

	/** Texts behind their number, 32 bits. */
	strings32(): string[] | undefined {
		const count = this.#take(4)?.readUInt32BE() ?? 0;
		const texts: string[] = [];
		for (let i = 0; i < count && !this.#failed; i++) texts.push(this.string() ?? "");
		return this.#failed ? undefined : texts;
	}

	/** Numbers of 16 bits behind their number, which has 16, too. */
	numbers16(): number[] {
		const count = this.#take(2)?.readUInt16BE() ?? 0;
		const bytes = this.#take(2 * count);
		return bytes === undefined ? [] : Array.from({ length: count }, (_, i) => bytes.readUInt16BE(2 * i));
	}
}
