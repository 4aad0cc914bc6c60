/**
 * What is measured of pools (`--pools`), as a table like that of `rows.ts`: a volume of a pool against our own plain file on the
 * same file system, with the same load, seconds apart. Read by `command-line.ts`.
 */

import type { Serving } from "./contenders.js";
import type { FileSystem } from "./images.js";
import { ACK, FLUSH, type Row, USUAL } from "./rows.js";

/** On a journal that syncs wait for, and on one that they hardly do. */
const FILE_SYSTEMS = ["ext4", "xfs"] as const;
/** Volumes of one pool, each with an initiator, against as many files. */
const VOLUMES = 16;

const volume = (options: readonly string[]): Serving => ({
	program: "ours",
	options,
	blades: 1,
	isVolume: true,
});
const file = (options: readonly string[]): Serving => ({ program: "ours", options, blades: 1 });

type Load = Pick<Row, "key" | "title"> & Partial<Row>;

function against(
	atLeast: number,
	options: readonly string[],
	load: Load,
	on: readonly ("slow ext4" | FileSystem)[] = FILE_SYSTEMS,
): readonly Row[] {
	return on.map((type) => ({
		...USUAL,
		sectors: 8,
		...load,
		key: `pool ${load.key} ${type}`,
		title: `${load.title}, on ${type}`,
		image: load.pool === "full" && type !== "slow ext4" ? `full ${type}` : type,
		ours: volume(options),
		references: [{ name: "plain file", serving: file(options), atLeast }],
	}));
}

const durable = (window: number, atLeast: number): readonly Row[] =>
	against(atLeast, ACK, {
		key: `durable w${window}`,
		title: `4 KiB write, window ${window}, durable`,
		window,
		writePercent: 100,
	});

/** Cleaning and checkpoints come and go: a second has more of them or fewer. */
const STEADY_SECONDS = 4;

const steady = (window: number, atLeast: number): readonly Row[] =>
	against(atLeast, ACK, {
		key: `steady w${window}`,
		title: `4 KiB write, window ${window}, durable, pool 70 % full and written over three times`,
		window,
		writePercent: 100,
		pool: "full",
		secondsMin: STEADY_SECONDS,
	});

const MANY = {
	key: `durable ${VOLUMES} volumes`,
	title: `4 KiB write, ${VOLUMES} disks, window 4 each, durable`,
	window: VOLUMES * 4,
	disks: VOLUMES,
	writePercent: 100,
} as const;

/** Where the disk does not write this much faster than writes come, it is what they are held against. */
const FASTER = 1.2;
const OF_DISK = 0.8;

function besideTheDisk(row: Row): Row {
	const serving = { program: "fio in order", options: [], blades: 1 } as const;
	const disk = { name: "the disk, in order", serving, atLeast: OF_DISK, countsBelow: FASTER };
	return { ...row, references: [...row.references, disk] };
}

const SMALL = { sectors: 2, mtu: 1500, writePercent: 100 } as const;

export const POOL_ROWS: readonly Row[] = [
	...durable(1, 0.9),
	...durable(16, 1.3),
	...durable(64, 2),
	...steady(16, 1.2),
	...steady(64, 1.6),
	...against(2.5, ACK, MANY),
	...against(4, ACK, { ...MANY, title: `${MANY.title}, a sync of 1 ms` }, ["slow ext4"]),
	...against(0.75, FLUSH, {
		key: "write cache",
		title: "4 KiB write, window 16, page cache",
		writePercent: 100,
		secondsMin: STEADY_SECONDS,
	}).map(besideTheDisk),
	...against(0.85, FLUSH, { key: "read", title: "4 KiB read, window 16", pool: "filled" }),
	...against(0.75, FLUSH, {
		key: "read overwritten",
		title: "4 KiB read, window 16, after a million random writes",
	}),
	...against(0.8, FLUSH, { key: "read cold", title: "4 KiB read, window 16, caches dropped", cold: true }),
	...against(1, ACK, {
		...SMALL,
		key: "durable 1k",
		title: "1 KiB write, window 16, MTU 1500, durable, at random",
	}),
	...against(1, ACK, {
		...SMALL,
		key: "durable 1k sequential",
		title: "1 KiB write, window 16, MTU 1500, durable, in order",
		sequential: true,
	}),
];
