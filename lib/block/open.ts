/**
 * Opens the storage of a blade and puts the layers on it that make it a disk one can trust:
 *
 *   durability ── when a write counts as done
 *   slice ─────── `-o` and `-l`
 *   ordering ──── overlapping requests in order of arrival
 *   file ──────── a file, a block device, or memory
 *
 * Called by `lib/server.ts`; hands on the top of the stack.
 */

import { OperatorError } from "../errors.js";
import type { Durability, StorageSpec } from "../server-options.js";
import type { BlockDevice } from "./device.js";
import { DurabilityLayer, type GroupCommit } from "./durability.js";
import type { StorageEngine } from "./engine.js";
import { FileDevice } from "./file.js";
import { OrderingLayer } from "./ordering.js";
import { SliceLayer } from "./slice.js";
import type { StallListener } from "./stalls.js";

const SECTOR_BYTES = 512;

export interface StorageOptions {
	readonly readOnly: boolean;
	readonly direct: boolean;
	readonly offsetSectors: number;
	readonly lengthSectors: number | undefined;
	readonly durability: Durability;
	/** The storage became shorter than what is served. Told once. */
	readonly onShrunk: (sizeBytes: number) => void;
	/** There is no address space left for it; see `file.ts`. */
	readonly onUnmapped: () => void;
	/** Requests take remarkably long. Their offsets are in the storage, not in what is served of it. */
	readonly stalls: StallListener;
}

/** Throws an OperatorError that names the storage and says what is wrong. */
export function openStorage(
	storage: StorageSpec,
	options: StorageOptions,
	engine: StorageEngine,
	commits: GroupCommit,
): BlockDevice {
	const { readOnly, direct, onShrunk, onUnmapped, stalls } = options;
	switch (storage.kind) {
		case "memory": {
			const memory = FileDevice.inMemory(engine, storage.name, storage.sizeBytes, {
				readOnly,
				onUnmapped,
				stalls,
			});
			return layersOn(memory, storage.name, options, commits);
		}
		case "file": {
			const synced = options.durability === "ack";
			const { offsetSectors, lengthSectors } = options;
			const file = new FileDevice(engine, storage.path, {
				readOnly,
				direct,
				offsetBytes: offsetSectors * SECTOR_BYTES,
				lengthBytes: lengthSectors === undefined ? undefined : lengthSectors * SECTOR_BYTES,
				synced,
				onShrunk,
				onUnmapped,
				stalls,
			});
			return layersOn(file, storage.name, options, commits, file.alignBytes);
		}
	}
}

/** What `layersOn` has to know. */
export type LayerOptions = Pick<StorageOptions, "offsetSectors" | "lengthSectors" | "durability">;

/**
 * Puts the layers on a device; `openStorage` for a device that is there already. Closes it if that can't be done.
 * @param name what the operator calls it
 * @param alignBytes the block that it reads and writes as a whole; a power of two
 */
export function layersOn(
	bottom: BlockDevice,
	name: string,
	options: LayerOptions,
	commits: GroupCommit,
	alignBytes = SECTOR_BYTES,
): BlockDevice {
	const ordered = new OrderingLayer(bottom, { alignBytes: Math.max(SECTOR_BYTES, alignBytes) });
	try {
		return new DurabilityLayer(slice(ordered, name, options), commits, { mode: options.durability });
	} catch (error) {
		// It holds a lock, which the next try would find.
		void ordered.close();
		throw error;
	}
}

function slice(device: BlockDevice, name: string, options: LayerOptions): BlockDevice {
	const { offsetSectors, lengthSectors } = options;
	if (offsetSectors === 0 && lengthSectors === undefined) return device;
	const sectors = device.info.sizeBytes / SECTOR_BYTES;
	if (offsetSectors >= sectors)
		throw new OperatorError(
			`offset ${offsetSectors}: ${name} has ${sectors} sectors, so it may be at most ${sectors - 1}`,
		);
	const rest = sectors - offsetSectors;
	if (lengthSectors !== undefined && lengthSectors > rest)
		throw new OperatorError(
			`length ${lengthSectors}: ${name} has ${rest} sectors from offset ${offsetSectors}, so it may be at most ${rest}`,
		);
	return new SliceLayer(
		device,
		offsetSectors * SECTOR_BYTES,
		lengthSectors === undefined ? undefined : lengthSectors * SECTOR_BYTES,
	);
}
