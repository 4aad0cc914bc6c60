/**
 * Makes a stream of extents: the sending half. Hands bytes on one piece at a time, and waits until each is taken, so that nothing piles up
 * before a slow network. Used by the command that sends.
 */

import { OperatorError } from "../errors.js";
import type { Extent } from "../image/extent.js";
import { BEGIN_BYTES_MAX, digestWith, encodeHeader, FrameKind, NO_DIGEST, PREAMBLE } from "./frames.js";
import { StreamBegin, streamId } from "./stream-begin.js";
import type { ResumePoint } from "./token.js";

/** Resolves when the bytes are no longer needed. */
export type TakeBytes = (bytes: Uint8Array) => Promise<void>;

/** Bytes of data between one mark and the next: what is lost at most when a stream breaks off. */
const MARK_EVERY_BYTES = 32 * 1024 * 1024;

const NOTHING = Buffer.alloc(0);

export class StreamWriter {
	readonly #take: TakeBytes;
	readonly #markEveryBytes: number;
	#digest: Buffer = NO_DIGEST;
	#unmarkedBytes = 0;

	constructor(take: TakeBytes, markEveryBytes = MARK_EVERY_BYTES) {
		this.#take = take;
		this.#markEveryBytes = markEveryBytes;
	}

	/** Says what is sent, and from where on if the receiver has some of it. Throws an OperatorError if it has some of another stream. */
	async begin(begin: StreamBegin, from?: ResumePoint): Promise<void> {
		const payload = Buffer.from(JSON.stringify(StreamBegin.parse(begin)));
		if (payload.length > BEGIN_BYTES_MAX)
			throw new OperatorError("the names of what is to be sent are too long");
		if (from !== undefined && !from.stream.equals(streamId(begin)))
			throw new OperatorError(
				"the token is of another stream: it must be the same snapshot, and the same base",
			);
		await this.#take(PREAMBLE);
		await this.#frame(FrameKind.begin, 0, 0, payload);
		if (from === undefined) return;
		await this.#frame(FrameKind.resume, from.offsetBytes, 0, from.digest);
		this.#digest = from.digest;
	}

	/** The next extent; a hole is what nothing has to be said of. */
	async put({ kind, offsetBytes, lengthBytes, bytes }: Extent): Promise<void> {
		if (kind === "hole") return;
		await this.#frame(kind === "data" ? FrameKind.data : FrameKind.zero, offsetBytes, lengthBytes, bytes);
		this.#unmarkedBytes += bytes.length;
		if (this.#unmarkedBytes < this.#markEveryBytes) return;
		this.#unmarkedBytes = 0;
		await this.#frame(FrameKind.mark, offsetBytes + lengthBytes, 0, NOTHING);
	}

	/** Each piece has been taken already. */
	async sync(): Promise<void> {}

	async end(): Promise<void> {
		await this.#frame(FrameKind.end, 0, 0, this.#digest);
	}

	async #frame(kind: number, offset: number, length: number, payload: Uint8Array): Promise<void> {
		const header = encodeHeader(kind, offset, length, payload);
		this.#digest = digestWith(this.#digest, header, payload);
		await this.#take(header);
		if (payload.length > 0) await this.#take(payload);
	}
}
