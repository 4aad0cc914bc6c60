/**
 * What pools know of object stores: objects of up to some MiB, written once by names that are never used again, and read in parts.
 * Implemented by `Objects` (`objects.ts`) on top of one of several backends (`backend.ts`). All of them pass
 * `lib/testing/object-conformance.ts`.
 */

import { invariant } from "../errors.js";

/** Objects are no longer: what is received of one is kept in memory until it is whole, of as many as are under way. */
export const OBJECT_MAX_BYTES = 16 * 1024 * 1024;
/** With the prefix of the store, if it has one. */
export const NAME_MAX_CHARACTERS = 200;

/** Bytes to be stored, one behind the other. They must not be changed until the call is over. */
export type Bytes = Buffer | readonly Buffer[];

/** `created`, or there already: with the `same` bytes, as after an answer that was lost, or with others. */
export type PutOutcome = "created" | "same" | "clash";

export interface ByteRange {
	readonly offset: number;
	readonly length: number;
}

/** What every call may be given. */
export interface Call {
	/** Ends the call at once, with the signal's reason. Of a change it is not known then whether it was done. */
	readonly signal?: AbortSignal | undefined;
	/** For all attempts together; each kind of store has its own. */
	readonly limitMs?: number | undefined;
}

export interface ReadCall extends Call {
	/** What was written last, of copies that differ: slower where a store has several. */
	readonly newest?: boolean;
}

export interface ListOptions {
	readonly prefix?: string;
	/** Only names behind this one, in the order of their characters. */
	readonly after?: string;
	/** At most so many, 1..1000. */
	readonly most?: number;
}

export interface Listed {
	readonly names: readonly string[];
	/** Where to go on (`after`); undefined: that was all. */
	readonly next: string | undefined;
}

/** All calls reject with an `ObjectError`, or with the reason of their signal. */
export interface ObjectStore {
	/** For people: what it is and where. */
	readonly name: string;
	/** Finds out whether the store is there and wants us, and makes the container if there is none. To be called first. */
	open(call?: Call): Promise<void>;
	/** Stores the bytes where there was nothing. Whatever it says, an object that was there is as it was. */
	put(name: string, bytes: Bytes, call?: Call): Promise<PutOutcome>;
	/** All of an object, or a range that has to be in it: shorter is `damaged`. */
	get(name: string, range?: ByteRange, call?: ReadCall): Promise<Buffer>;
	/** How many bytes the object has. */
	head(name: string, call?: ReadCall): Promise<number>;
	/** They are gone, or were. If it fails, some of them may be. */
	delete(names: readonly string[], call?: Call): Promise<void>;
	/** What the store thinks it has, which may be old: for people and for tidying, never for anything that has to be right. */
	list(options?: ListOptions, call?: Call): Promise<Listed>;
	/** Ends what is under way. */
	close(): Promise<void>;
}

const NAME =
	/^(?!.*(?:\/\/|\/\.{1,2}(?:\/|$)))(?!\.{1,2}(?:\/|$))[A-Za-z0-9._-](?:[A-Za-z0-9._/-]*[A-Za-z0-9._-])?$/;

/** Letters, digits and `._-`, in parts with a slash between them: what means the same in paths, addresses and XML. */
export function isObjectName(name: string): boolean {
	return name.length <= NAME_MAX_CHARACTERS && NAME.test(name);
}

/** Names are ours: another one is a defect of whoever made it. */
export function checkName(name: string): void {
	invariant(
		isObjectName(name),
		`no name of an object: ${JSON.stringify(name.slice(0, NAME_MAX_CHARACTERS + 1))}`,
	);
}
