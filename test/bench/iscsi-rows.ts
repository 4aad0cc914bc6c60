/**
 * What is measured over iSCSI (`--iscsi`), as a table: each row is a load, what disk the servers have, and how much faster than tgt ours has to
 * be; tgt has two stores, and ours is held against both, so that the faster one counts. Read by `command-line.ts`, carried out by
 * `iscsi-figures.ts`.
 */

import type { IscsiLoad } from "./iscsi-load.js";

/** What a file is on. */
export type IscsiDisk = "memory" | "ext4";

export interface IscsiRow {
	/** What `--only` looks for. */
	readonly key: string;
	readonly title: string;
	readonly disk: IscsiDisk;
	/** A write is to be on stable storage: a volume of a pool is held against a file that is written with sync. */
	readonly isDurable?: boolean;
	readonly load: Pick<IscsiLoad, "isWriting" | "isInOrder" | "blockBytes" | "depth" | "hasDataDigest">;
	readonly references: readonly {
		readonly name: string;
		readonly store: "rdwr" | "aio";
		readonly atLeast: number;
	}[];
}

const BLOCK_BYTES = 4096;
const LARGE_BYTES = 256 * 1024;
/** As many large commands as an initiator has under way of what is read ahead. */
const LARGE_DEPTH = 8;
const AT_LEAST = { 1: 1.2, 16: 1.5, 32: 1.5 } as const;
const DURABLE_AT_LEAST = 3;
const LARGE_AT_LEAST = 1.2;
const DIGEST_AT_LEAST = 1.5;
const KINDS = [
	{ isWriting: false, word: "read" },
	{ isWriting: true, word: "write" },
] as const;

const against = (atLeast: number): IscsiRow["references"] =>
	(["rdwr", "aio"] as const).map((store) => ({ name: `tgt, ${store}`, store, atLeast }));

const random = ([16, 32, 1] as const).flatMap((depth) =>
	KINDS.map(
		({ isWriting, word }): IscsiRow => ({
			key: `iscsi ${word} d${depth}`,
			title: `4 KiB ${word}, depth ${depth}`,
			disk: "memory",
			load: { isWriting, isInOrder: false, blockBytes: BLOCK_BYTES, depth, hasDataDigest: false },
			references: against(AT_LEAST[depth]),
		}),
	),
);

const inOrder = [false, true].flatMap((hasDataDigest) =>
	KINDS.map(
		({ isWriting, word }): IscsiRow => ({
			key: `iscsi ${word} 256k${hasDataDigest ? " digest" : ""}`,
			title: `256 KiB ${word} in order, depth ${LARGE_DEPTH}, data digests ${hasDataDigest ? "on" : "off"}`,
			disk: "memory",
			load: { isWriting, isInOrder: true, blockBytes: LARGE_BYTES, depth: LARGE_DEPTH, hasDataDigest },
			references: against(hasDataDigest ? DIGEST_AT_LEAST : LARGE_AT_LEAST),
		}),
	),
);

/** In memory, where a sync costs nothing, and on a file system of a disk. */
const durable = (["memory", "ext4"] as const).map(
	(disk): IscsiRow => ({
		key: `iscsi durable d16 ${disk}`,
		title: `4 KiB durable write, depth 16, ${disk === "memory" ? "in memory" : "on ext4"}: a pool against a file with sync`,
		disk,
		isDurable: true,
		load: { isWriting: true, isInOrder: false, blockBytes: BLOCK_BYTES, depth: 16, hasDataDigest: false },
		// (Its other store has no such option.)
		references: against(DURABLE_AT_LEAST).filter(({ store }) => store === "rdwr"),
	}),
);

export const ISCSI_ROWS: readonly IscsiRow[] = [...random, ...durable, ...inOrder];
