/** What is kept of a pool's past, as options of `vblade pool create`: the keys of `[pool.NAME]`; and what `vblade pool set` can say of one. Used by `pool.ts`. */

import type { z } from "zod";
import { OperatorError } from "../../errors.js";
import type { CommandLine } from "../../spec/getopt.js";
import type { PoolSettings } from "../../spec/policy.js";
import { keptOf } from "../../spec/pools.js";
import { poolSchema } from "../../spec/schema.js";
import { poolChangeSchema } from "../../spec/volume-schema.js";
import { quote } from "../../text.js";
import { readSettings } from "../asking/settings.js";

export const PAST_OPTIONS = ["history", "history-space", "history-min", "keep"] as const;

/** Throws an OperatorError. */
export function readPoolSettings(
	line: Pick<CommandLine<(typeof PAST_OPTIONS)[number]>, "all">,
): PoolSettings {
	for (const text of line.all("keep"))
		if (!text.includes("="))
			throw new OperatorError(`keep ${quote(text)}: PERIOD=TIME is allowed, as in hourly=7d`);
	const words = PAST_OPTIONS.flatMap((name) =>
		line.all(name).map((text) => `${name.replace("-", "_")}${name === "keep" ? "." : "="}${text}`),
	);
	return keptOf(poolSchema.parse(readSettings(words, false, poolSchema)));
}

/** `clock=trusted`: what can be said of one that there is. Throws an OperatorError. */
export function readPoolChange(words: readonly string[]): z.output<typeof poolChangeSchema> {
	return poolChangeSchema.parse(readSettings(words, false, poolChangeSchema, "clock=trusted"));
}
