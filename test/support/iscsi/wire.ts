/**
 * PDUs over a connection, with digests where they were agreed on, which may be damaged on purpose. For `initiator.ts`. Plain: nothing here
 * is fast.
 */

import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { crc32c } from "../../../lib/crc32c.js";
import { ahsBytesOf, BHS_BYTES, DIGEST_BYTES, dataBytesOf, paddingOf } from "../../../lib/iscsi/pdu.js";
import { type Pdu, viewOf } from "./pdus.js";

export interface Damage {
	readonly header?: boolean;
	readonly data?: boolean;
}

export class Wire {
	headerDigest = false;
	dataDigest = false;
	/** What is not in order with what has come; null: nothing. */
	trouble: string | null = null;
	readonly #socket: Duplex;
	#came: Buffer = Buffer.alloc(0);
	#isOver = false;
	#wake: () => void = () => {};

	constructor(socket: Duplex) {
		this.#socket = socket;
		// As initiators do: else what follows a small PDU waits for the other end's delayed acknowledgement.
		if (socket instanceof Socket) socket.setNoDelay(true);
		socket.on("data", (chunk: Buffer) => {
			this.#came = Buffer.concat([this.#came, chunk]);
			this.#wake();
		});
		const over = (): void => {
			this.#isOver = true;
			this.#wake();
		};
		socket.on("error", over);
		socket.on("end", over);
		socket.on("close", over);
	}

	/** Bytes, whatever they are. */
	raw(bytes: Uint8Array): void {
		this.#socket.write(bytes);
	}

	send({ head, ahs, data }: Pdu, damage: Damage = {}): void {
		const header = Buffer.concat([head, ahs]);
		const padded = Buffer.concat([data, Buffer.alloc(paddingOf(data.length))]);
		const parts: Buffer[] = [header];
		if (this.headerDigest) parts.push(digestOf(header, damage.header));
		parts.push(padded);
		if (this.dataDigest && data.length > 0) parts.push(digestOf(padded, damage.data));
		this.raw(Buffer.concat(parts));
	}

	/** The next one; null: the connection is over. */
	async receive(): Promise<Pdu | null> {
		const head = await this.#take(BHS_BYTES);
		if (head === null) return null;
		const ahs = await this.#take(ahsBytesOf(viewOf(head), 0));
		if (ahs === null) return this.#cut();
		if (this.headerDigest && !(await this.#isRight(Buffer.concat([head, ahs])))) return this.#cut();
		const length = dataBytesOf(viewOf(head), 0);
		const padded = await this.#take(length + paddingOf(length));
		if (padded === null) return this.#cut();
		if (this.dataDigest && length > 0 && !(await this.#isRight(padded))) return this.#cut();
		return { head, ahs, data: padded.subarray(0, length) };
	}

	#cut(): null {
		this.trouble ??= "a PDU was cut, or its digest is wrong";
		return null;
	}

	async #isRight(bytes: Buffer): Promise<boolean> {
		const digest = await this.#take(DIGEST_BYTES);
		return digest?.equals(digestOf(bytes)) === true;
	}

	async #take(bytes: number): Promise<Buffer | null> {
		while (this.#came.length < bytes && !this.#isOver)
			await new Promise<void>((resolve) => {
				this.#wake = resolve;
			});
		if (this.#came.length < bytes) return null;
		const taken = this.#came.subarray(0, bytes);
		this.#came = this.#came.subarray(bytes);
		return taken;
	}

	/** Whether what comes is read at all: an initiator that is stuck reads nothing. */
	pause(isPaused: boolean): void {
		if (isPaused) this.#socket.pause();
		else this.#socket.resume();
	}

	/** At once, as when a machine loses power. */
	close(): void {
		this.#socket.destroy();
	}
}

/** The sum is the only thing on the wire whose first byte is its lowest (RFC 7143, 13.1, and RFC 3720, appendix B.4). */
function digestOf(bytes: Buffer, isDamaged = false): Buffer {
	const digest = Buffer.alloc(DIGEST_BYTES);
	digest.writeUInt32LE((crc32c(bytes) ^ (isDamaged ? 1 : 0)) >>> 0);
	return digest;
}
