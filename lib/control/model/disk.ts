/**
 * A disk as the API shows it: what it is, the state it is in and why, who uses it, what has been counted. `DiskSummary` is a row
 * of a list of thousands; `Disk` is all there is to know of one.
 */

import { z } from "zod";
import { IscsiExport } from "./iscsi.js";
import { DiskAccess, NbdExport } from "./nbd.js";
import { ShownSettings } from "./settings.js";
import { bytes, count, diskName, mac, moment, perSecond, seconds, text, total } from "./units.js";

export const DISK_STATES = {
	opening: "its storage is being opened",
	open: "it is served",
	failed: "it can't be served, for the reason given; it is tried again",
	waiting: "another host has its pool; it is served here when that is had here",
	fenced: "it is open, and nobody is answered until it is unfenced",
	draining: "it takes no more requests; those under way are being finished",
	abandoned: "its storage hangs; what it holds is given back if it ever goes on",
	removing: "it will be gone",
} as const;
export type DiskState = keyof typeof DISK_STATES;

const diskState = z.enum(Object.keys(DISK_STATES) as [DiskState, ...DiskState[]]).meta({
	description: Object.entries(DISK_STATES)
		.map(([name, help]) => `\`${name}\`: ${help}`)
		.join("; "),
});

export const Source = z
	.discriminatedUnion("kind", [
		z.object({ kind: z.literal("file"), file: text("Path"), line: count("Line, from 1") }),
		z.object({ kind: z.literal("runtime") }),
	])
	.meta({
		id: "Source",
		description: "What names the disk: a file, or `runtime`: it was added by command, API or page",
	});
export type Source = z.infer<typeof Source>;

export const Latency = z
	.object({
		count: total("Requests measured"),
		p50: seconds("Half of them took at most that long"),
		p99: seconds("99 % took at most that long"),
		p999: seconds("99.9 % took at most that long"),
	})
	.meta({
		id: "Latency",
		description: "From the arrival of a request to its answer, since the worker was started",
	});
export type Latency = z.infer<typeof Latency>;

export const OPERATIONS = ["read", "write", "flush"] as const;
export type Operation = (typeof OPERATIONS)[number];

export const Latencies = z
	.object({ read: Latency.nullable(), write: Latency.nullable(), flush: Latency.nullable() })
	.meta({ id: "Latencies", description: "By operation; null: there was none" });
export type Latencies = z.infer<typeof Latencies>;

export const Counters = z
	.object({
		reads: total("Reads"),
		readBytes: total("Bytes read"),
		writes: total("Writes"),
		writtenBytes: total("Bytes written"),
		flushes: total("Flushes"),
		trims: total("Trims"),
		errors: total("Requests that ended with an error"),
		resends: total("Requests that an initiator sent again"),
	})
	.meta({ id: "Counters" });
export type Counters = z.infer<typeof Counters>;

export const Rates = z
	.object({
		reads: perSecond("Reads"),
		readBytes: perSecond("Bytes read"),
		writes: perSecond("Writes"),
		writtenBytes: perSecond("Bytes written"),
		errors: perSecond("Errors"),
		readP50: seconds("Half of the reads took at most that long").nullable(),
		readP99: seconds("99 % of the reads took at most that long").nullable(),
		writeP50: seconds("Half of the writes took at most that long").nullable(),
		writeP99: seconds("99 % of the writes took at most that long").nullable(),
	})
	.meta({ id: "Rates", description: "Of the last seconds; a latency is null where nothing was measured" });
export type Rates = z.infer<typeof Rates>;

/** Sizes in bytes, resolved. */
export const Limit = z
	.object({
		iops: count("Reads and writes per second").nullable(),
		readIops: count("Reads per second").nullable(),
		writeIops: count("Writes per second").nullable(),
		bandwidth: bytes("Reads and writes per second").nullable(),
		readBandwidth: bytes("Reads per second").nullable(),
		writeBandwidth: bytes("Writes per second").nullable(),
		delayed: total("Requests that waited because of it"),
		delayedSeconds: seconds("How long they waited, all together"),
	})
	.meta({ id: "Limit", description: "null: without a limit" });
export type Limit = z.infer<typeof Limit>;

export const Silence = z
	.object({
		netif: text("The link"),
		mac: mac.meta({ description: "Who serves the address there" }),
		since: moment("Since when"),
	})
	.meta({
		id: "Silence",
		description: "A link on which the disk is not served, because another host serves its address",
	});
export type Silence = z.infer<typeof Silence>;

export const Rival = z
	.object({
		netif: text("The link"),
		mac: mac.meta({ description: "Who answers for the address there, beside this server" }),
	})
	.meta({
		id: "Rival",
		description: "Another host that answers for the address of a disk where it is served here, too",
	});
export type Rival = z.infer<typeof Rival>;

export const AoeExport = z
	.object({
		address: text("SHELF.SLOT"),
		netif: z.array(z.string()).meta({ description: "Links that it is served on" }),
		macs: z.array(mac).nullable().meta({
			description:
				"The MAC mask in force, as configured or as an initiator set it; null: everyone; none: nobody",
		}),
		reservedBy: z.array(mac).meta({ description: "Holders of the reservation; none: it is not reserved" }),
		configString: text("Printable characters, and `\\xNN` for the others"),
		silenced: z.array(Silence),
		rivals: z.array(Rival),
	})
	.meta({ id: "AoeExport" });
