/**
 * Where what a volume was may be other than in snapshots of it, for all who ask that of it at the same time: what is compared with is of each, what
 * is compared is opened once. Made by `openings.ts` for what is opened there.
 */

import { OperatorError } from "../errors.js";
import { quote } from "../text.js";
import type { Changes } from "./changes.js";
import { isMoment, volumeIn } from "./past.js";
import type { Pool } from "./pool.js";
import type { FixedTree } from "./readings.js";

/** A pool, for as long as one user has it. */
interface UsedPool {
	readonly pool: Pool;
	readonly release: () => Promise<void>;
}

interface Opened extends UsedPool {
	readonly tree: FixedTree;
}

export class PastChanges {
	readonly #use: () => Promise<UsedPool>;
	readonly #past: string;
	readonly #offsetBytes: number;
	#opened: Promise<Opened> | undefined;
	#users = 0;

	/** `past`: the name of what is compared, which stays the same; from `offsetBytes` on. */
	constructor(use: () => Promise<UsedPool>, past: string, offsetBytes: number) {
		this.#use = use;
		this.#past = past;
		this.#offsetBytes = offsetBytes;
	}

	/** To be released. Throws an OperatorError if there is no such snapshot of the volume. */
	async since(snapshot: string): Promise<Changes> {
		const before = `${volumeIn(this.#past)}@${snapshot}`;
		if (isMoment(snapshot))
			throw new OperatorError(`${quote(before)}: changes are told since snapshots alone`);
		this.#users++;
		try {
			this.#opened ??= this.#open();
			const { pool, tree } = await this.#opened;
			return await pool.readings.changesSince(before, tree, this.#offsetBytes, () => void this.#leave());
		} catch (error) {
			await this.#leave();
			throw error;
		}
	}

	async #open(): Promise<Opened> {
		const { pool, release } = await this.#use();
		try {
			return { pool, release, tree: await pool.readings.tree(this.#past) };
		} catch (error) {
			await release();
			throw error;
		}
	}

	/** The last one lets go, unless another has come meanwhile. */
	async #leave(): Promise<void> {
		this.#users--;
		const opening = this.#opened;
		const opened = this.#users > 0 ? undefined : await opening?.catch(() => undefined);
		if (this.#users > 0 || this.#opened !== opening) return;
		this.#opened = undefined;
		opened?.tree.release();
		await opened?.release();
	}
}
