/**
 * Object stores and heads while they are asked for the first time: one that does not answer is waited for in the background, and whoever wants
 * its pool hears soon that it is not there yet, and why. Used by `store-pools.ts`.
 */

import { OperatorError } from "../errors.js";
import type { StorePoolOpening } from "../opener/messages.js";
import { shownPoolPath } from "../spec/pool-path.js";
import type { Stores } from "./stores.js";

/** People wait for the answer, and ask again. */
const PATIENCE_MS = 3_000;
/** What has come and nobody takes is closed. */
const UNWANTED_MS = 60_000;
const OPEN_LIMIT_MS = 30_000;

export interface OpenedStores {
	readonly opening: StorePoolOpening;
	readonly stores: Stores;
}

export class ComingStores {
	/** By path of the pool. */
	readonly #coming = new Map<string, Promise<OpenedStores>>();
	/** Why they did not come the last time. */
	readonly #failures = new Map<string, string>();

	readonly #patienceMs: number;

	constructor(patienceMs = PATIENCE_MS) {
		this.#patienceMs = patienceMs;
	}

	/** Those that `make` makes, for one who has them from then on. Throws an OperatorError. */
	async take(path: string, make: () => Promise<OpenedStores>): Promise<OpenedStores> {
		const coming = this.#coming.get(path) ?? this.#begin(path, make);
		let timer: NodeJS.Timeout | undefined;
		const late = new Promise<undefined>((resolve) => {
			timer = setTimeout(resolve, this.#patienceMs, undefined);
		});
		const found = await Promise.race([coming, late]).finally(() => clearTimeout(timer));
		if (found === undefined)
			throw new OperatorError(
				this.#failures.get(path) ?? `${shownPoolPath(path)}: its object store has not answered yet`,
			);
		this.#coming.delete(path);
		return found;
	}

	#begin(path: string, make: () => Promise<OpenedStores>): Promise<OpenedStores> {
		const coming = openedStores(make);
		this.#coming.set(path, coming);
		coming.then(
			({ stores }) => {
				this.#failures.delete(path);
				setTimeout(() => {
					if (this.#coming.get(path) !== coming) return;
					this.#coming.delete(path);
					void stores.close();
				}, UNWANTED_MS).unref();
			},
			(error: unknown) => {
				this.#coming.delete(path);
				this.#failures.set(path, error instanceof Error ? error.message : String(error));
			},
		);
		return coming;
	}
}

/** Both have answered. Throws an OperatorError or an ObjectError. */
export async function openedStores(make: () => Promise<OpenedStores>): Promise<OpenedStores> {
	const made = await make();
	const { store, head } = made.stores;
	try {
		await Promise.all([store.open({ limitMs: OPEN_LIMIT_MS }), head.open({ limitMs: OPEN_LIMIT_MS })]);
		return made;
	} catch (error) {
		await made.stores.close();
		throw error;
	}
}
