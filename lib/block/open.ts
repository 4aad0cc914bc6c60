/**
 * Opens the storage of a blade and puts the layers on it that make it a disk one can trust:
 *
 *   durability ── when a write counts as done
 *   slice ─────── `-o` and `-l`
 *   ordering ──── overlapping requests in order of arrival
 *   file, or memory
 *
 * Called by `lib/server.ts`; hands on the top of the stack.
 */

import { OperatorError } from "../errors.js";
import type { Durability, StorageSpec } from "../server-options.js";
import type { BlockDevice } from "./device.js";
import { DurabilityLayer, type GroupCommit } from "./durability.js";
import type { StorageEngine } from "./engine.js";
import { FileDevice } from "./file.js";
import { MemoryDevice } from "./memory.js";
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
	const device = openBottom(storage, options, engine);
	try {
		return new DurabilityLayer(slice(device, storage.name, options), commits, {
			mode: options.durability,
		});
	} catch (error) {
		// It holds a lock, which the next try would find.
		void device.close();
		throw error;
	}
}

function openBottom(storage: StorageSpec, options: StorageOptions, engine: StorageEngine): BlockDevice {
	const { readOnly, direct, onShrunk, stalls } = options;
	switch (storage.kind) {
		case "memory":
			return new OrderingLayer(new MemoryDevice(storage.sizeBytes, { readOnly }));
		case "file": {
			const file = new FileDevice(engine, storage.path, { readOnly, direct, onShrunk, stalls });
			return new OrderingLayer(file, { alignBytes: Math.max(SECTOR_BYTES, file.alignBytes) });
		}
	}
}

function slice(device: BlockDevice, name: string, options: StorageOptions): BlockDevice {
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
