/** What is known on this host of what a replica has, when the pool that it follows is opened, and how that is told. Used by `replica.ts`. */

import { DamagedError } from "../../errors.js";
import { fileNumber } from "../folder.js";
import type { HeadState } from "../head.js";
import type { LocalOwner, LocalRow, LocalTable } from "./local-table.js";
import type { PromotedFrom } from "./replica-of.js";

/** What is known of it while the pool is open. */
export interface ReplicaState {
	readonly name: string;
	/** What it lacks, and since when, in milliseconds; null: nothing. */
	readonly lagBytes: number;
	readonly lagMs: number | null;
	readonly sentBytes: number;
	/** Cuts that were given up, as the pool wanted what they had still to read; slots that are held for one now. */
	readonly givenUp: number;
	readonly heldSlots: number;
	readonly trouble: string | null;
	/** As it was promoted; null: it was not, as far as is known. */
	readonly promoted: ReplicaPromoted | null;
}

export interface ReplicaPromoted extends Pick<PromotedFrom, "sinceUs" | "at" | "now"> {
	readonly by: string;
}

/** What there is of the pool when it is opened. */
export interface ReplicaFound {
	readonly names: readonly string[];
	/** Undefined: the pool is new. */
	readonly head: HeadState | undefined;
	/** By which epoch this host got it from another one; 0: it is in no store. */
	readonly hostSince: number;
	/** As it is now. */
	readonly content: () => Buffer;
	/** Has it say that the pool was opened more often than that: how often; 0: it was never opened. Throws an OperatorError. */
	readonly again: (above: number) => Promise<number>;
}

/** What the table has, if all that was written since is in it. */
export async function known(
	table: LocalTable,
	{ names, head, hostSince }: ReplicaFound,
): Promise<{ readonly owner: LocalOwner | undefined; readonly rows: ReadonlyMap<number, LocalRow> }> {
	const rows = new Map<number, LocalRow>();
	try {
		const owner = await table.owner();
		// (Somebody may have opened the pool who knows of no replica: here, or, as often as that was opened here at last, on another host.)
		const isOurs = head !== undefined && owner?.incarnation === head.incarnation;
		if (owner === undefined || !isOurs || owner.hostSince !== hostSince) return { owner: undefined, rows };
		const count = Math.max(-1, ...names.map((name) => fileNumber(name) ?? -1)) + 1;
		await table.read(count, (file, row) => rows.set(file, row));
		return { owner, rows };
	} catch (error) {
		if (!(error instanceof DamagedError)) throw error;
		return { owner: undefined, rows: new Map() };
	}
}
