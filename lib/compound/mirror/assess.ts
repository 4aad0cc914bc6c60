/**
 * Which of a mirror's members is newest, which ones lack what, and whether that can be known at all: a pure function of what their
 * superblocks say. Asked by `open.ts` when a mirror is opened, and by `returns.ts` when one member comes back.
 *
 * Each change of who is in sync is a generation with an id of chance, written on all members that are in sync in it before anything is
 * acknowledged that others lack. A superblock says of every member which generation that one's own superblock has (`confirmed`), or may
 * have if writing it was not seen to succeed (`attempted`). So a member is *known* to another one if its id is one of these two: then it is
 * where the other left it, and has not gone on by itself. The newest is the one that knows all others that claim to be in sync; two that
 * don't know each other have both gone on, and nobody but the operator can say which one counts.
 */

import { type MemberEntry, OVERWRITE_ID, type Superblock } from "./format.js";

/** What was found at a place of a mirror. */
export type View =
	/** There is no device at present, or it can't be read. */
	| { readonly kind: "absent" }
	/** No superblock. `isEmpty`: its first and last MiB are zeros. */
	| { readonly kind: "blank"; readonly isEmpty: boolean }
	| { readonly kind: "damaged" }
	| { readonly kind: "foreign"; readonly format: number }
	/** A superblock that can't be this mirror's: of another mirror, of a member that is smaller than it says, or the second of its kind. */
	| { readonly kind: "misplaced"; readonly reason: string }
	/** `isHalf`: one of its copies could not be read, which may be of another generation. */
	| { readonly kind: "superblock"; readonly superblock: Superblock; readonly isHalf?: boolean };

/** What becomes of a member that is not in sync from the beginning. */
export type Standing =
	/** In sync, as far as no writes were under way. */
	| { readonly kind: "inSync" }
	/** It lacks what its bitmap says. */
	| { readonly kind: "behind" }
	/** It is to be copied as a whole. */
	| { readonly kind: "whole" }
	| { readonly kind: "absent" }
	/** It takes no part until the operator says that it may be overwritten. */
	| { readonly kind: "refused"; readonly reason: string };

export type Assessment =
	| { readonly kind: "create"; readonly source: number }
	| { readonly kind: "open"; readonly leader: number; readonly standings: readonly Standing[] }
	| { readonly kind: "refuse"; readonly why: Refusal; readonly text: string };

export type Refusal = "new" | "unknown" | "other" | "divergent" | "missing" | "none";

export interface AssessOptions {
	/** The operator says that this member counts, whatever the others claim. */
	readonly from?: number;
	/** The operator says that the mirror may go on without members that may be newer. */
	readonly degraded?: boolean;
}

/**
 * @param views by place; a superblock is at the place that it names
 * @param names what the operator calls the members
 */
export function assess(
	views: readonly View[],
	names: readonly string[],
	options: AssessOptions = {},
): Assessment {
	const { from, degraded = false } = options;
	if (from !== undefined) return openFrom(views, names, from);
	const unknown = views.findIndex(({ kind }) => kind === "foreign");
	if (unknown >= 0) return refuse("unknown", reasonAgainst(views[unknown]!, names[unknown]!));
	const misplaced = views.findIndex(({ kind }) => kind === "misplaced");
	if (misplaced >= 0) return refuse("other", reasonAgainst(views[misplaced]!, names[misplaced]!));
	if (!views.some(({ kind }) => kind === "superblock")) return assessNew(views, names);

	const claims = indexes(views, claimsSync);
	if (claims.length === 0)
		return refuse("none", "no member is here that was in sync: say which one counts with `from`");
	const newest = claims.filter((leader) => claims.every((other) => knows(views, leader, other)));
	// Rather one of which all is known: see `certain`.
	const leader = newest.find((index) => !isHalf(views[index]!)) ?? newest[0];
	if (leader === undefined) {
		const [one = 0, other = 0] = strangers(views, claims);
		const both = `${names[one]} and ${names[other]}`;
		return refuse(
			"divergent",
			`${both} have both gone on without the other, or one is an older copy: say which one counts with \`from\``,
		);
	}
	const { entries } = superblockOf(views[leader]!)!;
	const missing = entries.findIndex(({ inSync, uuid }, i) => inSync && uuidOf(views[i]) !== uuid);
	if (missing >= 0 && !degraded)
		return refuse(
			"missing",
			`${names[missing] ?? `member ${missing}`} was in sync and is not here (${kindText(views[missing]!)}): it may be newer; \`degraded\` goes on without it`,
		);
	return {
		kind: "open",
		leader,
		standings: views.map((view, i) => (i === leader ? { kind: "inSync" } : standingOf(entries[i], view))),
	};
}

/** Nobody has a superblock. */
function assessNew(views: readonly View[], names: readonly string[]): Assessment {
	const full = views.findIndex((view) => view.kind === "blank" && !view.isEmpty);
	if (full >= 0)
		return refuse(
			"new",
			`${names[full]} is not empty, and is no member of a mirror yet: say which one counts with \`from\`; the others, and its last MiB, will be overwritten`,
		);
	const damaged = views.findIndex(({ kind }) => kind === "damaged");
	if (damaged >= 0) return refuse("unknown", reasonAgainst(views[damaged]!, names[damaged]!));
	const absent = views.findIndex(({ kind }) => kind === "absent");
	if (absent >= 0)
		return refuse("missing", `${names[absent]} is not here: a new mirror begins with all its members`);
	return { kind: "create", source: 0 };
}

