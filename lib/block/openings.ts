/**
 * Opening files by threads of their own, so many at a time: a disk that hangs keeps its thread for ever, and must not take all
 * that the machine has. Those that find no thread are put off and tried again. Called by the engine (`engine.ts`), which
 * hands on the files.
 */

import { OperatorError } from "../errors.js";
import { isNativeError, type NativeError, type NativeFile } from "../native.js";

/** Openings under way; more wait their turn. */
export const MOST_OPENINGS = 16;

interface Opening<File> {
	readonly path: string;
	readonly begin: () => Promise<File>;
	readonly resolve: (file: File) => void;
	readonly reject: (error: unknown) => void;
	isPutOff: boolean;
}

/** `File`: what an opening hands on. */
export class Openings<File = NativeFile> {
	readonly #underWay = new Set<Opening<File>>();
	/** In the order in which they are begun. */
	readonly #waiting: Opening<File>[] = [];
	#errno = 0;
	#putOff = 0;

	/** Whether anybody waits for one. */
	get expects(): boolean {
		return this.#underWay.size > 0 || this.#waiting.length > 0;
	}

	/** Why those that wait can't be begun: the errno for want of a thread, or 0 if they only wait their turn. */
	get lack(): number {
		return this.#errno;
	}

	/** How many wait their turn, or for a thread. */
	get waiting(): number {
		return this.#waiting.length;
	}

	/** How many had to wait for a thread so far. */
	get putOff(): number {
		return this.#putOff;
	}

	/** What `begin` comes to, in turn; `signal` calls it off as long as it waits. */
	open(path: string, begin: () => Promise<File>, signal?: AbortSignal): Promise<File> {
		return new Promise((resolve, reject) => {
			const opening: Opening<File> = { path, begin, resolve, reject, isPutOff: false };
			signal?.addEventListener("abort", () => this.#callOff(opening, signal.reason), { once: true });
			this.#waiting.push(opening);
			if (this.#errno === 0) this.#advance();
		});
	}

	/** To be called once a second: there may be threads again. */
	retry(): void {
		if (this.#errno === 0) return;
		this.#errno = 0;
		this.#advance();
	}

	/** Nobody waits any longer. */
	close(): void {
		for (const { path, reject } of [...this.#underWay, ...this.#waiting])
			reject(new OperatorError(`${path}: closed before it was open`));
		this.#underWay.clear();
		this.#waiting.length = 0;
		this.#errno = 0;
	}

	#callOff(opening: Opening<File>, reason: unknown): void {
		const place = this.#waiting.indexOf(opening);
		if (place < 0) return;
		this.#waiting.splice(place, 1);
		opening.reject(reason);
	}

	#advance(): void {
		while (this.#underWay.size < MOST_OPENINGS) {
			const opening = this.#waiting.shift();
			if (opening === undefined) return;
			this.#underWay.add(opening);
			void this.#run(opening);
		}
	}

	async #run(opening: Opening<File>): Promise<void> {
		try {
			opening.resolve(await opening.begin());
		} catch (error) {
			if (isNoThread(error) && this.#underWay.delete(opening)) this.#putOffOne(opening, error.errno);
			else opening.reject(error);
		}
		this.#underWay.delete(opening);
		if (this.#errno === 0) this.#advance();
	}

	#putOffOne(opening: Opening<File>, errno: number): void {
		this.#errno = errno;
		if (!opening.isPutOff) this.#putOff += 1;
		opening.isPutOff = true;
		this.#waiting.push(opening);
	}
}

/** The machine has no thread left: that says nothing of the file. */
export function isNoThread(error: unknown): error is NativeError {
	return isNativeError(error) && error.step === "thread";
}
