/**
 * Takes a stream apart: the receiving half. Whoever sent it may be hostile: every frame is checked before it is handed on, no frame can
 * ask for more memory than the longest may have, and what is wrong ends as one line that says where. Used by the command that receives.
 */

import { crc32c } from "../crc32c.js";
import { FailedError } from "../errors.js";
import { DATA_EXTENT_BYTES, type Extent, NO_BYTES } from "../image/extent.js";
import { quote } from "../text.js";
import { SECTOR_BYTES } from "../wire/sector.js";
import { ByteReader } from "./byte-reader.js";
import {
	BEGIN_BYTES_MAX,
	DIGEST_BYTES,
	decodeHeader,
	digestWith,
	type FrameHeader,
	FrameKind,
	HEADER_BYTES,
	NO_DIGEST,
	PREAMBLE,
} from "./frames.js";
import { StreamBegin, streamId } from "./stream-begin.js";
import type { ResumePoint } from "./token.js";

/** What goes with a frame of each kind. */
const PAYLOAD_MAX: Readonly<Record<number, number>> = {
	[FrameKind.begin]: BEGIN_BYTES_MAX,
	[FrameKind.resume]: DIGEST_BYTES,
	[FrameKind.data]: DATA_EXTENT_BYTES,
	[FrameKind.zero]: 0,
	[FrameKind.mark]: 0,
	[FrameKind.end]: DIGEST_BYTES,
};

interface Frame extends FrameHeader {
	readonly bytes: Buffer;
	readonly payload: Uint8Array;
}

export class StreamReader {
	readonly #bytes: ByteReader;
	readonly #room = new Uint8Array(DATA_EXTENT_BYTES);
	#begin: StreamBegin | undefined;
	#digest: Buffer = NO_DIGEST;
	/** What comes next is not before this. */
	#offset = 0;
	/** A frame that was read to see whether it is another one. */
	#ahead: Frame | undefined;

	/** Reads as far as the stream says what it is. Throws a FailedError if it is none. */
	static async open(bytes: AsyncIterable<Uint8Array>): Promise<StreamReader> {
		const reader = new StreamReader(bytes);
		await reader.#open();
		return reader;
	}

	private constructor(bytes: AsyncIterable<Uint8Array>) {
		this.#bytes = new ByteReader(bytes);
	}

	get begin(): StreamBegin {
		return this.#begin!;
	}

	/** How far it is: at first, where it begins. */
	get point(): ResumePoint {
		return { stream: streamId(this.begin), offsetBytes: this.#offset, digest: this.#digest };
	}

	/**
	 * All that is sent, in order, each checked; the bytes are there until the next is asked for. `marked` is called where all before
	 * `point` has been handed on. Ends where the stream does, if all that was sent has come.
	 */
	async *extents(marked: (point: ResumePoint) => Promise<void>): AsyncGenerator<Extent> {
		for (;;) {
			const before = this.#digest;
			const frame = await this.#next();
			const { kind, offsetBytes, lengthBytes, payload } = frame;
			if (kind === FrameKind.end) return this.#end(payload, before);
			if (kind === FrameKind.mark) {
				this.#goTo(offsetBytes, 0);
				await marked(this.point);
			} else if (kind === FrameKind.data || kind === FrameKind.zero) {
				this.#goTo(offsetBytes, lengthBytes);
				const isData = kind === FrameKind.data;
				if (lengthBytes === 0 || (isData && payload.length !== lengthBytes))
					throw this.#wrong(`a range of ${lengthBytes} bytes with ${payload.length}`);
				yield {
					kind: isData ? "data" : "zero",
					offsetBytes,
					lengthBytes,
					bytes: isData ? payload : NO_BYTES,
				};
			} else throw this.#wrong("a frame where it can't be");
		}
	}

	async #open(): Promise<void> {
		const preamble = Buffer.alloc(PREAMBLE.length);
		if (!(await this.#bytes.fill(preamble))) throw new FailedError("the stream ends before it has begun");
		if (!preamble.equals(PREAMBLE)) {
			const [, version] = /^vblade stream (\d+)\n/.exec(preamble.toString("latin1")) ?? [];
			throw new FailedError(
				version === undefined
					? "this is no stream of vblade volume send"
					: `a stream of format ${version} is not known here: 1 is`,
			);
		}
		const first = await this.#next();
		if (first.kind !== FrameKind.begin) throw this.#wrong("the first frame is another one");
		this.#begin = this.#readBegin(first.payload);
		const second = await this.#read();
		if (second.kind !== FrameKind.resume) {
			this.#ahead = second;
			return;
		}
		if (second.payload.length !== DIGEST_BYTES) throw this.#wrong("a digest is too short");
		this.#goTo(second.offsetBytes, 0);
		this.#digest = Buffer.from(second.payload);
	}

	#readBegin(payload: Uint8Array): StreamBegin {
		let value: unknown;
		try {
			value = JSON.parse(Buffer.from(payload).toString("utf8"));
		} catch {
			throw this.#wrong("what it says of itself is not JSON");
		}
		const { success, data, error } = StreamBegin.safeParse(value);
		if (success) return data;
		const [issue] = error.issues;
		throw this.#wrong(`what it says of itself can't be: ${quote(issue?.path.join(".") ?? "")}`);
	}

	/** The next frame, which is one of what is digested. */
	async #next(): Promise<Frame> {
		const frame = this.#ahead ?? (await this.#read());
		this.#ahead = undefined;
		this.#digest = digestWith(this.#digest, frame.bytes, frame.payload);
		return frame;
	}

	async #read(): Promise<Frame> {
		const bytes = Buffer.alloc(HEADER_BYTES);
		if (!(await this.#bytes.fill(bytes))) throw this.#wrong("it breaks off before its end");
		const header = decodeHeader(bytes);
		if (header === undefined) throw this.#wrong("the header of a frame is damaged");
		const most = PAYLOAD_MAX[header.kind];
		if (most === undefined || header.payloadBytes > most) throw this.#wrong("a frame that is not known here");
		const payload = this.#room.subarray(0, header.payloadBytes);
		if (!(await this.#bytes.fill(payload))) throw this.#wrong("it breaks off before its end");
		if (crc32c(payload) !== header.payloadCrc) throw this.#wrong("what is sent here is damaged");
		return { ...header, bytes, payload };
	}

	/** Ranges come in order, are whole sectors, and are on the volume. */
	#goTo(offset: number, length: number): void {
		const end = offset + length;
		if (offset < this.#offset || end > this.begin.sizeBytes || offset % SECTOR_BYTES || length % SECTOR_BYTES)
			throw this.#wrong(
				`a range from ${offset} to ${end}, behind ${this.#offset} of ${this.begin.sizeBytes}`,
			);
		this.#offset = end;
	}

	async #end(payload: Uint8Array, digest: Buffer): Promise<void> {
		if (!digest.equals(payload)) throw this.#wrong("its end says that something else was sent");
		if (!(await this.#bytes.isAtEnd())) throw this.#wrong("it goes on behind its end");
	}

	#wrong(what: string): FailedError {
		return new FailedError(`the stream: up to byte ${this.#bytes.count}: ${what}`);
	}
}
