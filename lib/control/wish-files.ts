/**
 * Where a wish comes from and where it is kept: the files that the opener reads, `runtime.toml`, which people may read too, and, for
 * all else, `wish.json`, so that this process, started again while workers serve, goes on with what they serve, whatever has become of the files.
 * Used by `desired.ts`.
 */

import { isDeepStrictEqual } from "node:util";
import { DamagedError, OperatorError } from "../errors.js";
import { type DamageTeller, putAside, readKept } from "./damage.js";
import type { Opener } from "./seams.js";
import { RUNTIME_FILE, type Wish } from "./wish.js";

type WishKeeper = Opener & DamageTeller;

const WISH_FILE = "wish.json";
/** As it was before it was last written. */
const RUNTIME_COPY = "runtime.toml.before";
const NOTHING: Partial<Wish> = {};

/** What the files say now. */
export async function wishOfFiles(opener: WishKeeper): Promise<Wish> {
	const [sources, runtime] = await Promise.all([opener.readSources(), runtimeIn(opener)]);
	return { sources, runtime, overrides: {} };
}

/** Text of `runtime.toml`; if that can't be read, that of before. */
async function runtimeIn(opener: WishKeeper): Promise<string> {
	try {
		const bytes = await opener.kept(RUNTIME_FILE);
		return bytes === undefined ? "" : textOf(bytes);
	} catch (error) {
		if (!(error instanceof DamagedError)) throw error;
		const aside = await putAside(opener, RUNTIME_FILE);
		const copy = await opener.kept(RUNTIME_COPY).catch(unlessBug);
		const told = `what commands have added was damaged (${error.message}): ${aside}`;
		opener.damaged(
			`${told}; ${copy ? "its copy counts, without what was last changed" : "nothing of it is left"}`,
		);
		const text = copy ? textOf(copy) : "";
		await opener.keep(RUNTIME_FILE, bytesOf(text)).catch(unlessBug);
		return text;
	}
}

/** What was last wished for, if that is known: what can't be understood is not, and the files count. */
export async function keptWish(opener: WishKeeper): Promise<Wish | undefined> {
	try {
		const wish = await readKept(opener, WISH_FILE, wishIn);
		return wish && { ...wish, runtime: await runtimeIn(opener) };
	} catch (error) {
		if (!(error instanceof DamagedError)) throw error;
		const aside = await putAside(opener, WISH_FILE);
		opener.damaged(`what runs was damaged (${error.message}): ${aside}; what the files say counts`);
		return undefined;
	}
}

/**
 * Resolves when it is on stable storage, by `keep`. A change is in one of the two files, never in both: one that can't be kept is nowhere,
 * also after a restart.
 */
export async function keepWish(keep: Opener["keep"], wish: Wish, before: Wish | undefined): Promise<void> {
	if (before !== undefined && before.runtime !== wish.runtime)
		await keep(RUNTIME_FILE, bytesOf(wish.runtime));
	const { runtime: _, ...rest } = wish;
	const { runtime: __, ...last } = before ?? NOTHING;
	if (!isDeepStrictEqual(last, rest)) await keep(WISH_FILE, bytesOf(JSON.stringify(rest)));
}

/** Throws whatever there is to throw if it is none. */
function wishIn(text: string): Omit<Wish, "runtime"> {
	const { sources, overrides } = JSON.parse(text) as Wish;
	const isKnown =
		[...sources.files, ...sources.debian].every((file) => typeof file.text === "string") &&
		Object.values(overrides).every((each) => typeof each === "object");
	if (!isKnown) throw new DamagedError(`${WISH_FILE}: is not what was kept`);
	return { sources, overrides };
}

function textOf(bytes: Uint8Array): string {
	return new TextDecoder().decode(bytes);
}

function bytesOf(text: string): Uint8Array {
	return new TextEncoder().encode(text);
}

/** What can't be kept is told by whoever keeps it. */
function unlessBug(error: unknown): void {
	if (!(error instanceof OperatorError)) throw error;
}
