/**
 * What a stream says of itself in its first frame: which snapshot it is of, what it is the difference to, and what the volume is like. Written
 * by `stream-writer.ts`, read and checked by `stream-reader.ts`.
 */

import { createHash } from "node:crypto";
import * as z from "zod";

const Name = z.string().min(1).max(255);
/** As a pool takes them: what can't be kept is to be refused before it is sent. */
const SnapshotName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,126}$/);
/** Which snapshot it is, in whatever pool it is kept and whatever it is called there. */
const Id = z.string().min(1).max(128);

const Snapshot = z.strictObject({ name: Name, id: Id });

export const StreamBegin = z.strictObject({
	pool: Name,
	volume: Name,
	/** What is sent; without a name it is a volume as it was at that time. */
	snapshot: z.strictObject({ name: SnapshotName.nullable(), id: Id }),
	/** The snapshot that the receiver has to have already; null: it is all sent. */
	base: Snapshot.nullable(),
	sizeBytes: z.int().min(512).multipleOf(512),
	pageBytes: z
		.int()
		.min(512)
		.max(256 * 1024),
});
export type StreamBegin = z.infer<typeof StreamBegin>;

/** Tells streams apart: the same for the same snapshot, and the same base. */
export function streamId({ snapshot, base, sizeBytes }: StreamBegin): Buffer {
	return createHash("sha256")
		.update(JSON.stringify([snapshot.id, base?.id ?? null, sizeBytes]))
		.digest();
}
