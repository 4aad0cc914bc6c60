/**
 * What a pool stands on: files of fixed size, each a device, and where time, chance and memory come from. So the pool itself knows
 * neither paths nor system calls, and a simulation can replace everything. `directory.ts` is the one of the file system.
 */

import type { BlockDevice } from "../block/device.js";
import type { Pump } from "../pump.js";
import type { Memory } from "../wire/memory.js";
import type { Traces } from "./boot-trace.js";
import type { PageLookup } from "./page-lookup.js";
import type { AnswerLease } from "./store/lease-layer.js";
import type { LocalBytes } from "./store/local-sizes.js";
import type { OwnImage } from "./store/own-image.js";
import type { HandedOver, LossLook, ReplicaLook, StoredLook } from "./stored-look.js";
import type { Written } from "./written.js";

export interface PoolFolder {
	/** What messages call it. */
	readonly path: string;
	/** Space is only reliably there, and quick to sync, once it has been written: new slots are filled with zeros ahead. */
	readonly fillsAhead: boolean;
	list(): Promise<readonly string[]>;
	/** Where its head is, in words that no copy of it has. Undefined where there is nothing to tell it by. Throws an OperatorError. */
	site(): Promise<string | undefined>;
	/** Throws an OperatorError. Nobody else can open it until it is closed. */
	open(name: string): Promise<BlockDevice>;
	/** Of what is stored here, at most: a read can ask for one of so many. Default: 1. */
	readonly copies?: number;
	/** Whether nothing of a file can be had as long as it is open. Default: of none. */
	isLost?(name: string): boolean;
	/** Where reading takes long: what is kept of what machines read when they boot. Default: nothing is. */
	readonly traces?: Traces | undefined;
	/** All copies of what it keeps itself, and of the head, are as they were written when it resolves. Tells where one was not. Throws an OperatorError. */
	scrub?(): Promise<readonly MendedPlace[]>;
	/** What it has in a store, which is looked at part by part. Default: it is in none. */
	readonly stored?: StoredParts | undefined;
	/** What it has in a store, for whoever brings it to another one, too. Default: it is in none. */
	readonly ownImage?: OwnImage | undefined;
	/** Nothing was ever stored in these bytes of a slot, which read as zeros: asked while the pool is opened. Default: that is not known. */
	isNothing?(slot: number, offsetBytes: number, lengthBytes: number): boolean;
	/** Nothing in a slot of the log is wanted any more by the pool. True: it is still read here, and is not to be written to until `release` is called, once. */
	freed?(slot: number, release: () => void): boolean;
	/** Space is wanted: all slots that are held back are released now. */
	endHolds?(): void;
	/** The head was read: what has it say that the pool was opened more often than that (`Head.again`). Default: nobody wants to know. */
	begun?(again: (above: number) => Promise<number>): void;
	/** One that was opened here and is not here any more, though it is still open. Default: none can go. Throws an OperatorError. */
	missing?(): Promise<MissingFile | undefined>;
	/** Files of the log that have room here; undefined where that shows when they are made. */
	most(): Promise<number | undefined>;
	/** Bytes that its file system has left for it, as far as that is known; undefined: it gets none. Throws an OperatorError. */
	free(): Promise<number | undefined>;
	/** Throws an OperatorError unless a new pool can be made here; `force`: whatever is on a device is given up. */
	prepare(force: boolean): Promise<void>;
	/** A new file of zeros, which is there after a loss of power. Throws an OperatorError. */
	create(name: string, sizeBytes: number): Promise<BlockDevice>;
}

/** Where something was not what it is now, and what that is. */
export type MendedPlace = readonly [place: string, what: string];

/** What has been looked at: what was wrong and is right now, and what is wrong for good. */
export interface LookedPart {
	readonly mended: readonly MendedPlace[];
	readonly damaged: readonly string[];
}

export interface StoredParts {
	/** Numbers of those that there are now. */
	list(): readonly number[];
	/** `isWhole`: all of what it has, not only whether it is there. One that is gone meanwhile is all right. Throws an OperatorError. */
	look(number: number, isWhole: boolean): Promise<LookedPart>;
}

/** A file that is open, whose name leads to nothing, or to another one. */
export interface MissingFile {
	readonly name: string;
	readonly isReplaced: boolean;
}

/** One of the disks that a pool is on. */
export interface PoolDiskState {
	/** Its name. */
	readonly disk: string;
	/** `leaving`: what it has is being moved to the others; `missing`: what it has can't be read. */
	readonly state: "in use" | "leaving" | "missing";
	/** For files of the log, and what such have. */
	readonly sizeBytes: number;
	readonly usedBytes: number;
	/** Why it is not emptied at the moment. */
	readonly trouble: string | null;
}

/** The disks of a pool that is on several. All throw an OperatorError. */
export interface PoolDisks {
	readonly states: readonly PoolDiskState[];
	/** It is a part when it resolves. `force`: whatever it has is given up. */
	add(disk: string, force: boolean): Promise<void>;
	/** It is being emptied when it resolves, and none of the pool's when it is empty; `force`: one that is missing is given up, at once. */
	remove(disk: string, force?: boolean): Promise<void>;
	/** It is not emptied any more. */
	keep(disk: string): Promise<void>;
}

