/**
 * Lists of thousands in pages: which part of one is asked for, and where the next begins. Used by the routes that answer with lists.
 */

import { z } from "zod";

export const PAGE = 1000;
const PAGE_MAX = 10_000;

/** A whole number in an address. */
export const wholeNumber = (max: number, what: string) =>
	z
		.string()
		.regex(/^\d{1,15}$/, "a whole number is expected")
		.transform(Number)
		.refine((value) => value <= max, `at most ${max}`)
		.meta({ description: what });

export const flag = (what: string) =>
	z
		.enum(["true", "false"])
		.transform((value) => value === "true")
		.optional()
		.meta({ description: what });

export const paging = {
	offset: wholeNumber(Number.MAX_SAFE_INTEGER, "How many to leave out at the beginning").optional(),
	limit: wholeNumber(PAGE_MAX, `How many at most; default ${PAGE}`).optional(),
};

export function pageOf<T>(
	all: readonly T[],
	{ offset = 0, limit = PAGE }: { offset?: number | undefined; limit?: number | undefined },
): { page: T[]; total: number; next: string | null } {
	const end = offset + limit;
	return { page: all.slice(offset, end), total: all.length, next: end < all.length ? String(end) : null };
}
