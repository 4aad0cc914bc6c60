/**
 * Whether files that were opened for workers are still what their names lead to: who puts another file in the place of one that is
 * served (mv new old) may think that it is served now, and who has removed it, that it is not in use. One after the other is looked at in the background, some at a time, and nobody
 * waits for it. Filled and asked by `answers.ts`.
 */

import { type Found, Looks } from "../block/looks.js";
import { type Clock, systemClock } from "../clock.js";
import type { OpenRequest, Replacement } from "./messages.js";

const EVERY_MS = 5000;
/** At a time: a house of few disks knows at once, thousands take a quarter of an hour and no processor that could be measured. */
const LOOKS = 16;
const LIMIT_MS = 2000;

interface OpenedFile {
	readonly path: string;
	/** As `Looks` tells it. */
	readonly identity: string;
}

export class OpenedFiles {
	readonly #looks = new Looks();
	readonly #tell: (replaced: readonly Replacement[]) => void;
	/** By path and part: as each was last opened. Those that were looked at last are last. */
	readonly #files = new Map<string, OpenedFile>();
	/** Those that lead to something else now, and whether that is nothing. */
	readonly #replaced = new Map<string, boolean>();
	/** Nothing was there when they were looked at last. */
	readonly #missing = new Set<string>();
	#isClosed = false;
	#stop: () => void = () => {};

	/** `tell` hears of all paths that lead to another file now, or to none, whenever that has changed. */
	constructor(tell: (replaced: readonly Replacement[]) => void, clock: Clock = systemClock) {
		this.#tell = tell;
		const again = (): void => {
			if (!this.#isClosed) this.#stop = clock.after(EVERY_MS, () => void this.#look().then(again));
		};
		again();
	}

	close(): void {
		this.#isClosed = true;
		this.#stop();
	}

	get replaced(): readonly Replacement[] {
		return [...this.#replaced].map(([key, isGone]) => ({ path: this.#files.get(key)?.path ?? "", isGone }));
	}

	/** It was opened just now. */
	opened(request: OpenRequest, identity: string): void {
		const key = keyOf(request);
		this.#files.set(key, { path: request.path, identity });
		this.#missing.delete(key);
		if (this.#replaced.delete(key)) this.#tell(this.replaced);
	}

	/** Whether a file was opened by that path, as far as is known: nobody tells when it is closed. */
	isOpened(path: string): boolean {
		return [...this.#files.values()].some((file) => file.path === path);
	}

	/** Nobody wants the others any more. */
	retain(isWanted: (path: string) => boolean): void {
		for (const [key, { path }] of this.#files) {
			if (isWanted(path)) continue;
			this.#files.delete(key);
			this.#replaced.delete(key);
			this.#missing.delete(key);
		}
	}

	/** The next ones. */
	async #look(): Promise<void> {
		const turn: [string, OpenedFile][] = [];
		for (const each of this.#files) if (turn.push(each) === LOOKS) break;
		const found = await this.#looks.look(
			turn.map(([, { path }]) => path),
			LIMIT_MS,
		);
		let isNews = false;
		for (const [key, file] of turn) {
			// Opened again, or given up, meanwhile.
			if (this.#files.get(key) !== file) continue;
			this.#files.delete(key);
			this.#files.set(key, file);
			const now = found.get(file.path);
			if (now !== undefined && this.#hasChanged(key, file, now)) isNews = true;
		}
		if (isNews) this.#tell(this.replaced);
	}

	#hasChanged(key: string, file: OpenedFile, now: Found): boolean {
		const isMissing = now.kind === "missing";
		// What is missing for the first time may be on its way.
		if (isMissing && !this.#missing.has(key)) {
			this.#missing.add(key);
			return false;
		}
		if (!isMissing) this.#missing.delete(key);
		const isOther = now.kind !== "storage" || now.identity !== file.identity;
		if ((isOther ? isMissing : undefined) === this.#replaced.get(key)) return false;
		if (isOther) this.#replaced.set(key, isMissing);
		else this.#replaced.delete(key);
		return true;
	}
}

function keyOf({ path, beginBytes, lengthBytes }: OpenRequest): string {
	return JSON.stringify([path, beginBytes, lengthBytes]);
}