/** What had been acknowledged and was given up at takeovers. */
export interface Losses {
	/** Something was since it was last said that initiators find other disks. */
	readonly areNew: boolean;
	/** They do from now on: kept when it resolves. Throws an OperatorError. */
	noted(): Promise<void>;
	/** Those that are kept, for the host that has them. */
	readonly tails: readonly LossLook[];
	/** That one is not kept any more. Throws an OperatorError. */
	forget(epoch: number): Promise<void>;
}

/** What a map has in memory. */
export interface MapSize {
	/** That are not in its trees yet. */
	readonly entries: number;
	/** For nodes of trees. */
	readonly nodeBytes: number;
	/** Of the lists of what has died. */
	readonly deadPages?: number;
	/** Bytes of a segment of nodes that are filled, and slots of such segments beyond twice what lives in them. */
	readonly nodeFillBytes?: number;
	readonly spareNodeSlots?: number;
}

/** Of a pool that was a replica of another one. */
export interface Promotion {
	/** To be called when it is open, before anybody uses it. `written`: how much was by now, whenever it is asked. Throws an OperatorError if it is to be closed. */
	begin(written: () => Written): Promise<void>;
}

/** What is known of the time beside what the clock shows. */
export interface Uptime {
	/** Another one after each start of the machine; empty: not known. */
	readonly boot: string;
	/** Microseconds since then, also those in which it slept. */
	us(): number;
	/** Whether the kernel says that the clock is kept in step with others. */
	isSynchronised(): boolean;
}

export interface PoolWorld {
	readonly folder: PoolFolder;
	/** Those that it is on, if the folder is of that kind. */
	readonly disks?: PoolDisks | undefined;
	/** How it stands with its object store, if the folder is of that kind. */
	readonly stored?: (() => StoredLook) | undefined;
	/** Brings what is on this host alone where it belongs, while all goes on; resolves when it is there, or that does not get on. Default: there is nothing to bring. */
	readonly settle?: (() => Promise<void>) | undefined;
	/** Whether all that is written by now is where another host goes on from, within a moment. Default: there is no such place, or nothing is said to be written before. */
	readonly shipSoon?: (() => Promise<boolean>) | undefined;
	/** How much of it may be on this host from now on. Default: all of it always is. */
	readonly resizeLocal?: ((bytes: LocalBytes) => void) | undefined;
	/** Lets a host have it that waits for it: resolves when that has it. `prepare`: makes little of what it has to go through; `to`: which host is to have it. Default: no other host can have it. Throws an OperatorError: then it goes on here. */
	readonly handOver?: ((prepare: () => Promise<void>, to?: string) => Promise<HandedOver>) | undefined;
	/** How its replicas stand, if so much was written to it by now. Default: it has none. */
	readonly replicas?: ((written: Written) => readonly ReplicaLook[]) | undefined;
	/** Which these are, by `replicasText`. Default: none. */
	readonly replicasAre?: string | undefined;
	/** Whether anything may be answered, if another host may have it. */
	readonly lease?: AnswerLease | undefined;
	/** What was given up of it when it was taken over, if another host may have it. */
	readonly losses?: Losses | undefined;
	/** What is to be said of it if it was a replica. Default: it was none. */
	readonly promotion?: Promotion | undefined;
	/** Why nothing is changed in it: then all in it is as old as the last of what was written. Default: all can be changed. */
	readonly onlyRead?: string | undefined;
	/** To be called if no pool comes of it: something may be open before the first file is. */
	readonly end?: (() => Promise<void>) | undefined;
	readonly pump: Pump;
	/** Microseconds since 1970. */
	now(): number;
	/** Microseconds since some moment, with fractions; never goes back. */
	elapsed(): number;
	/** How long the machine has run; without, `now` is believed, whatever it says. */
	readonly uptime?: Uptime;
	/** As `now`, but by what has passed alone, where that is known: `pool-clock.ts`. */
	readonly aged?: () => number;
	/** A whole number by chance, above 0 and below 2^53. */
	chance(): number;
	allocate(byteLength: number): Memory;
	/** Resolves when whoever else is served has had a turn. */
	nextTurn(): Promise<void>;
	/** For tests: another size of the map in memory than is usual. */
	readonly mapSize?: MapSize;
	/** For tests: another number of files that are opened before anything else is done. */
	readonly openedFirst?: number;
	/** For tests: what is put between volumes and the map that they ask. */
	readonly between?: (map: PageLookup) => PageLookup;
}

export const HEAD_NAME = "head";

/** Of a pool in an object store: the file that says what of it is on this host. */
export const IMAGE_NAME = "image";

/** What is written beside the log is synced when there is so much, as syncs of the log wait for all that is to be written to their file. */
export const BESIDE_SYNC_BYTES = 2 * 1024 * 1024;

/** The file that has a slot. */
export function fileName(file: number): string {
	return `log.${String(file).padStart(6, "0")}`;
}

/** The number of a file of the log; undefined if the name is of none. */
export function fileNumber(name: string): number | undefined {
	const number = Number(/^log\.([0-9]{6,9})$/.exec(name)?.[1]);
	return fileName(number) === name ? number : undefined;
}

/** `names`: those that there are. Throws an OperatorError. */
export async function openOrMake(
	folder: PoolFolder,
	names: readonly string[],
	name: string,
	sizeBytes: number,
): Promise<BlockDevice> {
	return names.includes(name) ? folder.open(name) : folder.create(name, sizeBytes);
}
