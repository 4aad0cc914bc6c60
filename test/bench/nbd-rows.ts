/**
 * What is measured over NBD (`--nbd`), as a table: each row is a load, how our server is started for it, and what it is held against.
 * Read by `command-line.ts`, carried out by `nbd-figures.ts`.
 */

import type { NbdLoad } from "./nbd-load.js";
import type { Transport } from "./nbd-servers.js";

/** What a row's servers have: a file in memory; the same behind another server; a disk with snapshots; one that is half empty; or a mirror of two files. */
export type NbdDisk = "file" | "remote" | "snapshots" | "sparse" | "mirror";

export interface NbdRow {
	/** What `--only` looks for. */
	readonly key: string;
	readonly title: string;
	readonly disk: NbdDisk;
	readonly transport: Transport;
	/** Server and load have a processor each; else the kernel chooses. */
	readonly isPinned: boolean;
	/** Null: all of the disk is copied. Over TLS in order, by nbdcopy(1): fio knows no certificates. */
	readonly load: Pick<NbdLoad, "rw" | "depth"> | null;
	/** A snapshot is taken before each run, and each block of the run is written for the first time since. */
	readonly isFirstWrite: boolean;
	readonly references: readonly [{ readonly name: string; readonly atLeast: number }];
}

const NBDKIT = "nbdkit's file plugin";
const KINDS = [
	{ rw: "randread", word: "read" },
	{ rw: "randwrite", word: "write" },
] as const;
const TRANSPORTS = ["unix", "tcp"] as const;
const AT_LEAST = { 16: 1.3, 1: 1.2 } as const;

const plain = (depth: 16 | 1, isPinned: boolean): readonly NbdRow[] =>
	KINDS.flatMap(({ rw, word }) =>
		TRANSPORTS.map((transport): NbdRow => {
			const how = isPinned ? ", a processor each" : "";
			return {
				key: `nbd ${word} d${depth} ${transport}${isPinned ? " pinned" : ""}`,
				title: `4 KiB ${word}, depth ${depth}, ${transport}${how}`,
				disk: "file",
				transport,
				isPinned,
				load: { rw, depth },
				isFirstWrite: false,
				references: [{ name: NBDKIT, atLeast: AT_LEAST[depth] }],
			};
		}),
	);

const remote = KINDS.map(
	({ rw, word }): NbdRow => ({
		key: `nbd remote ${word} d16`,
		title: `4 KiB ${word}, depth 16, of a remote disk: client and server together`,
		disk: "remote",
		transport: "unix",
		isPinned: false,
		load: { rw, depth: 16 },
		isFirstWrite: false,
		references: [{ name: "nbdkit's nbd plugin before its file plugin", atLeast: 1.3 }],
	}),
);

const mirror = KINDS.map(
	({ rw, word }): NbdRow => ({
		key: `nbd mirror ${word} d16`,
		title: `4 KiB ${word === "read" ? "hot read" : "durable write"}, depth 16, of a mirror of two files on ext4`,
		disk: "mirror",
		transport: "unix",
		isPinned: false,
		load: { rw, depth: 16 },
		isFirstWrite: false,
		references: [{ name: "ours of one file", atLeast: word === "read" ? 1 : 0.8 }],
	}),
);

/** (There is no durable write here: what TLS costs is to be seen.) */
const tls = KINDS.map(
	({ rw, word }): NbdRow => ({
		key: `nbd tls ${word} d16`,
		title: `4 KiB ${word} in order, depth 16, TLS 1.3 with certificates`,
		disk: "file",
		transport: "tls",
		isPinned: false,
		load: { rw, depth: 16 },
		isFirstWrite: false,
		references: [{ name: "nbdkit's file plugin with TLS", atLeast: 1 }],
	}),
);

const snapshots = (key: string, title: string, isFirstWrite: boolean, atLeast: number): NbdRow => ({
	key: `nbd ${key}`,
	title: `${title}, disk with 10 snapshots, on ext4`,
	disk: "snapshots",
	transport: "unix",
	isPinned: false,
	load: { rw: "randwrite", depth: 16 },
	isFirstWrite,
	references: [{ name: "qemu-nbd on qcow2", atLeast }],
});

export const NBD_ROWS: readonly NbdRow[] = [
	...plain(16, false),
	...plain(1, false),
	...plain(16, true),
	snapshots("durable d16", "4 KiB durable write, depth 16", false, 2),
	snapshots("first d16", "4 KiB durable write, depth 16, each the first since a snapshot", true, 4),
	{
		key: "nbd copy",
		title: "nbdcopy of 4 GiB half empty into a file, holes kept",
		disk: "sparse",
		transport: "unix",
		isPinned: false,
		load: null,
		isFirstWrite: false,
		references: [{ name: NBDKIT, atLeast: 1.2 }],
	},
	...remote,
	...mirror,
	...tls,
];
