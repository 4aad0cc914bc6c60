/**
 * Where a wish comes from and where it is kept: the files that the opener reads, `runtime.toml`, which people may read too, and, for
 * all else, `wish.json`, so that this process, started again while workers serve, goes on with what they serve, whatever has become of the files.
 * Used by `desired.ts`.
 */

import { isDeepStrictEqual } from "node:util";
import type { Opener } from "./seams.js";
import { RUNTIME_FILE, type Wish } from "./wish.js";

const WISH_FILE = "wish.json";
const NOTHING: Partial<Wish> = {};

/** What the files say now. */
export async function wishOfFiles(opener: Opener): Promise<Wish> {
	const [sources, runtime] = await Promise.all([opener.readSources(), keptRuntime(opener)]);
	return { sources, runtime, overrides: {} };
}

async function keptRuntime(opener: Opener): Promise<string> {
	const bytes = await opener.kept(RUNTIME_FILE);
	return bytes === undefined ? "" : textOf(bytes);
}

/** What was last wished for, if that is known: what can't be understood is not, and the files count. */
export async function keptWish(opener: Opener): Promise<Wish | undefined> {
	const bytes = await opener.kept(WISH_FILE);
	try {
		const { sources, overrides } = JSON.parse(textOf(bytes ?? new Uint8Array(0))) as Wish;
		const isKnown =
			[...sources.files, ...sources.debian].every(({ text }) => typeof text === "string") &&
			Object.values(overrides).every((each) => typeof each === "object");
		return isKnown ? { sources, runtime: await keptRuntime(opener), overrides } : undefined;
	} catch {
		return undefined;
	}
}

/**
 * Resolves when it is on stable storage. A change is in one of the two files, never in both: one that can't be kept is nowhere, also
 * after a restart.
 */
export async function keepWish(opener: Opener, wish: Wish, before: Wish | undefined): Promise<void> {
	if (before !== undefined && before.runtime !== wish.runtime)
		await opener.keep(RUNTIME_FILE, bytesOf(wish.runtime));
	const { runtime: _, ...rest } = wish;
	const { runtime: __, ...last } = before ?? NOTHING;
	if (!isDeepStrictEqual(last, rest)) await opener.keep(WISH_FILE, bytesOf(JSON.stringify(rest)));
}

function textOf(bytes: Uint8Array): string {
	return new TextDecoder().decode(bytes);
}

function bytesOf(text: string): Uint8Array {
	return new TextEncoder().encode(text);
}