export type AoeExport = z.infer<typeof AoeExport>;

export const RemoteState = z
	.object({
		state: z.enum(["connected", "connecting", "unreachable", "stopped", "closed"]).meta({
			description:
				"stopped: what the server has is not what it had, and the disk takes no requests until it is again",
		}),
		since: moment("Since when"),
		why: z.string().nullable().meta({ description: "What happened last that should not" }),
		losses: total("Connections that broke"),
		resends: total("Requests that were sent once more"),
		waiting: count("Requests that the server has not answered"),
	})
	.meta({ id: "RemoteState" });
export type RemoteState = z.infer<typeof RemoteState>;

export const MirroredPart = z
	.object({
		standing: z.enum(["inSync", "resyncing", "behind", "absent", "refused"]).meta({
			description:
				"inSync: it has all that was acknowledged; resyncing: it is being copied to; behind: it lacks something, and is tried again; absent: it is not open; refused: it takes no part until somebody does something",
		}),
		why: z.string().nullable().meta({ description: "Why it is not in sync" }),
		behindBytes: bytes("What it lacks at most"),
		since: moment("Since when it lacks something").nullable(),
		errors: total("Requests of the mirror that failed on it"),
		repairs: total("Ranges that were written again because they could not be read, or differed"),
	})
	.meta({ id: "MirroredPart", description: "How a disk stands in its mirror" });
export type MirroredPart = z.infer<typeof MirroredPart>;

export const DiskPart = z
	.object({
		disk: diskName,
		state: diskState,
		reason: z.string().nullable().meta({ description: "Why it is in that state" }),
		offsetBytes: bytes("Where it begins in the whole").nullable(),
		sizeBytes: bytes("How much of it is used").nullable(),
		mirrored: MirroredPart.nullable(),
	})
	.meta({ id: "DiskPart", description: "A disk that another one is made of" });
export type DiskPart = z.infer<typeof DiskPart>;

const summary = {
	name: diskName,
	state: diskState,
	reason: z
		.string()
		.nullable()
		.meta({ description: "Why it is in that state, where that is not what was asked for" }),
	storage: text("What it stores its bytes in").meta({ example: "/srv/vblade/web.img" }),
	address: z.string().nullable().meta({ description: "SHELF.SLOT; null: not served by AoE" }),
	addresses: z.array(z.string()).meta({
		description:
			"What initiators and clients find it by: SHELF.SLOT of AoE, `nbd:NAME`, `iscsi:TARGET/LUN`; none: it is not served",
		example: ["9.0", "nbd:web", "iscsi:iqn.2026-11.org.example:shop/1"],
	}),
	sizeBytes: bytes("Its size").nullable(),
	readOnly: z.boolean(),
	underWay: count("Requests that have arrived and are not answered"),
	rates: Rates,
	errors: total("Requests that ended with an error"),
	busiestInitiator: z.string().nullable().meta({
		description:
			"Who has asked most of it in the last seconds: a MAC address; of a disk that is asked by NBD or iSCSI, the client's address or the initiator's name, where only one is connected",
	}),
	lastSeen: moment("The last request").nullable(),
};

export const DiskSummary = z.object(summary).meta({ id: "DiskSummary" });
export type DiskSummary = z.infer<typeof DiskSummary>;

export const Disk = z
	.object({
		...summary,
		retryAt: moment("When it is tried again").nullable(),
		durability: z.enum(["ack", "flush", "none"]).meta({
			description:
				"When a write is acknowledged: on stable storage; in memory, with flushes; in memory, without",
		}),
		limit: Limit.nullable(),
		source: Source,
		notice: z.string().nullable().meta({
			description: "Where what is running is not what the files say, and until when",
		}),
		settings: ShownSettings,
		identity: z
			.object({ serial: text("At most 20 characters"), wwn: text("16 hexadecimal digits") })
			.nullable()
			.meta({ description: "What initiators know it by; null: it has never been open" }),
		worker: count("The worker that serves it, from 0").nullable(),
		aoe: AoeExport.nullable(),
		nbd: NbdExport.nullable(),
		iscsi: IscsiExport.nullable(),
		access: z
			.array(DiskAccess)
			.meta({ description: "Who may use it by NBD and iSCSI; by AoE: `macs` of `aoe`" }),
		remote: RemoteState.nullable().meta({
			description: "How it stands with the server that stores it; null: it is stored here, or not open",
		}),
		parts: z.array(DiskPart).nullable().meta({
			description: "The disks that it is made of, in order; null: it is not made of disks",
		}),
		partOf: diskName.nullable().meta({ description: "The disk that it is a part of; null: of none" }),
		counters: Counters,
		causes: z
			.record(z.string(), z.number().int().nonnegative())
			.meta({ description: "Errors by cause; causes without any are left out" }),
		lastFault: z.string().nullable().meta({ description: "What its storage did wrong last, where and when" }),
		stalledSince: moment("Since when its storage has not answered").nullable(),
		latency: Latencies,
	})
	.meta({ id: "Disk" });
export type Disk = z.infer<typeof Disk>;

export const DiskList = z
	.object({
		disks: z.array(DiskSummary),
		total: count("Disks that match, also those that are not in this answer"),
		next: z.string().nullable().meta({ description: "`offset` of the page that follows" }),
	})
	.meta({ id: "DiskList" });
export type DiskList = z.infer<typeof DiskList>;
