/**
 * Pools and their volumes as the API shows them, and what it takes to make and change a volume.
 */

import { z } from "zod";
import { poolChangeSchema, volumePatchSchema } from "../../spec/volume-schema.js";
import { replica } from "./replica.js";
import { stored } from "./stored.js";
import { bytes, count, moment, notice, text } from "./units.js";

const poolName = text("Its name in the configuration").meta({ example: "fast" });

export const Snapshot = z
	.object({
		name: text("Its name"),
		sizeBytes: bytes("Size of the volume then"),
		usedBytes: bytes("What it has mapped"),
		uniqueBytes: bytes("What only it has: removing it alone frees that"),
		clones: z
			.array(z.string())
			.meta({ description: "Volumes that began as it is, and share something with it still" }),
		created: moment("When it was made"),
		held: z.boolean().meta({ description: "It can't be removed until it is released" }),
	})
	.meta({ id: "Snapshot" });

/** As it is in lists. */
export const VolumeSummary = z
	.object({
		pool: poolName,
		name: text("Its name in the pool"),
		sizeBytes: bytes("Size"),
		pageBytes: bytes("What is mapped as a whole"),
		usedBytes: bytes("What is mapped"),
		uniqueBytes: bytes("Of that, what it alone has"),
		sharedBytes: bytes("Of that, what its snapshots or other volumes have, too"),
		historyBytes: bytes("What only moments have that are still kept"),
		created: moment("When it was made"),
		serial: text("What initiators know it by"),
		wwn: text("16 hexadecimal digits"),
		history: text("How far back each moment is kept; null: as in its pool").nullable(),
		keep: z.record(z.string(), z.string()).nullable().meta({
			description: "For how long snapshots are kept that are made by themselves; null: as in its pool",
		}),
		quotaBytes: bytes("What may be mapped; null: no quota").nullable(),
		disk: z.string().nullable().meta({ description: "The disk that serves it; null: none" }),
		momentsFrom: moment("The earliest moment that can be looked at"),
		snapshotCount: count("How many snapshots it has"),
	})
	.meta({ id: "VolumeSummary" });
export type VolumeSummary = z.infer<typeof VolumeSummary>;

export const Volume = VolumeSummary.extend({
	snapshots: z.array(Snapshot).meta({ description: "In the order in which they were made" }),
	notice,
}).meta({ id: "Volume" });
export type Volume = z.infer<typeof Volume>;

export const VolumeList = z
	.object({
		volumes: z.array(VolumeSummary),
		total: count("Volumes that match, also those that are not in this answer"),
		next: z.string().nullable().meta({ description: "`offset` of the page that follows" }),
		wrong: z.array(z.string()).meta({ description: "Pools that can't be looked into, a line each" }),
	})
	.meta({ id: "VolumeList" });
export type VolumeList = z.infer<typeof VolumeList>;

export const Pool = z
	.object({
		name: poolName,
		path: text(
			"Its directory, or device; `disks:` and its name if it is on disks, `store:` if it is in an object store",
		),
		reason: z.string().nullable().meta({
			description:
				"Why it can't be used, takes no changes any more, or stores no checkpoints; null: it is well",
		}),
		format: count("Number of its format").nullable(),
		id: count("By which it is told from others, and from copies of it").nullable(),
		volumes: count("How many it has").nullable(),
		sizeBytes: bytes("What it has for everything").nullable(),
		usedBytes: bytes("What somebody may still read").nullable(),
		historyBytes: bytes("Of that, what only moments have").nullable(),
		freeingBytes: bytes(
			"Of what is used, what was trimmed or removed and is still to be gone through, in the background",
		).nullable(),
		waitingBytes: bytes("What nobody reads any more, or not yet, and is not free").nullable(),
		freeBytes: bytes("What is left").nullable(),
		momentsFrom: moment("The earliest moment that can be looked at").nullable(),
		clockDoubt: z
			.object({ shows: moment("What it shows"), expected: moment("What it should by what has passed") })
			.nullable()
			.meta({ description: "Its clock is not believed; null: it is" }),
		unsure: z
			.array(z.object({ from: moment("From when"), to: moment("Until when") }))
			.nullable()
			.meta({ description: "When its clock was ahead and was set back: what was written has no sure time" }),
		disks: z
			.array(
				z.object({
					disk: text("Its name"),
					state: z.enum(["in use", "leaving", "missing"]).meta({
						description:
							"leaving: what it has is being moved to the others, and then it is none of them; missing: what it has can't be read",
					}),
					sizeBytes: bytes("What it has for the pool"),
					usedBytes: bytes("Of that, what files of the log have"),
					trouble: text("Why nothing is moved at the moment; null: it is, or need not be").nullable(),
				}),
			)
			.nullable()
			.meta({ description: "The disks that it is on; null: it is in a directory, or on a device" }),
		stored: stored
			.nullable()
			.meta({ description: "How it stands with its object store; null: it is in none" }),
		onlyRead: text(
			"That it can only be read, and why: it is a replica, or what was given up of a pool; null: it is neither",
		).nullable(),
		replicas: z
			.array(replica)
			.nullable()
			.meta({ description: "Copies of it elsewhere that follow it; null: it is not open" }),
		settings: z
			.object({
				history: text("How far back each moment is kept"),
				historySpace: text("What that may take: a share of the pool, or bytes"),
				historyMin: text("How far back it is kept even if writes must be refused for it"),
				keep: z.record(z.string(), z.string()).meta({
					description: "For how long snapshots are kept that are made by themselves, by period",
				}),
			})
			.nullable()
			.meta({ description: "What holds for volumes of which nothing else is set" }),
		notice,
	})
	.meta({ id: "Pool" });
