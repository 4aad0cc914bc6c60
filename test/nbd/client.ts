/** A client of NBD that does what tests tell it to, right or wrong, over one end of a socket pair; and the server at the other end. */

import { Socket } from "node:net";
import type { BlockDevice } from "../../lib/block/device.js";
import { MemoryDevice } from "../../lib/block/memory.js";
import { Disk, makeIdentity } from "../../lib/disk.js";
import { native, nativeMemory } from "../../lib/native.js";
import type { Access, NbdExport } from "../../lib/nbd/export.js";
import {
	ChunkType,
	Command,
	INIT_MAGIC,
	Info,
	OPTION_MAGIC,
	Option,
	OptionReply,
	REQUEST_MAGIC,
	SIMPLE_REPLY_MAGIC,
	STRUCTURED_REPLY_MAGIC,
} from "../../lib/nbd/protocol.js";
import { NbdServer, type NbdServerOptions } from "../../lib/nbd/server.js";
import { Pump } from "../../lib/pump.js";
import { SocketStream } from "../../lib/stream/socket-stream.js";
import { VirtualClock } from "../../lib/testing/virtual-clock.js";

export const MIB = 1024 * 1024;
const LIMIT_MS = 60_000;

/** A server with one disk, "web", which is the default too; and whatever was said of clients that were cut off. */
export class ServerUnderTest {
	readonly pump = new Pump();
	readonly troubles: string[] = [];
	readonly disk: Disk;
	readonly server: NbdServer;
	readonly exported: NbdExport;
	access: Access = "write";
	#clients = 0;

	constructor(device: BlockDevice = new MemoryDevice(64 * MIB), options: Partial<NbdServerOptions> = {}) {
		this.disk = new Disk("web", makeIdentity("web", "1"), device);
		this.server = new NbdServer({
			pump: this.pump,
			allocate: nativeMemory,
			// (However slow the machine, no limit is over unless a test says so.)
			clock: new VirtualClock(),
			onEnd: (_, __, why) => {
				if (why !== null) this.troubles.push(why);
			},
			...options,
		});
		this.exported = { name: "web", description: "a test", disk: this.disk, accessOf: () => this.access };
		this.server.add(this.exported);
	}

	/** `peer`: who it is; by default each is another one. */
	connect(peer = `test ${++this.#clients}`): TestClient {
		const [ours, theirs] = native.socketPair();
		this.server.accept(new SocketStream(theirs, peer));
		return new TestClient(new Socket({ fd: ours, readable: true, writable: true }));
	}

	close(): void {
		this.server.close();
	}
}

export interface Chunk {
	readonly flags: number;
	readonly type: number;
	readonly cookie: bigint;
	readonly data: Buffer;
}

export class TestClient {
	readonly #socket: Socket;
	readonly #came: Buffer[] = [];
	#cameBytes = 0;
	#isOver = false;
	#wake: () => void = () => {};
	/** Of the export that was agreed on by `go`. */
	sizeBytes = 0;

	constructor(socket: Socket) {
		this.#socket = socket;
		socket.on("data", (bytes) => {
			this.#came.push(bytes);
			this.#cameBytes += bytes.length;
			this.#wake();
		});
		socket.on("error", () => {});
		socket.on("close", () => {
			this.#isOver = true;
			this.#wake();
		});
	}

	/** Nothing more is read until `resume`. */
	pause(): void {
		this.#socket.pause();
	}

	resume(): void {
		this.#socket.resume();
	}

	send(...parts: readonly Uint8Array[]): void {
		this.#socket.write(Buffer.concat(parts));
	}

	end(): void {
		this.#socket.destroy();
	}

