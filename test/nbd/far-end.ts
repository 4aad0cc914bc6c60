/** The far end of a remote disk as a server that means ill would be it: it agrees as others do, and then answers each request as a test says. */

import {
	ChunkType,
	Command,
	INIT_MAGIC,
	OPTION_MAGIC,
	OPTION_REPLY_MAGIC,
	Option,
	OptionReply,
	REQUEST_BYTES,
	SIMPLE_REPLY_MAGIC,
	STRUCTURED_REPLY_MAGIC,
	TransmissionFlag,
} from "../../lib/nbd/protocol.js";
import type { ByteStream, StreamUser } from "../../lib/stream/stream.js";
import { heapMemory } from "../../lib/wire/memory.js";

const CONTEXT = 7;
const HANDSHAKE_FLAGS = 3;
const ROOM_BYTES = 256 * 1024;

export interface Asked {
	readonly command: number;
	readonly cookie: Buffer;
	readonly offsetBytes: number;
	readonly lengthBytes: number;
	readonly data: Buffer;
}

export class FarEnd implements StreamUser {
	readonly #stream: ByteStream;
	readonly #answer: (asked: Asked, end: FarEnd) => void;
	readonly #sizeBytes: number;
	#came: Buffer = Buffer.alloc(0);
	#isAgreed = false;
	#hasFlags = false;
	readonly #leaves: Buffer[] = [];

	constructor(stream: ByteStream, sizeBytes: number, answer: (asked: Asked, end: FarEnd) => void) {
		this.#stream = stream;
		this.#answer = answer;
		this.#sizeBytes = sizeBytes;
		stream.attach(this);
		this.#say(numbers(["64", INIT_MAGIC], ["64", OPTION_MAGIC], ["16", HANDSHAKE_FLAGS]));
	}

	readable(): void {
		const memory = heapMemory(ROOM_BYTES);
		for (;;) {
			const count = this.#stream.receive(memory, 0, ROOM_BYTES);
			if (count <= 0) break;
			this.#came = Buffer.concat([this.#came, memory.bytes.subarray(0, count)]);
		}
		while (this.#isAgreed ? this.#request() : this.#option());
	}

	writable(): void {
		this.#flush();
	}

	broken(): void {}

	hangUp(): void {
		this.#stream.close();
	}

	#take(count: number): Buffer {
		const taken = this.#came.subarray(0, count);
		this.#came = this.#came.subarray(count);
		return taken;
	}

	#option(): boolean {
		if (!this.#hasFlags) {
			if (this.#came.length < 4) return false;
			this.#take(4);
			this.#hasFlags = true;
		}
		if (this.#came.length < 16) return false;
		const lengthBytes = this.#came.readUInt32BE(12);
		if (this.#came.length < 16 + lengthBytes) return false;
		const option = this.#take(16 + lengthBytes).readUInt32BE(8);
		const reply = (type: number, data: Buffer): void =>
			this.#say(
				Buffer.concat([
					numbers(["64", OPTION_REPLY_MAGIC], ["32", option], ["32", type], ["32", data.length]),
					data,
				]),
			);
		if (option === Option.setMetaContext)
			reply(
				OptionReply.metaContext,
				Buffer.concat([numbers(["32", CONTEXT]), Buffer.from("base:allocation")]),
			);
		if (option === Option.go) {
			const { hasFlags, sendFlush, sendWriteZeroes } = TransmissionFlag;
			const flags = hasFlags | sendFlush | sendWriteZeroes;
			reply(OptionReply.info, numbers(["16", 0], ["64", BigInt(this.#sizeBytes)], ["16", flags]));
			this.#isAgreed = true;
		}
		reply(OptionReply.ack, Buffer.alloc(0));
		return true;
	}

	#request(): boolean {
		const came = this.#came;
		if (came.length < REQUEST_BYTES) return false;
		const command = came.readUInt16BE(6);
		const lengthBytes = came.readUInt32BE(24);
		const dataBytes = command === Command.write ? lengthBytes : 0;
		if (came.length < REQUEST_BYTES + dataBytes) return false;
		const whole = Buffer.from(this.#take(REQUEST_BYTES + dataBytes));
		this.#answer(
			{
				command,
				cookie: whole.subarray(8, 16),
				offsetBytes: Number(whole.readBigUInt64BE(16)),
				lengthBytes,
				data: whole.subarray(REQUEST_BYTES),
			},
			this,
		);
		return true;
	}

	/** A whole answer, as it should be: of reads with `data`. */
	done({ command, cookie, offsetBytes, lengthBytes }: Asked, data = Buffer.alloc(lengthBytes)): void {
		if (command === Command.blockStatus) this.extents(cookie, [[lengthBytes, 0]]);
		else if (command !== Command.read)
			this.#say(Buffer.concat([numbers(["32", SIMPLE_REPLY_MAGIC], ["32", 0]), cookie]));
		else
			this.chunk(cookie, ChunkType.offsetData, Buffer.concat([numbers(["64", BigInt(offsetBytes)]), data]));
	}

	extents(cookie: Buffer, extents: readonly (readonly [number, number])[], isLast = true): void {
		const told = extents.flatMap(([lengthBytes, flags]) => [numbers(["32", lengthBytes], ["32", flags])]);
		this.chunk(cookie, ChunkType.blockStatus, Buffer.concat([numbers(["32", CONTEXT]), ...told]), isLast);
	}

	chunk(cookie: Buffer, type: number, data: Buffer, isLast = true): void {
		const head = numbers(["32", STRUCTURED_REPLY_MAGIC], ["16", isLast ? 1 : 0], ["16", type]);
		this.#say(Buffer.concat([head, cookie, numbers(["32", data.length]), data]));
	}

	/** The beginning of a chunk with all of a read, whose bytes are still to come. */
	chunkHead({ cookie, lengthBytes }: Asked, offset: Buffer): void {
		const head = numbers(["32", STRUCTURED_REPLY_MAGIC], ["16", 1], ["16", ChunkType.offsetData]);
		this.#say(Buffer.concat([head, cookie, numbers(["32", 8 + lengthBytes]), offset]));
	}

	/** Bytes as they are. */
	say(bytes: Buffer): void {
		this.#say(bytes);
	}

	#say(bytes: Buffer): void {
		this.#leaves.push(Buffer.from(bytes));
		this.#flush();
	}

	#flush(): void {
		for (let next = this.#leaves[0]; next !== undefined; next = this.#leaves[0]) {
			const memory = heapMemory(next.length);
			memory.bytes.set(next);
			const count = this.#stream.send([{ memory, offset: 0, length: next.length }], 0, 0);
			if (count <= 0) return;
			if (count < next.length) this.#leaves[0] = next.subarray(count);
			else this.#leaves.shift();
		}
	}
}

/** Numbers of so many bits, one behind the other. */
function numbers(...each: readonly (readonly ["16" | "32" | "64", number | bigint])[]): Buffer {
	return Buffer.concat(
		each.map(([bits, value]) => {
			const bytes = Buffer.alloc(8);
			bytes.writeBigUInt64BE(BigInt(value));
			return bytes.subarray(8 - Number(bits) / 8);
		}),
	);
}
