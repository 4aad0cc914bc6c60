/**
 * What is set of a volume, or a pool, as `vblade volume set`, `vblade pool set` and the API take it: what is kept of it, and how much it may hold. Used by
 * `lib/control/` and `lib/cli/`.
 */

import { z } from "zod";
import { readQuota, type SettingsChange } from "./policy.js";
import { historyTime as history, keepKeys, keepSchema } from "./schema.js";
import { text } from "./understood.js";

const quota = text(readQuota);

/** What is kept of a volume, and how much it may hold. */
export const volumeSchema = z.strictObject({ history, keep: keepSchema, quota }).partial();

/** Changes of that: null takes a key away. */
export const volumePatchSchema = z
	.strictObject({
		history: history.nullable(),
		keep: z
			.strictObject({
				hourly: keepKeys.hourly.nullable(),
				daily: keepKeys.daily.nullable(),
				weekly: keepKeys.weekly.nullable(),
			})
			.partial()
			.nullable(),
		quota: quota.nullable(),
	})
	.partial();

/** What can be said of a pool that a running daemon has, or that is at a path, as `vblade pool set` and the API take it. */
export const poolChangeSchema = z
	.strictObject({
		clock: z.literal("trusted", { error: 'only "trusted" is allowed' }).meta({
			description: "trusted: it is right, although it has jumped by more than a day",
		}),
	})
	.partial();

/** As pools take them. */
export function settingsChange({ history, keep, quota }: z.output<typeof volumePatchSchema>): SettingsChange {
	return {
		...(history !== undefined && { historySeconds: history }),
		...(keep !== undefined && { keep }),
		...(quota !== undefined && { quotaBytes: quota }),
	};
}
