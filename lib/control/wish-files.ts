/**
 * Where a wish comes from and where it is kept: the files that the opener reads, `runtime.toml`, which people may read too, and
 * `wish.json`, so that this process, started again while workers serve, goes on with what they serve, whatever has become of the files.
 * Used by `desired.ts`.
 */

import { isDeepStrictEqual } from "node:util";
import type { Opener } from "./seams.js";
import { RUNTIME_FILE, type Wish } from "./wish.js";

const WISH_FILE = "wish.json";

/** What the files say now. */
export async function wishOfFiles(opener: Opener): Promise<Wish> {
	const [sources, runtime] = await Promise.all([opener.readSources(), opener.kept(RUNTIME_FILE)]);
	return { sources, runtime: runtime ? textOf(runtime) : "", overrides: {} };
}

/** What was last wished for, if that is known: what can't be understood is not, and the files count. */
export async function keptWish(opener: Opener): Promise<Wish | undefined> {
	const bytes = await opener.kept(WISH_FILE);
	try {
		const { sources, runtime, overrides } = JSON.parse(textOf(bytes ?? new Uint8Array(0))) as Wish;
		const isKnown =
			[...sources.files, ...sources.debian].every(({ text }) => typeof text === "string") &&
			typeof runtime === "string" &&
			Object.values(overrides).every((each) => typeof each === "object");
		return isKnown ? { sources, runtime, overrides } : undefined;
	} catch {
		return undefined;
	}
}

/** Resolves when it is on stable storage: what has been added, and all of it. */
export async function keepWish(opener: Opener, wish: Wish, before: Wish | undefined): Promise<void> {
	if (before !== undefined && before.runtime !== wish.runtime)
		await opener.keep(RUNTIME_FILE, bytesOf(wish.runtime));
	if (!isDeepStrictEqual(before, wish)) await opener.keep(WISH_FILE, bytesOf(JSON.stringify(wish)));
}

function textOf(bytes: Uint8Array): string {
	return new TextDecoder().decode(bytes);
}

function bytesOf(text: string): Uint8Array {
	return new TextEncoder().encode(text);
}
