/**
 * Heads of pools in object stores that are kept in a file beside the local log, for workers that can open none: read, and put in the place of
 * what they were. The lock and the comparing are in `lib/object/head-file.ts`. Used by `answers.ts`.
 */

import path from "node:path";
import { ObjectError } from "../object/errors.js";
import { FileHead } from "../object/head-file.js";
import { OneAtATime, within } from "./patience.js";

/** What the file is called in the directory of the log. */
export const HEAD_FILE = "superblock";
const LIMIT_MS = 10_000;

/** What became of it; the value of a head comes beside. */
export interface HeadAnswer {
	/** Of what there is, or was put there; null: there is none, or it was not what it should have been. */
	readonly id: string | null;
	readonly fault?: {
		readonly kind: ObjectError["kind"];
		readonly message: string;
		readonly isUndone: boolean;
	};
}

interface One {
	readonly head: FileHead;
	readonly reading: OneAtATime<Awaited<ReturnType<FileHead["read"]>>>;
	/** One at a time: a disk that hangs holds up one of Node's threads. */
	isSwapping: boolean;
}

export class HeadFiles {
	/** By directory. */
	readonly #heads = new Map<string, One>();

	async read(log: string): Promise<{ answer: HeadAnswer; value?: Buffer }> {
		const { reading } = this.#of(log);
		return told(async () => {
			const found = await reading.get();
			return found === null ? { answer: { id: null } } : { answer: { id: found.id }, value: found.value };
		});
	}

	async swap(log: string, id: string | null, value: Buffer): Promise<{ answer: HeadAnswer }> {
		const one = this.#of(log);
		return told(async () => {
			if (one.isSwapping)
				throw new ObjectError("unavailable", `${one.head.name}: is being written already`, true);
			one.isSwapping = true;
			const swapping = one.head.swap(id, value, AbortSignal.timeout(LIMIT_MS)).finally(() => {
				one.isSwapping = false;
			});
			return { answer: { id: await within(LIMIT_MS, one.head.name, swapping) } };
		});
	}

	#of(log: string): One {
		let one = this.#heads.get(log);
		if (one === undefined) {
			const head = new FileHead(path.join(log, HEAD_FILE));
			one = { head, reading: new OneAtATime(head.name, LIMIT_MS, () => head.read()), isSwapping: false };
			this.#heads.set(log, one);
		}
		return one;
	}
}

/** What went wrong with a head is no matter of this process's. */
async function told<T extends { answer: HeadAnswer }>(
	act: () => Promise<T>,
): Promise<T | { answer: HeadAnswer }> {
	try {
		return await act();
	} catch (error) {
		if (!(error instanceof ObjectError)) throw error;
		const { kind, message, isUndone } = error;
		return { answer: { id: null, fault: { kind, message, isUndone } } };
	}
}
