/**
 * What is measured, as a table: each row is a load, the server of ours that gets it, and what it is held against. The
 * figures to reach are those that the project has set itself. Read by `main.ts`, carried out by `measure.ts`.
 */

import type { Serving } from "./contenders.js";
import type { ImageKind } from "./images.js";
import type { PoolState } from "./pools.js";

/** A server that ours is compared with, and how many times as many requests ours has to carry out in the same time. */
export interface Reference {
	readonly name: string;
	readonly serving: Serving;
	readonly atLeast: number;
	/** Requests under way, if not as many as in the row. */
	readonly window?: number;
	/** How many times as fast it has to be as the reference before it: then that one counts, else this one does, and the other is beside the point. */
	readonly countsBelow?: number;
}

export interface Row {
	/** What `--only` looks for. */
	readonly key: string;
	readonly title: string;
	/** Sectors of 512 bytes per request. */
	readonly sectors: number;
	/** Requests under way. */
	readonly window: number;
	/** 0 or 100. */
	readonly writePercent: number;
	readonly mtu: number;
	readonly image: ImageKind;
	/** All of the image is written anew before each run, and so is in the page cache, in large pieces, and not on the disk yet. */
	readonly rewritten: boolean;
	/** The page cache is emptied before each run, and each block is read once at most (nearly). */
	readonly cold: boolean;
	/** One block after the other rather than at random. */
	readonly sequential?: boolean;
	/** So many disks, each with its part of the window; one if it is not said. */
	readonly disks?: number;
	/** What the pool is like before the first run of any row on that image; made so by `pools.ts`, written over if it is not said. */
	readonly pool?: PoolState;
	/** A run takes so many seconds at least. */
	readonly secondsMin?: number;
	readonly ours: Serving;
	readonly references: readonly Reference[];
}

export const FLUSH = ["--durability=flush"];
export const ACK = ["--durability=ack"];

const ours = (options: readonly string[], blades = 1): Serving => ({ program: "ours", options, blades });
const vblade = (options: readonly string[] = [], blades = 1): Serving => ({
	program: "vblade",
	options,
	blades,
});

/** What holds unless a row says otherwise. */
export const USUAL = {
	window: 16,
	writePercent: 0,
	mtu: 9000,
	image: "memory",
	rewritten: false,
	cold: false,
	ours: ours(FLUSH),
} as const;

const against = (atLeast: number, serving = vblade()): Pick<Row, "references"> => ({
	references: [{ name: "vblade", serving, atLeast }],
});

/** As fast as this can get: within a tenth of it is what is to be reached. */
const LIMIT: Reference = {
	name: "limit",
	serving: { program: "limit", options: [], blades: 1 },
	atLeast: 0.9,
};

/** Compared with vblade, and with the limit too. */
const againstBoth = (atLeast: number): Pick<Row, "references"> => ({
	references: [...against(atLeast).references, LIMIT],
});

/** What the disk itself can do with as many writes under way. */
const disk = (atLeast: number): Reference => ({
	name: "fio",
	serving: { program: "fio", options: [], blades: 1 },
	atLeast,
});

/** Durable writes, with the disk's own figure beside them. */
function durable(
	image: ImageKind,
	window: number,
	vbladeAtLeast: number,
	fioAtLeast: number,
	rewritten = false,
): Row {
	const where = image === "disk" ? "" : ` ${image}`;
	const how = rewritten ? " rewritten" : "";
	const more = window > 16 ? [{ name: "ours, window 16", serving: ours(ACK), atLeast: 1, window: 16 }] : [];
	return {
		...USUAL,
		key: `durable w${window}${where}${how}`,
		title: `4 KiB write, window ${window}, durable${where && `, on${where}`}${how && ", image just written"}`,
		sectors: 8,
		window,
		writePercent: 100,
		image,
		rewritten,
		ours: ours(ACK),
		references: [
			{ name: "vblade -s", serving: vblade(["-s"]), atLeast: vbladeAtLeast },
			disk(fioAtLeast),
			...more,
		],
	};
}

/** What is left of root's throughput for a user whom the kernel does not tell what of root's file is in memory. */
const OF_ROOT = 0.97;

/** A file of root's alone, served by an ordinary user, against the same served by root. */
function ordinaryUser(
	key: string,
	load: Pick<Row, "title" | "sectors"> & Partial<Row>,
	options = FLUSH,
): Row {
	return {
		...USUAL,
		...load,
		key: `ordinary user ${key}`,
		title: `${load.title}, ordinary user`,
		image: "ext4",
		ours: ours([...options, "--user=nobody"]),
		references: [{ name: "ours, root", serving: ours(options), atLeast: OF_ROOT }],
	};
}

/** What is left of the classic command line's throughput, as root, with the daemon's processes in between. */
function throughDaemon(
	key: string,
	row: Pick<Row, "title" | "sectors"> & Partial<Row>,
	options = FLUSH,
): Row {
	return {
		...USUAL,
		...row,
		key: `daemon ${key}`,
		title: `${row.title}, daemon`,
		ours: { program: "daemon", options, blades: 1 },
		references: [{ name: "ours, root", serving: ours(options), atLeast: OF_ROOT }],
	};
}

