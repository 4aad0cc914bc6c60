/**
 * What came of the last reload, and when what was read was last good: kept, so that this process, started again while workers serve, still
 * knows that the files are not as what runs. Used by `desired.ts`; shown by status and metrics.
 */

import { z } from "zod";
import { LastReload } from "./model.js";
import type { Keeper } from "./seams.js";
import { unlessBug } from "./thrown.js";

const FILE = "reload.json";
/** Lines of errors that are kept. */
const ERRORS_MAX = 100;

const Kept = z.object({ last: LastReload, goodMs: z.number() });

export class ReloadRecord {
	#last: LastReload | null = null;
	#goodMs = 0;

	constructor(
		readonly keeper: Keeper,
		/** Milliseconds since 1970. */
		readonly now: () => number,
	) {}

	get last(): LastReload | null {
		return this.#last;
	}

	/** Milliseconds since 1970. */
	get goodMs(): number {
		return this.#goodMs;
	}

	/** Takes up what an earlier life of this process has noted, if that is to be had. */
	async restore(): Promise<void> {
		const bytes = await this.keeper.kept(FILE).catch(unlessBug);
		const { data } = Kept.safeParse(jsonOf(bytes));
		if (data === undefined) this.note([]);
		else [this.#last, this.#goodMs] = [data.last, data.goodMs];
	}

	/** The files were read. Without errors, they were good. Nobody waits for it to be kept. */
	note(errors: readonly string[]): void {
		const ok = errors.length === 0;
		this.#last = { at: new Date(this.now()).toISOString(), ok, errors: errors.slice(0, ERRORS_MAX) };
		if (ok) this.isGood();
		const text = JSON.stringify({ last: this.#last, goodMs: this.#goodMs });
		this.keeper.keep(FILE, new TextEncoder().encode(text)).catch(unlessBug);
	}

	/** What is wished for has no errors. */
	isGood(): void {
		this.#goodMs = this.now();
	}
}

function jsonOf(bytes: Uint8Array | undefined): unknown {
	try {
		return JSON.parse(new TextDecoder().decode(bytes ?? new Uint8Array(0)));
	} catch {
		return undefined;
	}
}
