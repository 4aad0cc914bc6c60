/**
 * Where commands make volumes and fill them, whoever has the pool. Used by `image.ts` and `stream.ts`; made by `pool-place.ts` and
 * `daemon-place.ts`. Types only.
 */

import type { BlockDevice } from "../../block/device.js";
import type { Output } from "../client.js";
import type { Contents } from "./contents.js";

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
