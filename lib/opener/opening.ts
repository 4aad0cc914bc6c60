/**
 * Storage that the opener opens for a worker: if it is granted (`grants.ts`), by a thread of its own, so that a disk that hangs keeps
 * nobody but whoever wants it; locked, and handed on as a descriptor with what is known of it. Used by `answers.ts`.
 */

import { Openings } from "../block/openings.js";
import type { Parcel } from "../channel/asking.js";
import { OperatorError } from "../errors.js";
import { Errno, isNativeError, native, OPEN_READ_ONLY, type PassingFile } from "../native.js";
import { quote } from "../text.js";
import type { Grants } from "./grants.js";
import type { OpenRequest } from "./messages.js";

/** For those that found no thread. */
const RETRY_MS = 1000;

/** The same file, asked for again. */
interface Turn {
	readonly underWay: Promise<unknown>;
	/** Waits for it; called off by whoever asks next. */
	waiting: AbortController | undefined;
}

export class FilesForOthers {
	/** So many at a time: whoever asks for thousands that hang gets no more threads than this. */
	readonly #openings = new Openings<PassingFile>();
	/** One that hangs is not opened by thread after thread, each time that somebody has given up waiting and asks again. */
	readonly #turns = new Map<string, Turn>();
	/** Runs while anybody waits. */
	#retrying: NodeJS.Timeout | undefined;

	/** `opened` is told what it is. Throws an OperatorError if it may not be opened, or a NativeError if it can't. */
	async open(
		request: OpenRequest,
		grants: Grants,
		opened: (identity: string) => void = () => {},
	): Promise<Parcel> {
		const { path, readOnly, flags, beginBytes, lengthBytes } = request;
		const grant = grants.grant(path, readOnly);
		const access = readOnly ? flags | OPEN_READ_ONLY : flags & ~OPEN_READ_ONLY;
		const key = JSON.stringify([path, access, beginBytes, lengthBytes]);
		for (let turn = this.#turns.get(key); turn !== undefined; turn = this.#turns.get(key))
			await endOf(turn, path);
		const begin = () => native.fileOpenFor(grant.folder, grant.path, access, beginBytes, lengthBytes);
		const opening = this.#openings.open(path, begin);
		this.#keepRetrying();
		const turn: Turn = { underWay: opening.catch(() => {}), waiting: undefined };
		this.#turns.set(key, turn);
		try {
			const { descriptor, traits, identity } = await opening;
			opened(identity);
			return { body: { traits: [...traits], identity }, files: [descriptor] };
		} catch (error) {
			if (!isNativeError(error) || error.errno !== Errno.EXDEV) throw error;
			throw new OperatorError(`${quote(path)}: leads out of ${grant.folder}`);
		} finally {
			if (this.#turns.get(key) === turn) this.#turns.delete(key);
		}
	}

	#keepRetrying(): void {
		this.#retrying ??= setInterval(() => {
			this.#openings.retry();
			if (this.#openings.expects) return;
			clearInterval(this.#retrying);
			this.#retrying = undefined;
		}, RETRY_MS).unref();
	}
}

/** Resolves when that is over. Throws an OperatorError if the file is asked for once more meanwhile. */
function endOf(turn: Turn, path: string): Promise<void> {
	turn.waiting?.abort(new OperatorError(`${quote(path)}: was asked for again before it was open`));
	const waiting = new AbortController();
	turn.waiting = waiting;
	const { signal } = waiting;
	return new Promise((resolve, reject) => {
		signal.addEventListener("abort", () => reject(signal.reason), { once: true });
		void turn.underWay.then(() => resolve());
	});
}
