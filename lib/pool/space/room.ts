/**
 * What is done when slots become scarce, and when a write is refused: first cleaning or one more file, then history from its oldest end, and only if
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
/** A small pool does with less: one for each of these. */
const SMALL = 3;
const SHARE_MAX = 0.25;
/**
 * So many are left beyond the reserve after cleaning, which begins when half of them are: what it empties comes back by one checkpoint, which
 * stores the map of all that was written since the one before. Of a small pool few, of a large one more.
 */
const AHEAD = 16;
const AHEAD_MAX = 1024;

function aheadOf(slots: number): number {
	return Math.max(Math.min(AHEAD, slots / 8), Math.min(AHEAD_MAX, slots / 32));
}

/** With fewer that are free, or less than half the reserve, nothing is cleaned while slots wait, so that a checkpoint can still be stored. */
const SETTLES_BELOW = 3;

/** What two checkpoints store, at most: `entries` of an overlay, mapped pages, bytes of the table of segments. */
export function checkpointBytes(entries: number, pages: number, tableBytes: number): number {
	const leaves = Math.min(entries, Math.ceil(pages / LEAF_PAGES));
	return CHECKPOINTS * leaves * LEAF_BYTES + tableBytes;
}

/** What those have already who are to be served from the reserve. */
export interface Held {
	/** The log has a slot to go on in. */
	readonly hasNext: boolean;
	/** Slots that have nodes. Two are enough to go on: what lives of a full one goes behind what the other has. */
	readonly nodeSlots: number;
	/** What two checkpoints store has room where nodes go. */
	readonly hasNodeRoom: boolean;
	/** Sectors that have room where moved pages go. */
	readonly targetSectors: number;
}

/**
 * Of so many slots that no write gets. Of a small pool what is held counts, and one is left that cleaning and nodes take by turns and give back: what
 * has room where pages were moved is nobody's when the pool is opened again.
 */
export function reserveSlots(slots: number, storedBytes: number, { hasNext, nodeSlots }: Held): number {
	const wanted = SLOTS_AT_LEAST + Math.ceil(storedBytes / SEGMENT_BYTES);
	const most = Math.max(SMALL, Math.floor(slots * SHARE_MAX)) - count(hasNext, nodeSlots > 1);
	return Math.min(wanted, most);
}

function count(...held: boolean[]): number {
	return held.filter(Boolean).length;
}

/** Slots that cleaning takes before it gives any: one for what is moved, one for the checkpoints by which the emptied one comes back. */
export function cleaningTakes(liveSectors: number, { targetSectors, hasNodeRoom }: Held): number {
	return 2 - count(liveSectors <= targetSectors, hasNodeRoom);
}

export interface Standing {
	/** All slots; those that can be written to, and how many of them writes don't get. */
	readonly slots: number;
	readonly free: number;
	readonly reserve: number;
	readonly held: Held;
	/** Slots that are free, and held back for somebody who still reads them (`PoolFolder.freed`). */
	readonly heldBack: number;
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
	/** There may be more slots than there are. */
	readonly canGrow: boolean;
	/** Segments that were written since the last checkpoint: what has died since is not known. */
	readonly untold: number;
	/** How much of the slots that are used lives, up to 1. */
	readonly liveShare: number;
	/** With less than so many that writes may take it grows: more takes some time to be made. With less than so many at all in any case: it is new. */
	readonly growsBelow: number;
}

export const Next = {
	nothing: "nothing",
	grow: "grow",
	clean: "clean",
	checkpoint: "checkpoint",
	/** Another slot for nodes is begun, and what lives of those before goes behind what is in the one that was filled. */
	renewNodes: "renew nodes",
	giveUp: "give up history",
	/** Slots that somebody else still reads are taken from him. */
	endHolds: "end holds",
	refuse: "refuse",
} as const;
export type Next = (typeof Next)[keyof typeof Next];

/** More than this living in a slot, and cleaning it is hardly worth it; when nothing else is left, a tenth is: so a pool offers nine. */
const WORTH_IT = 0.75 * SEGMENT_SECTORS;
const ANY_GAIN = 0.9 * SEGMENT_SECTORS;
/** So little is moved even before history is given up, with the last slots. */
const NEARLY_EMPTY = 0.25 * SEGMENT_SECTORS;

/** A tenth of a slot each is one after ten, of which what checkpoints store takes its part. */
const IN_VAIN_MAX = 24;

/** Where less lives cleaning gives enough, and no more is asked of the file system. */
const GROWS_FROM = 0.5;

/** Whether there are as many slots as are wanted: then the rest of how things stand does not matter. */
export function isEnough({ slots, free, reserve }: Pick<Standing, "slots" | "free" | "reserve">): boolean {
	return free - reserve > aheadOf(slots) / 2;
}

/** More than would be made by cleaning and by giving up history: somebody has made room. */
export function isPlenty({ slots, free, reserve }: Pick<Standing, "slots" | "free" | "reserve">): boolean {
	return free - reserve > aheadOf(slots);
}

export function nextStep(standing: Standing): Next {
	const { free, reserve, waiting, untold, isUnsettled, hasHistory, canGrow } = standing;
	const left = free - reserve;
	if (canGrow && standing.slots < standing.growsBelow) return Next.grow;
	if (canGrow && left < standing.growsBelow && standing.liveShare >= GROWS_FROM && left > 0) return Next.grow;
	if (isEnough(standing)) return Next.nothing;
	const { hasNodeRoom, nodeSlots } = standing.held;
	if (!hasNodeRoom && nodeSlots > 1 && free > 0 && free < SETTLES_BELOW) return Next.renewNodes;
	const ahead = aheadOf(standing.slots);
	const emptiest = mayClean(standing) ? standing.emptiest : undefined;
	if (waiting > 0 && free < Math.max(SETTLES_BELOW, reserve / 2)) return Next.checkpoint;
	if (canGrow && standing.liveShare >= GROWS_FROM) return Next.grow;
	// (Writes need some now.)
	if (left < ahead / 8 && waiting >= ahead / 4) return Next.checkpoint;
	// (Segments are emptier than they look.)
	if (untold >= ahead && isUnsettled) return Next.checkpoint;
	if (emptiest !== undefined && emptiest <= WORTH_IT && left + waiting < ahead) return Next.clean;
	if (left > 0 && waiting === 0) return Next.nothing;
	if (waiting > 0 || isUnsettled) return Next.checkpoint;
	if (emptiest !== undefined && emptiest <= ANY_GAIN) return Next.clean;
	if (canGrow) return Next.grow;
	if (standing.heldBack > 0) return Next.endHolds;
	return hasHistory ? Next.giveUp : Next.refuse;
}

/** Whether cleaning has what it takes. (As long as there is history that is given up before the last slot goes for that, unless it takes little.) */
function mayClean({ free, held, emptiest, hasHistory, cleanedInVain }: Standing): boolean {
	if (emptiest === undefined || cleanedInVain >= IN_VAIN_MAX) return false;
	const left = hasHistory && emptiest > NEARLY_EMPTY ? 1 : 0;
	return free >= cleaningTakes(emptiest, held) + left;
}

/** Whether a write may be taken; if not, it waits, unless `nextStep` says that it is refused. */
export function mayWrite({ free, reserve }: Pick<Standing, "free" | "reserve">): boolean {
	return free > reserve;
}
