/**
 * What does not get on with the object store of a pool, or with its superblock, in words: told when it begins and when it is over, and shown
 * while it lasts. Used by `store-pools.ts`.
 */

import type { KeeperListener } from "../pool/store/keeper-listeners.js";
import type { FencedError } from "../pool/store/superblock-swaps.js";
import { closedHere } from "../pool/store/words.js";
import type { PoolTold } from "../pool/told.js";

type What = "lease" | "upload" | "fetch";

/** What comes of it. */
const OUTCOME: Readonly<Record<What, string>> = {
	lease: "nothing is answered",
	upload: "what is written stays on this host",
	fetch: "what is not on this host can't be read",
};
/** The worst first. */
const ORDER: readonly What[] = ["lease", "fetch", "upload"];

export class StoreTroubles {
	readonly #tell: (told: PoolTold) => void;
	readonly #troubles = new Map<What, string>();
	#told: string | null = null;
	#isLost = false;

	constructor(tell: (told: PoolTold) => void) {
		this.#tell = tell;
	}

	/** Null: all gets on. */
	get now(): string | null {
		// (When nothing is answered nothing is written, either.)
		const told = this.#troubles.has("lease") ? (["lease"] as const) : ORDER;
		const all = told.flatMap((what) => {
			const trouble = this.#troubles.get(what);
			return trouble === undefined ? [] : [`${OUTCOME[what]}: ${trouble}`];
		});
		return all.length === 0 ? null : all.join("; ");
	}

	readonly ofStore = (what: "upload" | "fetch", trouble: string | null): void => this.#is(what, trouble);

	readonly ofLease: KeeperListener = {
		lost: ({ message, isHandedOver }) => {
			// (What does not get on since is no trouble: it is not this host's.)
			this.#isLost = true;
			const told = closedHere(message);
			if (isHandedOver) this.#tell({ kind: "pool-handed-over", level: "info", message: told });
			else this.#tell({ kind: "pool-lost", level: "warn", message: told });
		},
		paused: (why) => this.#is("lease", why),
		resumed: () => this.#is("lease", null),
	};

	/** It was handed over, and its disks go on by the host that has it. */
	moved({ message }: FencedError): void {
		this.#isLost = true;
		this.#tell({
			kind: "pool-moved",
			level: "info",
			message: `${message}; its disks are served by way of it`,
		});
	}

	#is(what: What, trouble: string | null): void {
		if (trouble === null) this.#troubles.delete(what);
		else this.#troubles.set(what, trouble);
		const { now } = this;
		if (this.#isLost || now === this.#told) return;
		this.#told = now;
		if (now === null) this.#tell({ kind: "pool-store", level: "info", message: "its object store answers" });
		else this.#tell({ kind: "pool-store", level: "warn", message: now });
	}
}
