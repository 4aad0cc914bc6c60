/**
 * Those who want something in the superblock: all that wait are put together in the next swap, and each hears when that is there. Until then his changes are
 * made again, of whatever is there by then. Used by `head-keeper.ts`.
 */

import type { OperatorError } from "../../errors.js";
import { checkImage, type Owner, type Promised, type Superblock } from "./superblock.js";

/** What the folder has to say. */
export type Changes = Partial<
	Pick<Superblock, "image" | "serve" | "promised" | "lost" | "asks" | "asksOf" | "promoted">
>;

export interface Writer {
	readonly changes: (now: Superblock) => Changes;
	/** At least so much is promised; null: it is not about that. */
	readonly promise: Promised | null;
	readonly resolve: () => void;
	readonly reject: (error: unknown) => void;
}

/** What the keeper itself has to say. */
interface Composing {
	readonly writtenUs: number;
	/** What may have been acknowledged and is not in an image; null: what was promised is. */
	readonly owes: ((next: Superblock) => Promised | null) | null;
	readonly heir: Owner | undefined;
	/** Since nothing is acknowledged any more all that was has come to be in the image: what is not is nobody's. */
	readonly isDrained: boolean;
	readonly givesBack: boolean;
}

export class SuperblockWriters {
	#waiting: readonly Writer[] = [];

	/** @param mayPromise or else those who want that are left waiting */
	isAnyDue(mayPromise: boolean): boolean {
		return this.#waiting.some(({ promise }) => mayPromise || promise === null);
	}

	add(changes: Writer["changes"], promise: Promised | null = null): Promise<void> {
		return new Promise((resolve, reject) => {
			this.#waiting = [...this.#waiting, { changes, promise, resolve, reject }];
		});
	}

	/** The next superblock, and whose changes are in there. Who makes no sense is told so, and does not wait any more. */
	compose(now: Superblock, how: Composing): { next: Superblock; writers: readonly Writer[] } {
		const { writtenUs, owes, heir, isDrained, givesBack } = how;
		const fresh = { ...now, beat: now.beat + 1, writtenUs, heir: undefined };
		const { changed, writers } = this.#changed(fresh, heir === undefined);
		const owed = owes === null ? changed.promised : owes(changed);
		const promised = writers.reduce((sum, { promise }) => widest(sum, promise), whole(owed));
		const next = { ...changed, promised };
		// (If it was promised that nothing would be lost, and nothing was acknowledged since, what has come is nobody's either.)
		if (heir !== undefined && (isDrained || promised === null || now.promised === null))
			return { next: { ...next, promised: null, heir }, writers };
		if (!givesBack) return { next, writers };
		return { next: { ...next, isGivenBack: true }, writers };
	}

	#changed(now: Superblock, mayPromise: boolean): { changed: Superblock; writers: readonly Writer[] } {
		let next = now;
		const writers: Writer[] = [];
		for (const writer of this.#waiting)
			if (mayPromise || writer.promise === null)
				try {
					next = changed(next, writer.changes(next));
					writers.push(writer);
				} catch (error) {
					this.#forget([writer]);
					writer.reject(error);
				}
		return { changed: next, writers };
	}

	/** Theirs is there. */
	done(writers: readonly Writer[]): void {
		this.#forget(writers);
		for (const { resolve } of writers) resolve();
	}

	/** Nothing comes of theirs. */
	failed(error: OperatorError, writers = this.#waiting): void {
		this.#forget(writers);
		for (const { reject } of writers) reject(error);
	}

	#forget(writers: readonly Writer[]): void {
		this.#waiting = this.#waiting.filter((each) => !writers.includes(each));
	}
}

/** Throws an OperatorError. */
function changed(now: Superblock, changes: Changes): Superblock {
	const next = { ...now, ...changes };
	if (next.image !== now.image) checkImage(next.image);
	return next;
}

/** What has both of them in it. */
function widest(one: Promised | null, other: Promised | null): Promised | null {
	if (one === null || other === null) return one ?? other;
	return { bytes: Math.max(one.bytes, other.bytes), sinceUs: Math.min(one.sinceUs, other.sinceUs) };
}

function whole(promised: Promised | null): Promised | null {
	return promised && { bytes: Math.ceil(promised.bytes), sinceUs: Math.floor(promised.sinceUs) };
}
