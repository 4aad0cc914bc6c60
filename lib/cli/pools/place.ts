/**
 * Where commands make volumes and fill them: a pool that this process opens, or one that a running daemon has (`daemon-place.ts`). Used by
 * `image.ts` and `stream.ts`.
 */

import type { BlockDevice } from "../../block/device.js";
import { lookNow } from "../../pool/looks.js";
import type { Pool } from "../../pool/pool.js";
import { openVolumeStack } from "../../pool/volume-stack.js";
import type { CommandLine } from "../../spec/getopt.js";
import type { Output } from "../client.js";
import type { Contents } from "./contents.js";
import { isPath, withPool } from "./open-pool.js";
import { contentsOf, type Where } from "./reading.js";
import { tell } from "./tell-volume.js";

export interface FoundVolume {
	readonly sizeBytes: number;
	readonly snapshots: readonly { readonly name: string }[];
}

export interface Place {
	readonly contents: Contents;
	/** Undefined: there is none of this name. */
	find(name: string): Promise<FoundVolume | undefined>;
	/** Says what the volume is like now. */
	tell(name: string, asJson: boolean, output: Output): Promise<void>;
	create(name: string, sizeBytes: number, pageBytes: number): Promise<unknown>;
	clone(of: string, snapshot: string, name: string): Promise<unknown>;
	/** What is behind its end is lost. */
	resize(name: string, sizeBytes: number): Promise<unknown>;
	rename(from: string, to: string): Promise<unknown>;
	replace(name: string, by: string): Promise<unknown>;
	remove(name: string): Promise<unknown>;
	/** `from`: by what id it is known in the pool that it is a copy from. */
	takeSnapshot(volume: string, name: string, from: string): Promise<unknown>;
	/** To be read and written, and closed. What has been written is safe when it is flushed. */
	open(name: string): Promise<BlockDevice>;
}

/** Resolves to the exit status. */
export async function withPlace(
	{ folder }: Where,
	line: Pick<CommandLine<"socket">, "last">,
	output: Output,
	work: (place: Place) => Promise<void>,
): Promise<number> {
	if (!isPath(folder)) {
		const { withDaemonPlace } = await import("./daemon-place.js");
		return withDaemonPlace(folder, line.last("socket") ?? "", output, work);
	}
	await withPool(folder, (pool) => work(placeOf(pool)));
	return 0;
}

export function placeOf(pool: Pool): Place {
	const { administration } = pool;
	return {
		contents: contentsOf(pool),
		find: async (name) => pool.volumes.find((volume) => volume.name === name),
		tell: async (name, asJson, output) =>
			tell(await lookNow(pool, administration.volume(name)), asJson, output),
		create: (...what) => administration.create(...what),
		clone: (...what) => administration.clone(...what),
		resize: (name, sizeBytes) => administration.resize(name, sizeBytes, true),
		rename: (...what) => administration.rename(...what),
		replace: (...what) => administration.replace(...what),
		remove: (name) => administration.delete(name),
		takeSnapshot: (volume, name, from) => administration.takeSnapshots([{ volume, name, from }]),
		open: (name) => openToCopy(pool, name, false),
	};
}

/** A volume with the layers that make it one to write to: what has been written is safe when it is flushed. */
export async function openToCopy(pool: Pool, name: string, readOnly: boolean): Promise<BlockDevice> {
	const whole = { offsetSectors: 0, lengthSectors: undefined };
	return (await openVolumeStack(pool, name, { ...whole, durability: "flush", readOnly })).device;
}
