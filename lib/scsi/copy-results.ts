/** What has become of copies that an initiator has begun at a unit, by its identifiers for them: until it has asked, or is gone. Kept by `unit.ts`. */

import type { Nexus } from "./nexus.js";

/** SPC-4, table 193. */
export const CopyState = { underWay: 0, done: 1, failed: 2 } as const;
export type CopyState = (typeof CopyState)[keyof typeof CopyState];

export interface CopyResult {
	state: CopyState;
	segments: number;
	bytes: number;
}

/** Of one initiator. */
interface Copies {
	/** By identifier: there are no more than 256. */
	readonly byId: Map<number, CopyResult>;
	underWay: number;
}

export class CopyResults {
	readonly #copies = new Map<Nexus, Copies>();

	/** `id`: null: it has none, and nobody asks for it. */
	begin(nexus: Nexus, id: number | null): CopyResult {
		let copies = this.#copies.get(nexus);
		if (copies === undefined) {
			copies = { byId: new Map(), underWay: 0 };
			this.#copies.set(nexus, copies);
		}
		const result = { state: CopyState.underWay, segments: 0, bytes: 0 };
		copies.underWay += 1;
		if (id !== null) copies.byId.set(id, result);
		return result;
	}

	end(nexus: Nexus, result: CopyResult, isWell: boolean): void {
		result.state = isWell ? CopyState.done : CopyState.failed;
		const copies = this.#copies.get(nexus);
		if (copies !== undefined) copies.underWay -= 1;
	}

	underWay(nexus: Nexus): number {
		return this.#copies.get(nexus)?.underWay ?? 0;
	}

	get(nexus: Nexus, id: number): CopyResult | undefined {
		return this.#copies.get(nexus)?.byId.get(id);
	}

	discard(nexus: Nexus, id: number): void {
		this.#copies.get(nexus)?.byId.delete(id);
	}

	forget(nexus: Nexus): void {
		this.#copies.delete(nexus);
	}
}
