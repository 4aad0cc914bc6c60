/**
 * A head in a bucket of S3: an object, written on conditions of its ETag. That is refused unless the store proves at start that it
 * keeps conditions. The ETag is a sum of what is stored, which has a nonce in it, so it never comes back. A backend of `head.ts`.
 */

import { randomUUID } from "node:crypto";
import type { RequestCounts } from "./counts.js";
import { ObjectError, ObjectFault } from "./errors.js";
import type { HeadBackend, HeadValue } from "./head-backend.js";
import { HEAD_MAX_BYTES } from "./head-frame.js";
import type { Answer } from "./http.js";
import { deleteOne, openBucket, provesCreation } from "./s3.js";
import { S3Door, type S3Options } from "./s3-door.js";

const STATUS = { ok: 200, notFound: 404, failed: 412 };
/** What goes before the bytes of a head is less. */
const VALUE_MAX_BYTES = HEAD_MAX_BYTES + 1024;

function etagOf(answer: Answer): string | undefined {
	return answer.header("etag")?.replaceAll('"', "");
}

export class S3Head implements HeadBackend {
	readonly #door: S3Door;
	readonly #object: string;

	/** @param object its name */
	constructor(options: S3Options, object: string) {
		this.#door = new S3Door(options);
		this.#object = object;
	}

	get name(): string {
		return `${this.#door.name}/${this.#object}`;
	}

	get counts(): RequestCounts {
		return this.#door.counts;
	}

	async open(signal: AbortSignal): Promise<void> {
		await openBucket(this.#door, signal);
		const { proofs, name } = this.#door;
		const provesChange = () => proofs.of(`change ${name}`, () => this.#provesChange(signal));
		if ((await provesCreation(this.#door, signal)) && (await provesChange())) return;
		throw new ObjectError(
			ObjectFault.refused,
			`${name}: can't have a head: does not keep conditions on what is written (If-None-Match, If-Match)`,
		);
	}

	/** Whether of two changes of one value the second one fails. */
	async #provesChange(signal: AbortSignal): Promise<boolean> {
		const name = `probe-${randomUUID()}`;
		try {
			const first = await this.#put(name, null, Buffer.from("first"), signal);
			if (first === null) return false;
			const second = await this.#put(name, first, Buffer.from("second"), signal);
			if (second === null || second === first) return false;
			if ((await this.#put(name, first, Buffer.from("third"), signal)) !== null) return false;
			const found = await this.#door.ask({ op: "get", method: "GET", name }, signal);
			return found.status === STATUS.ok && found.body.toString() === "second";
		} finally {
			await deleteOne(this.#door, name, signal);
		}
	}

	async read(signal: AbortSignal): Promise<HeadValue | null> {
		const asked = { op: "read", method: "GET", name: this.#object, mostBytes: VALUE_MAX_BYTES } as const;
		const answer = await this.#door.ask(asked, signal);
		if (answer.status === STATUS.ok) {
			const id = etagOf(answer);
			if (id !== undefined) return { id, value: answer.body };
			throw new ObjectError(ObjectFault.damaged, `${this.name}: an object without an ETag`);
		}
		const error = this.#door.error("read", answer);
		if (error.kind === ObjectFault.absent) return null;
		throw error;
	}

	swap(id: string | null, value: Buffer, signal: AbortSignal): Promise<string | null> {
		return this.#put(this.#object, id, value, signal);
	}

	async #put(name: string, id: string | null, value: Buffer, signal: AbortSignal): Promise<string | null> {
		// (Radosgw takes quotes for a part of it.)
		const headers: Record<string, string> = id === null ? { "if-none-match": "*" } : { "if-match": id };
		const answer = await this.#door.ask({ op: "swap", method: "PUT", name, headers, body: [value] }, signal);
		if (answer.status === STATUS.failed) return null;
		if (answer.status === STATUS.ok) {
			const etag = etagOf(answer);
			if (etag !== undefined) return etag;
			throw new ObjectError(ObjectFault.unavailable, `${this.name}: an answer without an ETag`);
		}
		const error = this.#door.error("swap", answer);
		// What is not there is not what it was.
		if (id !== null && error.kind === ObjectFault.absent) return null;
		throw error;
	}

	close(): Promise<void> {
		return this.#door.close();
	}
}
