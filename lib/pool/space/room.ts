/**
 * What is done when slots become scarce, and when a write is refused: first cleaning, then history from its oldest end, and only if
 * neither can give anything back is there no space. Until that is known writes wait. Some slots are never for writes: what trims, deletions,
 * checkpoints and the cleaner need, so that a full pool can always become emptier. Pure: told how things stand, says what comes next.
 */

import { SEGMENT_BYTES, SEGMENT_SECTORS } from "../format.js";

/** A leaf of the map as stored, at most, and pages of one. */
const LEAF_BYTES = 800;
const LEAF_PAGES = 64;
const CHECKPOINTS = 2;
/** For the log, the cleaner's two, and what trims and deletions say. */
const SLOTS_AT_LEAST = 6;
/** Cleaning begins when so many are left beyond the reserve. */
const AHEAD = 8;

/** Slots that no write gets: `entries` of an overlay, mapped pages, bytes of the table of segments. */
export function reserveSlots(entries: number, pages: number, tableBytes: number): number {
	const leaves = Math.min(entries, Math.ceil(pages / LEAF_PAGES));
	return SLOTS_AT_LEAST + Math.ceil((CHECKPOINTS * leaves * LEAF_BYTES + tableBytes) / SEGMENT_BYTES);
}

export interface Standing {
	/** Slots that can be written to, and how many of them writes don't get. */
	readonly free: number;
	readonly reserve: number;
	/** Slots that were emptied, and come back by checkpoints. */
	readonly waiting: number;
	/** Sectors that live in the emptiest slot that may be cleaned; undefined if there is none. */
	readonly emptiest: number | undefined;
	/** Slots that were cleaned since that last gave one back, or something died: when a pool is nearly full, what is moved only makes room elsewhere. */
	readonly cleanedInVain: number;
	/** Two checkpoints would know of more: of what has died, or of segments that can't be cleaned before. */
	readonly isUnsettled: boolean;
	/** Whether there is history that may be given up. */
	readonly hasHistory: boolean;
}

export const Next = {
	nothing: "nothing",
	clean: "clean",
	checkpoint: "checkpoint",
	giveUp: "give up history",
	refuse: "refuse",
} as const;
export type Next = (typeof Next)[keyof typeof Next];

/** More than this living in a slot, and cleaning it is hardly worth it; when nothing else is left, a tenth is: so a pool offers nine. */
const WORTH_IT = 0.75 * SEGMENT_SECTORS;
const ANY_GAIN = 0.9 * SEGMENT_SECTORS;

const IN_VAIN_MAX = 8;

export function nextStep(standing: Standing): Next {
	const { free, reserve, waiting, isUnsettled, hasHistory } = standing;
	const emptiest = standing.cleanedInVain < IN_VAIN_MAX ? standing.emptiest : undefined;
	const left = free - reserve;
	if (left >= AHEAD) return Next.nothing;
	if (emptiest !== undefined && emptiest <= WORTH_IT && left + waiting < AHEAD) return Next.clean;
	if (left > 0 && waiting === 0) return Next.nothing;
	if (waiting > 0 || isUnsettled) return Next.checkpoint;
	if (emptiest !== undefined && emptiest <= ANY_GAIN) return Next.clean;
	return hasHistory ? Next.giveUp : Next.refuse;
}

/** Whether a write may be taken; if not, it waits, unless `nextStep` says that it is refused. */
export function mayWrite({ free, reserve }: Pick<Standing, "free" | "reserve">): boolean {
	return free > reserve;
}