function openFrom(views: readonly View[], names: readonly string[], from: number): Assessment {
	const view = views[from]!;
	switch (view.kind) {
		case "blank":
			// Whoever has a superblock is another matter than a new mirror.
			if (views.every(({ kind }) => kind === "blank")) return { kind: "create", source: from };
			return refuse("new", `${names[from]} is no member of the mirror that the others are of`);
		case "absent":
		case "damaged":
		case "foreign":
		case "misplaced":
			return refuse("unknown", reasonAgainst(view, names[from]!));
		case "superblock": {
			const { entries } = view.superblock;
			// What was being copied to is like nobody else: it knows whom it knew, but not what they have that it has not.
			const isWhole = claimsSync(view);
			const standings = views.map((other, i): Standing => {
				if (i === from) return { kind: "inSync" };
				const standing = standingOf(entries[i], other);
				if (!isWhole && (standing.kind === "inSync" || standing.kind === "behind")) return { kind: "whole" };
				// That it would be overwritten was said with `from`; but not that another mirror's member would be.
				return superblockOf(other) !== undefined && standing.kind === "refused"
					? { kind: "whole" }
					: standing;
			});
			return { kind: "open", leader: from, standings };
		}
	}
}

/**
 * How a member stands to those who are in sync. `entry` is what they say of it; undefined if they have never heard of it.
 */
export function standingOf(entry: MemberEntry | undefined, view: View): Standing {
	switch (view.kind) {
		case "absent":
			return { kind: "absent" };
		case "blank":
			if (view.isEmpty || entry?.confirmed === OVERWRITE_ID) return { kind: "whole" };
			return { kind: "refused", reason: "is not empty and has no superblock" };
		case "damaged":
		case "foreign":
		case "misplaced":
			return { kind: "refused", reason: reasonOf(view) };
		case "superblock": {
			if (entry === undefined || uuidOf(view) !== entry.uuid)
				return { kind: "refused", reason: "is not the member that belongs here" };
			const isKnown = view.superblock.id === entry.confirmed || view.superblock.id === entry.attempted;
			const claims = claimsSync(view);
			if (isKnown) return entry.inSync && claims ? { kind: "inSync" } : { kind: "behind" };
			// A copy that was never finished has nothing to lose.
			if (!claims) return { kind: "whole" };
			return { kind: "refused", reason: "has gone on without the others, or is an older copy" };
		}
	}
}

function claimsSync(view: View): boolean {
	const superblock = superblockOf(view);
	return superblock?.entries[superblock.index]?.inSync === true;
}

function isHalf(view: View): boolean {
	return view.kind === "superblock" && view.isHalf === true;
}

export function superblockOf(view: View | undefined): Superblock | undefined {
	return view?.kind === "superblock" ? view.superblock : undefined;
}

function uuidOf(view: View | undefined): string | undefined {
	const superblock = superblockOf(view);
	return superblock?.entries[superblock.index]?.uuid;
}

/** `one` has somebody else in the place of `other`: the operator has said so once. */
function hasReplaced(views: readonly View[], one: number, other: number): boolean {
	return superblockOf(views[one])?.entries[other]?.uuid !== uuidOf(views[other]);
}

/** `one`'s superblock knows that of `other`: it is where `one` left it, or `one` itself, or does not count any more. */
function knows(views: readonly View[], one: number, other: number): boolean {
	if (one === other) return true;
	if (hasReplaced(views, one, other)) return !hasReplaced(views, other, one);
	const mine = superblockOf(views[one]);
	const its = superblockOf(views[other]);
	const entry = mine?.entries[other];
	return entry !== undefined && its !== undefined && [entry.confirmed, entry.attempted].includes(its.id);
}

/** Two that don't know each other. */
function strangers(views: readonly View[], claims: readonly number[]): number[] {
	for (const one of claims)
		for (const other of claims)
			if (!knows(views, one, other) && !knows(views, other, one)) return [one, other];
	return claims.slice(0, 2);
}

function indexes(views: readonly View[], isMeant: (view: View) => boolean): number[] {
	return views.flatMap((view, i) => (isMeant(view) ? [i] : []));
}

function refuse(why: Refusal, text: string): Assessment {
	return { kind: "refuse", why, text };
}

function reasonOf(view: View): string {
	switch (view.kind) {
		case "foreign":
			return `has a superblock of format ${view.format}, which this version does not know`;
		case "damaged":
			return "has a superblock of which both copies are damaged";
		case "misplaced":
			return view.reason;
		case "absent":
			return "is not here";
		case "blank":
			return "has no superblock";
		case "superblock":
			return "is a member";
	}
}

function reasonAgainst(view: View, name: string): string {
	return `${name} ${reasonOf(view)}`;
}

function kindText(view: View | undefined): string {
	switch (view?.kind) {
		case undefined:
		case "absent":
			return "no device";
		case "blank":
			return "a device without a superblock";
		case "damaged":
			return "its superblock is damaged";
		case "foreign":
		case "misplaced":
		case "superblock":
			return "another one is in its place";
	}
}
