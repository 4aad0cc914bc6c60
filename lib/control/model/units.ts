/**
 * Kinds of value that many schemas of the API have: counts, times, addresses. Each says its unit and range, which goes into the
 * OpenAPI document. Used by the other files of this folder.
 */

import { z } from "zod";

/** Whole and never negative; exact up to 2^53. */
export const count = (what: string) => z.number().int().nonnegative().meta({ description: what });

/** A count that only grows, from the start of the worker that serves the disk. */
export const total = (what: string) => count(`${what}, since the worker was started`);

export const bytes = (what: string) =>
	z
		.number()
		.int()
		.nonnegative()
		.meta({ description: `${what}, in bytes` });

export const seconds = (what: string) =>
	z
		.number()
		.nonnegative()
		.meta({ description: `${what}, in seconds` });

export const perSecond = (what: string) =>
	z
		.number()
		.nonnegative()
		.meta({ description: `${what} per second, over the last seconds` });

/** ISO 8601 with milliseconds, in UTC. */
export const moment = (what: string) =>
	z.iso.datetime({ precision: 3 }).meta({ description: `${what}: ISO 8601, UTC` });

export const text = (what: string) => z.string().meta({ description: what });

/** Of answers to changes. */
export const notice = text(
	"What is to be known of the change that this is the answer to; left out: nothing, or it is the answer to none",
).optional();

export const mac = z
	.string()
	.regex(/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/)
	.meta({ description: "A MAC address", example: "02:00:00:00:00:01" });

/** What a disk is called, in files, commands and addresses of the API. */
export const diskName = z
	.string()
	.regex(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/)
	.meta({
		description:
			"The name of a disk: letters, digits, `-`, `_` and `.`, at most 64, not beginning with `-` or `.`",
		example: "web",
	});
