/** How a pool in an object store stands with that, as the API shows it. Used by `pool.ts`. */

import { z } from "zod";
import { bytes, count, seconds, text } from "./units.js";

export const stored = z.object({
	store: text("The store: what it is and where"),
	head: text("Where its superblock is"),
	unshippedBytes: bytes("What was written and is only on this host"),
	unshippedSeconds: seconds("For how long the oldest of that has been"),
	objects: count("Objects that it consists of"),
	storedBytes: bytes("What these have in all"),
	fetchedBytes: bytes("What was fetched of them since it was opened"),
	leaseSeconds: seconds(
		"For how long this host may acknowledge writes without an answer from where the superblock is",
	).nullable(),
	requests: z
		.array(z.object({ op: text("Kind of request"), count: count("So many ended since it was opened") }))
		.meta({ description: "Requests to the store and to where the superblock is" }),
	trouble: text("What does not get on; null: all does").nullable(),
	lost: z
		.array(
			z.object({
				epoch: count("Of the owner who had acknowledged it"),
				bytes: bytes("So much, at most"),
				seconds: seconds("Of so long"),
			}),
		)
		.meta({ description: "What was given up at takeovers, and is kept for the hosts that have it" }),
	isReplicaOf: text("A replica that can only be read: of which pool; null: it is none").nullable(),
});
