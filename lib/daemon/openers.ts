/**
 * How the storage of a disk is opened, by its kind: one row of a table for each, which hands on a device with the layers that
 * make it a disk one can trust (`lib/block/stack.ts`). Called by `disks.ts`.
 */

import { randomBytes } from "node:crypto";
import type { BlockDevice } from "../block/device.js";
import type { StorageEngine } from "../block/engine.js";
import { FileDevice } from "../block/file.js";
import type { FileOptions, MemoryOptions } from "../block/file-options.js";
import type { GroupCommit } from "../block/group-commit.js";
import { OrderingLayer } from "../block/ordering.js";
import { layersOn, slice } from "../block/stack.js";
import { systemClock } from "../clock.js";
import { LinearDevice, type LinearPlace } from "../compound/linear.js";
import { Member } from "../compound/member.js";
import type { Mirror } from "../compound/mirror/mirror.js";
import { openMirror } from "../compound/mirror/open.js";
import { ReadOnlyLayer } from "../compound/read-only.js";
import type { Disk } from "../disk.js";
import { invariant, OperatorError } from "../errors.js";
import type { Log } from "../log.js";
import { nativeMemory } from "../native.js";
import type { SessionState } from "../nbd/remote/options.js";
import type { OpenVolume, PoolHome } from "../pool/openings.js";
import type { TellPool } from "../pool/told.js";
import type { Pump } from "../pump.js";
import type { DiskSpec, IdentitySpec, StorageSpec } from "../spec/spec.js";
import type { LookUp } from "../stream/connect.js";
import { SECTOR_BYTES } from "../wire/sector.js";
import { eventText, isTrouble } from "./mirror-words.js";
import { openRemote } from "./open-remote.js";
import type { ReadRemoteKeys } from "./remote-keys.js";
import type { Tls } from "./tls.js";

/** What every device of a process shares, and who is told what there is to tell while this one is opened. */
export interface OpenContext {
	readonly engine: StorageEngine;
	readonly commits: GroupCommit;
	readonly pump: Pump;
	/** Told of links that disks are reached by. */
	readonly log?: Log;
	/** Hears what a pool tells that is opened. */
	readonly tell?: TellPool;
	/** The storage itself knows what initiators are to know it by. */
	readonly onIdentity: (identity: IdentitySpec) => void;
	/** It is a server that stores it, which may be out of reach. */
	readonly onRemote?: (state: () => SessionState) => void;
	/** TLS of the process, for disks of servers that are spoken to behind it. */
	readonly tls?: Tls;
	/** Default: this process reads the files of keys itself. */
	readonly readRemoteKeys?: ReadRemoteKeys;
	/** Default: this process looks hosts up itself. */
	readonly lookUp?: LookUp;
	/** What pools stand on that are on disks. */
	readonly onDisks?: PoolHome["onDisks"];
	/** Nobody wants it any more: what has not begun need not. */
	readonly signal: AbortSignal;
	/** There is no address space left for it; see `lib/block/file.ts`. */
	readonly onUnmapped: () => void;
	/** A disk that the one to open is made of. Throws an OperatorError if it is not open. */
	readonly memberDisk?: (name: string) => Disk;
	/** It is made of others, which lie so. */
	readonly onPlaces?: (places: () => readonly LinearPlace[]) => void;
	/** It is a mirror of others. */
	readonly onMirror?: (mirror: Mirror) => void;
	/** There is something to tell of it. */
	readonly warn?: (message: string) => void;
	/** The same of what is as it should be. */
	readonly inform?: (message: string) => void;
	/** Default: this process opens files itself. */
	readonly openFile?: OpenFile;
	/** Default: it makes memory itself, which is gone at its end. */
	readonly openMemory?: OpenMemory;
	/** Default: it opens pools itself, by code that is loaded for the first of them. */
	readonly openVolume?: OpenVolume;
}

type Memory = Extract<StorageSpec, { kind: "memory" }>;

/** `disk`: whose memory it is. */
export type OpenMemory = (
	memory: Memory,
	options: MemoryOptions & Pick<OpenContext, "engine">,
	disk: string,
) => FileDevice | Promise<FileDevice>;

const ownMemory: OpenMemory = ({ name, sizeBytes }, options) =>
	FileDevice.inMemory(options.engine, name, sizeBytes, options);

export type OpenFile = (
	engine: StorageEngine,
	path: string,
	options: FileOptions,
	/** Hears which file it is, as the opener's looks tell it. */
	told?: (identity: string) => void,
) => Promise<FileDevice>;