	/** Exactly so many bytes. Throws if the server hangs up before, or takes too long. */
	async take(length: number): Promise<Buffer> {
		const until = Date.now() + LIMIT_MS;
		while (this.#cameBytes < length) {
			if (this.#isOver) throw new Error(`the server has hung up after ${this.#cameBytes} bytes of ${length}`);
			await this.#wait(until);
		}
		const whole = Buffer.concat(this.#came.splice(0));
		this.#came.push(whole.subarray(length));
		this.#cameBytes -= length;
		return whole.subarray(0, length);
	}

	/** Resolves when the server has hung up, to how many bytes it has sent that nobody took. */
	async over(): Promise<number> {
		const until = Date.now() + LIMIT_MS;
		while (!this.#isOver) await this.#wait(until);
		return this.#cameBytes;
	}

	async #wait(until: number): Promise<void> {
		const left = until - Date.now();
		if (left <= 0) throw new Error("the server says nothing");
		await new Promise<void>((resolve) => {
			const limit = setTimeout(resolve, left);
			this.#wake = () => {
				clearTimeout(limit);
				resolve();
			};
		});
	}

	/** The greeting is answered with these flags. */
	async greet(flags = 3): Promise<void> {
		const greeting = await this.take(18);
		if (greeting.readBigUInt64BE() !== INIT_MAGIC) throw new Error("no greeting");
		const answer = Buffer.alloc(4);
		answer.writeUInt32BE(flags);
		this.send(answer);
	}

	option(option: number, data: Uint8Array = Buffer.alloc(0), length = data.length): void {
		const head = Buffer.alloc(16);
		head.writeBigUInt64BE(OPTION_MAGIC);
		head.writeUInt32BE(option, 8);
		head.writeUInt32BE(length, 12);
		this.send(head, data);
	}

	/** What an option is answered with, up to the end of that. */
	async answers(): Promise<{ readonly reply: number; readonly data: Buffer }[]> {
		const answers: { reply: number; data: Buffer }[] = [];
		for (;;) {
			const head = await this.take(20);
			const reply = head.readUInt32BE(12);
			answers.push({ reply, data: await this.take(head.readUInt32BE(16)) });
			if (reply === OptionReply.ack || reply >= 2 ** 31) return answers;
		}
	}

	/** From the greeting to the transmission of an export. */
	async go(name = "", structured = true, contexts: readonly string[] = []): Promise<void> {
		await this.greet();
		if (structured) {
			this.option(Option.structuredReply);
			await this.answers();
		}
		if (contexts.length > 0) {
			this.option(Option.setMetaContext, contextQuery(name, contexts));
			await this.answers();
		}
		this.option(Option.go, nameQuery(name));
		const answers = await this.answers();
		if (answers.at(-1)!.reply !== OptionReply.ack) throw new Error("refused");
		const about = answers.find(
			({ reply, data }) => reply === OptionReply.info && data.readUInt16BE() === Info.export,
		);
		this.sizeBytes = Number(about?.data.readBigUInt64BE(2) ?? 0);
	}

	request(
		type: number,
		cookie: bigint,
		offset: number | bigint = 0,
		length = 0,
		{ flags = 0, data = Buffer.alloc(0) }: { flags?: number; data?: Uint8Array } = {},
	): void {
		const head = Buffer.alloc(28);
		head.writeUInt32BE(REQUEST_MAGIC);
		head.writeUInt16BE(flags, 4);
		head.writeUInt16BE(type, 6);
		head.writeBigUInt64BE(cookie, 8);
		head.writeBigUInt64BE(BigInt(offset), 16);
		head.writeUInt32BE(length, 24);
		this.send(head, data);
	}

	/** A simple reply: its error and cookie. */
	async simple(): Promise<{ readonly error: number; readonly cookie: bigint }> {
		const head = await this.take(16);
		if (head.readUInt32BE() !== SIMPLE_REPLY_MAGIC) throw new Error("no simple reply");
		return { error: head.readUInt32BE(4), cookie: head.readBigUInt64BE(8) };
	}

	/** Whatever comes next, simple or a chunk: whose it is, how many bytes of the disk it has, and whether more is to come. */
	async any(): Promise<{ readonly cookie: bigint; readonly bytes: number; readonly isLast: boolean }> {
		const head = await this.take(16);
		if (head.readUInt32BE() === SIMPLE_REPLY_MAGIC)
			return { cookie: head.readBigUInt64BE(8), bytes: 0, isLast: true };
		const data = await this.take((await this.take(4)).readUInt32BE());
		const type = head.readUInt16BE(6);
		const bytes = type === ChunkType.offsetHole ? data.readUInt32BE(8) : Math.max(0, data.length - 8);
		return { cookie: head.readBigUInt64BE(8), bytes, isLast: (head.readUInt16BE(4) & 1) > 0 };
	}

	async chunk(): Promise<Chunk> {
		const head = await this.take(20);
		if (head.readUInt32BE() !== STRUCTURED_REPLY_MAGIC) throw new Error("no structured reply");
		return {
			flags: head.readUInt16BE(4),
			type: head.readUInt16BE(6),
			cookie: head.readBigUInt64BE(8),
			data: await this.take(head.readUInt32BE(16)),
		};
	}

	/** The chunks of one structured reply, up to the last. */
	async chunks(): Promise<Chunk[]> {
		const chunks: Chunk[] = [];
		for (;;) {
			const chunk = await this.chunk();
			chunks.push(chunk);
			if ((chunk.flags & 1) > 0) return chunks;
		}
	}

	async write(offset: number, data: Uint8Array, flags = 0): Promise<number> {
		this.request(Command.write, 7n, offset, data.length, { flags, data });
		return (await this.simple()).error;
	}
}

export function nameQuery(name: string, infos: readonly number[] = []): Buffer {
	const bytes = Buffer.from(name);
	const query = Buffer.alloc(6 + bytes.length + 2 * infos.length);
	query.writeUInt32BE(bytes.length);
	bytes.copy(query, 4);
	query.writeUInt16BE(infos.length, 4 + bytes.length);
	for (const [i, info] of infos.entries()) query.writeUInt16BE(info, 6 + bytes.length + 2 * i);
	return query;
}

export function contextQuery(name: string, contexts: readonly string[]): Buffer {
	const text = (value: string): Buffer => {
		const bytes = Buffer.from(value);
		const length = Buffer.alloc(4);
		length.writeUInt32BE(bytes.length);
		return Buffer.concat([length, bytes]);
	};
	const count = Buffer.alloc(4);
	count.writeUInt32BE(contexts.length);
	return Buffer.concat([text(name), count, ...contexts.map(text)]);
}
