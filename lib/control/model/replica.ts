/** How a replica of a pool stands, as the API tells it of the pool that it follows: a part of `pool.ts`. */

import { z } from "zod";
import { bytes, count, seconds, text } from "./units.js";

export const replica = z.object({
	name: text("Where it is"),
	lagBytes: bytes("What it lacks"),
	lagSeconds: seconds("For how long the oldest of that has been there"),
	sentBytes: bytes("What was sent there since the pool was opened"),
	givenUp: count("Cuts that were given up, as the pool wanted the space of what they had still to read"),
	trouble: text("What does not get on; null: all does").nullable(),
});