/** Throws an OperatorError that names the storage and says what is wrong. Others are served meanwhile, however long it takes. */
export type OpenDevice = (spec: DiskSpec, context: OpenContext) => Promise<BlockDevice>;

const OPENERS: Readonly<Record<StorageSpec["kind"], OpenDevice>> = {
	async file(spec, context) {
		const { storage, readOnly, direct, offsetSectors, lengthSectors } = spec;
		invariant(storage.kind === "file", "not a file");
		const { openFile = FileDevice.open, ...shared } = context;
		const file = await openFile(context.engine, storage.path, {
			...shared,
			readOnly,
			direct,
			offsetBytes: offsetSectors * SECTOR_BYTES,
			lengthBytes: lengthSectors === undefined ? undefined : lengthSectors * SECTOR_BYTES,
			synced: spec.durability === "ack",
		});
		return layersOn(file, storage.name, spec, context.commits, file.alignBytes);
	},
	async memory(spec, context) {
		const { storage, readOnly } = spec;
		invariant(storage.kind === "memory", "not memory");
		const { openMemory = ownMemory } = context;
		const memory = await openMemory(storage, { ...context, readOnly }, spec.name);
		return layersOn(memory, storage.name, spec, context.commits);
	},
	async volume(spec, context) {
		const { storage } = spec;
		invariant(storage.kind === "volume", "not a volume");
		const openVolume = context.openVolume ?? (await import("../pool/openings.js")).openVolume;
		const { device, identity } = await openVolume(context, storage.pool, storage.volume, spec);
		context.onIdentity(identity);
		return device;
	},
	remote: openRemote,
	linear: openLinear,
	mirror: openMirrored,
};

/** Of those that are open; the others are attached when they are. */
async function openMirrored(spec: DiskSpec, context: OpenContext): Promise<BlockDevice> {
	const { storage } = spec;
	const { memberDisk, onMirror, signal, warn, inform } = context;
	invariant(storage.kind === "mirror" && memberDisk !== undefined, "not a mirror");
	const { members, from, degraded } = storage;
	const mirror = await openMirror(
		members.map(({ name }) => ({ name, device: memberIn(() => memberDisk(name)) })),
		{
			clock: systemClock,
			wallMs: Date.now,
			allocate: nativeMemory,
			identifier: (byteLength) => randomBytes(byteLength).toString("hex"),
			onEvent: (event) => (isTrouble(event) ? warn : inform)?.(eventText(event)),
		},
		{ ...(from !== undefined && { from }), degraded, ...spec.mirroring },
	);
	if (signal.aborted) await mirror.close();
	signal.throwIfAborted();
	onMirror?.(mirror);
	return slice(spec.readOnly ? new ReadOnlyLayer(mirror) : mirror, storage.name, spec);
}

/** Null while it is not open. Throws as `memberOf`. */
function memberIn(find: () => Disk): Member | null {
	let disk: Disk;
	try {
		disk = find();
	} catch (error) {
		if (!(error instanceof OperatorError)) throw error;
		return null;
	}
	return memberOf(disk);
}

/** Throws an OperatorError if it has not done all yet that a whole before this one has asked of it, and was closed without. */
function memberOf(disk: Disk): Member {
	if (disk.underWay === 0) return new Member(disk);
	throw new OperatorError(`its disk ${disk.name} has not answered yet what it was asked before`);
}

/** What it is made of is open, and is closed after it. */
async function openLinear(spec: DiskSpec, context: OpenContext): Promise<BlockDevice> {
	const { storage, lengths = {} } = spec;
	const { memberDisk, onPlaces, warn } = context;
	invariant(storage.kind === "linear" && memberDisk !== undefined, "not linear");
	const members = storage.members.map(({ name }) => ({
		name,
		device: memberOf(memberDisk(name)),
		lengthBytes: Object.hasOwn(lengths, name) ? lengths[name] : undefined,
	}));
	const linear = new LinearDevice(members, {
		onGrown: (name, usedBytes, sizeBytes) =>
			warn?.(
				`disk ${name} has ${sizeBytes} bytes now, of which ${usedBytes} are used: only the last part may grow, or what follows would be elsewhere`,
			),
	});
	onPlaces?.(() => linear.places);
	// A write counts as done when it does for those that it is for.
	return slice(new OrderingLayer(linear), storage.name, spec);
}

export const openDevice: OpenDevice = (spec, context) => OPENERS[spec.storage.kind](spec, context);