export type Pool = z.infer<typeof Pool>;

export const PoolList = z.object({ pools: z.array(Pool) }).meta({ id: "PoolList" });
export type PoolList = z.infer<typeof PoolList>;

export const NewPool = z
	.strictObject({
		name: poolName,
		force: z.boolean().optional().meta({
			description:
				"Whatever its disks have is given up; without, they have to be empty. Of a pool in an object store nothing is",
		}),
	})
	.meta({ id: "NewPool" });

export const PoolDisk = z
	.strictObject({
		disk: text("The name of a disk"),
		force: z.boolean().optional().meta({
			description:
				"Whatever it has is given up: when it is added, or, when it is taken away, while it is missing",
		}),
	})
	.meta({ id: "PoolDisk" });

export const PoolDemotion = z
	.strictObject({
		loseBytes: bytes("How much of what was written to it since it was promoted may be lost").optional(),
	})
	.meta({ id: "PoolDemotion" });

export const PoolPatch = poolChangeSchema.meta({ id: "PoolPatch" });

export const NewVolume = z
	.strictObject({
		pool: poolName,
		name: text("Its name in the pool"),
		sizeBytes: bytes("Size: a multiple of 512. Of a clone: that of the snapshot").optional(),
		pageBytes: bytes(
			"What is mapped as a whole: a power of two from 512 to 262144. Default 4096, of a clone that of the volume",
		).optional(),
		of: text("What it is a clone of: VOLUME@SNAPSHOT or VOLUME@MOMENT, of the same pool").optional(),
	})
	.meta({ id: "NewVolume" });

export const VolumePatch = z
	.strictObject({
		name: text("Another name").optional(),
		...volumePatchSchema.shape,
		sizeBytes: bytes("Another size").optional(),
		shrink: z
			.boolean()
			.optional()
			.meta({ description: "It may become smaller: what is behind its end is lost" }),
		force: z.boolean().optional().meta({
			description:
				"With shrink, also of a volume that a disk serves: its initiators are cut off first, and find another WWN",
		}),
	})
	.meta({ id: "VolumePatch" });

/** One that is told of by itself. */
export const NamedSnapshot = Snapshot.extend({ pool: poolName, volume: text("Of which volume") }).meta({
	id: "NamedSnapshot",
});
export type NamedSnapshot = z.infer<typeof NamedSnapshot>;

export const SnapshotList = z
	.object({
		snapshots: z.array(NamedSnapshot),
		total: count("Snapshots that match, also those that are not in this answer"),
		next: z.string().nullable().meta({ description: "`offset` of the page that follows" }),
		notice,
	})
	.meta({ id: "SnapshotList" });
export type SnapshotList = z.infer<typeof SnapshotList>;

export const NewSnapshots = z
	.strictObject({
		names: z
			.array(text("POOL/VOLUME@SNAPSHOT"))
			.min(1)
			.max(4096)
			.meta({ description: "Several, of one pool: all of the same moment", example: ["fast/web@monday"] }),
		from: text("Of a copy: what `about` says of the snapshot that it is a copy of").optional(),
	})
	.meta({ id: "NewSnapshots" });

export const SnapshotPatch = z
	.strictObject({ held: z.boolean().meta({ description: "It can't be removed until it is released" }) })
	.meta({ id: "SnapshotPatch" });

export const Rollback = z
	.strictObject({
		to: text("A snapshot of the volume, or a moment").meta({ example: "monday" }),
		force: z.boolean().optional().meta({
			description:
				"Also of a volume that a disk serves: its initiators are cut off first, and find another WWN",
		}),
	})
	.meta({ id: "Rollback" });

export const VolumeAbout = z
	.object({
		name: text("What it can be asked about by: a snapshot, or a moment that is what it is for ever"),
		sizeBytes: bytes("Size"),
		pageBytes: bytes("What is mapped as a whole"),
		id: text("Another one whenever it may hold anything else"),
	})
	.meta({ id: "VolumeAbout" });
export type VolumeAbout = z.infer<typeof VolumeAbout>;

const part = { offsetBytes: bytes("Where it begins"), lengthBytes: bytes("Length") };

export const VolumeRuns = z
	.object({ runs: z.array(z.object({ ...part, kind: z.enum(["data", "hole"]) })) })
	.meta({ id: "VolumeRuns", description: "What a range consists of, or its beginning" });

export const VolumeChanges = z
	.object({
		ranges: z.array(
			z.object({
				...part,
				mayBeSame: z
					.boolean()
					.meta({ description: "It was written anew, perhaps with what was there before" }),
			}),
		),
	})
	.meta({ id: "VolumeChanges", description: "The first that differ; none: there are no more" });
export type VolumeChanges = z.infer<typeof VolumeChanges>;

/** Base64 of it has room in a body of a mebibyte. */
export const WRITTEN_BYTES_MAX = 512 * 1024;

export const WrittenPieces = z
	.strictObject({
		pieces: z
			.array(
				z.strictObject({
					...part,
					data: z.base64().optional().meta({ description: "Bytes, in base64; left out: zeros" }),
				}),
			)
			.max(64),
		sync: z.boolean().meta({ description: "Answered when all that was written so far is on stable storage" }),
	})
	.meta({ id: "WrittenPieces", description: `Together at most ${WRITTEN_BYTES_MAX} bytes of data` });

export const Replacement = z
	.strictObject({ by: text("A volume of the same pool, which is no more then") })
	.meta({ id: "Replacement" });

export const Nothing = z.strictObject({}).meta({ id: "Nothing" });
