/**
 * Storage that the opener opens for others: if it is granted (`grants.ts`), by a thread of its own, so that a disk that hangs keeps
 * nobody but whoever wants it; locked, and handed on as a descriptor with what is known of it. Used by `answers.ts`.
 */

import { Openings } from "../block/openings.js";
import type { Parcel } from "../channel/asking.js";
import { native, OPEN_READ_ONLY, type PassedFile } from "../native.js";
import type { Grants } from "./grants.js";
import type { OpenRequest } from "./messages.js";

/** For those that found no thread. */
const RETRY_MS = 1000;

export class FilesForOthers {
	/** So many at a time: whoever asks for thousands that hang gets no more threads than this. */
	readonly #openings = new Openings<PassedFile>();

	constructor() {
		setInterval(() => this.#openings.retry(), RETRY_MS).unref();
	}

	/** Throws an OperatorError if it may not be opened, or a NativeError if it can't. */
	async open(request: OpenRequest, grants: Grants): Promise<Parcel> {
		const { path, readOnly, flags, beginBytes, lengthBytes } = request;
		const grant = grants.grant(path, readOnly);
		try {
			const access = readOnly ? flags | OPEN_READ_ONLY : flags & ~OPEN_READ_ONLY;
			const begin = () => native.fileOpenFor(grant.path, access, beginBytes, lengthBytes);
			const { descriptor, traits } = await this.#openings.open(path, begin);
			return { body: { traits: [...traits] }, files: [descriptor] };
		} finally {
			grant.release();
		}
	}
}
