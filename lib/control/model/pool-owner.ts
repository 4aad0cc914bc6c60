/** Who has a pool in an object store, as the API has that: takeovers and handovers. */

import { z } from "zod";
import { bytes, count, text } from "./units.js";

export const PoolTakeover = z
	.union([
		z.strictObject({
			loseBytes: bytes(
				"How much of what another host has acknowledged, and not brought to the store, may be lost: at least what the pool says",
			),
		}),
		z.strictObject({
			forgetEpoch: count(
				"What was given up of that epoch is not kept any more for the host that has it: the epoch of its owner",
			),
		}),
	])
	.meta({ id: "PoolTakeover" });

export const PoolHandover = z
	.object({
		pool: text("Its name in the configuration"),
		to: text("The host that has it now"),
		epoch: count("By which epoch"),
		pauseSeconds: z
			.number()
			.meta({ description: "For how long nobody was answered, until that host had opened it" }),
		isOpen: z
			.boolean()
			.meta({ description: "That host was seen to have opened it; false: not within some seconds" }),
	})
	.meta({ id: "PoolHandover" });
export type PoolHandover = z.infer<typeof PoolHandover>;