/** Blades that share one interface, in the row about many. */
const MANY = 256;

export const ROWS: readonly Row[] = [
	{ ...USUAL, key: "read 512", title: "512 B read, window 16", sectors: 1, ...againstBoth(1.6) },
	{ ...USUAL, key: "read 4k", title: "4 KiB read, window 16", sectors: 8, ...againstBoth(1.6) },
	{ ...USUAL, key: "read 8k", title: "8 KiB read, window 16", sectors: 16, ...against(1.7) },
	{
		...USUAL,
		key: "write 4k cache",
		title: "4 KiB write, window 16, page cache",
		sectors: 8,
		writePercent: 100,
		...againstBoth(1.9),
	},
	{
		...USUAL,
		key: "write 8k cache",
		title: "8 KiB write, window 16, page cache",
		sectors: 16,
		writePercent: 100,
		...againstBoth(2.2),
	},
	{
		...USUAL,
		key: "write 4k durable",
		title: "4 KiB write, window 16, durable",
		sectors: 8,
		writePercent: 100,
		image: "disk",
		ours: ours(ACK),
		...against(4, vblade(["-s"])),
	},
	durable("disk", 1, 1.1, 0.75),
	durable("disk", 16, 3.5, 0.75),
	durable("disk", 16, 3.5, 0.75, true),
	durable("disk", 64, 3.5, 0.75),
	durable("ext4", 1, 1.1, 0.75),
	durable("ext4", 16, 3.5, 0.75),
	durable("ext4", 64, 3.5, 0.75),
	durable("xfs", 1, 1.1, 0.75),
	durable("xfs", 16, 3.5, 0.75),
	durable("xfs", 64, 3.5, 0.75),
	{
		...USUAL,
		key: "read 4k window1",
		title: "4 KiB read, window 1",
		sectors: 8,
		window: 1,
		...against(1.45),
	},
	{
		...USUAL,
		key: "write 4k window1",
		title: "4 KiB write, window 1, page cache",
		sectors: 8,
		window: 1,
		writePercent: 100,
		...against(1.45),
	},
	{
		...USUAL,
		key: "read 4k cold",
		title: "4 KiB read, window 16, caches dropped, on disk",
		sectors: 8,
		image: "disk",
		cold: true,
		...against(2.2),
	},
	{
		...USUAL,
		key: "read 1k mtu1500",
		title: "1 KiB read, window 16, MTU 1500",
		sectors: 2,
		mtu: 1500,
		...against(1.5),
	},
	{
		...USUAL,
		key: "write 1k mtu1500",
		title: "1 KiB write, window 16, MTU 1500, page cache",
		sectors: 2,
		writePercent: 100,
		mtu: 1500,
		...against(1.5),
	},
	{
		...USUAL,
		key: "read 4k one-of-256",
		title: `4 KiB read, window 16, one blade of ${MANY}`,
		sectors: 8,
		ours: ours(FLUSH, MANY),
		references: [
			{ name: `${MANY} vblades`, serving: vblade([], MANY), atLeast: 4 },
			{ name: "ours, one blade", serving: ours(FLUSH), atLeast: 0.95 },
		],
	},
	ordinaryUser("read 512", { title: "512 B read, window 16", sectors: 1 }),
	ordinaryUser("read 4k", { title: "4 KiB read, window 16", sectors: 8 }),
	ordinaryUser("read 8k", { title: "8 KiB read, window 16", sectors: 16 }),
	ordinaryUser("read 4k window1", { title: "4 KiB read, window 1", sectors: 8, window: 1 }),
	ordinaryUser("write 4k", { title: "4 KiB write, window 16, page cache", sectors: 8, writePercent: 100 }),
	throughDaemon("read 512", { title: "512 B read, window 16", sectors: 1 }),
	throughDaemon("read 4k", { title: "4 KiB read, window 16", sectors: 8 }),
	throughDaemon("write 4k", { title: "4 KiB write, window 16, page cache", sectors: 8, writePercent: 100 }),
	throughDaemon("read 4k window1", { title: "4 KiB read, window 1", sectors: 8, window: 1 }),
	throughDaemon("ext4 read 4k", { title: "4 KiB read, window 16, on ext4", sectors: 8, image: "ext4" }),
	throughDaemon(
		"ext4 durable",
		{ title: "4 KiB write, window 16, durable, on ext4", sectors: 8, writePercent: 100, image: "ext4" },
		ACK,
	),
	ordinaryUser("durable", { title: "4 KiB write, window 16, durable", sectors: 8, writePercent: 100 }, ACK),
];

/** What a change may cost at most: this much of the throughput of before must be left in every row. */
const OF_BEFORE = 0.97;

/** The row, held against the same server as it is compiled in another checkout, too. */
export function againstCheckout(row: Row, checkout: string): Row {
	const before: Reference = { name: "before", serving: { ...row.ours, checkout }, atLeast: OF_BEFORE };
	return { ...row, references: [...row.references, before] };
}
