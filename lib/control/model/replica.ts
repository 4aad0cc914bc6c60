/** How a replica of a pool stands, as the API tells it of the pool that it follows: a part of `pool.ts`. */

import { z } from "zod";
import { REPLICA_STANDINGS } from "../../pool/stored-look.js";
import { bytes, count, moment, seconds, text } from "./units.js";

const side = (where: string) =>
	z
		.object({
			bytes: bytes(`What was written ${where} since`),
			seconds: seconds("Until how long after what both have"),
		})
		.nullable();

export const replica = z.object({
	name: text("Where it is"),
	lagBytes: bytes("What it lacks"),
	lagSeconds: seconds("For how long the oldest of that has been there"),
	sentBytes: bytes("What was sent there since the pool was opened"),
	givenUp: count("Cuts that were given up, as the pool wanted the space of what they had still to read"),
	state: z.enum(REPLICA_STANDINGS).meta({
		description:
			"promoted: it is a pool of its own, and nothing was written there since; behind: something was, and nothing here; split: both have gone on",
	}),
	promoted: z
		.object({
			by: text("The host that has done it"),
			since: moment("When, by its clock").nullable(),
			here: side("here"),
			there: side("there"),
		})
		.nullable()
		.meta({ description: "How it was promoted; null: it was not, or was given back" }),
	trouble: text("What does not get on; null: all does").nullable(),
});
