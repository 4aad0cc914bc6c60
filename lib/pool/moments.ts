/**
 * What volumes were at moments of the past: found, as trees, and kept as snapshots, which a clone or the way back begins with. Made by
 * `pool.ts`.
 *
 * A moment that is kept is in no record: it is part of a checkpoint from its beginning on, and nobody is told of it before that is stored.
 */

import { OperatorError } from "../errors.js";
import { type Catalog, Image, type Snapshot, type Volume } from "./catalog.js";
import type { Checkpoints } from "./checkpoints.js";
import type { Contents } from "./contents.js";
import { EMPTY_ROOT, type Root } from "./map/ref.js";
import { emptyContents, type PoolParts } from "./opening.js";
import { contentsAt } from "./past.js";

/** A volume as it was. */
export interface Then {
	readonly volume: Volume;
	readonly contents: Contents;
}

export class Moments {
	readonly #parts: PoolParts;
	readonly #checkpoints: Checkpoints;

	constructor(parts: PoolParts, checkpoints: Checkpoints) {
		this.#parts = parts;
		this.#checkpoints = checkpoints;
	}

	/** `present`: the volume as it is now, whatever it was called then. Throws an OperatorError. */
	async find(present: Volume, timeUs: number): Promise<Then> {
		const { world, nodes, tree, log } = this.#parts;
		// (The clock may have been set back.)
		if (timeUs > Math.max(world.now(), log.cursor.timeUs)) throw refusal(present, timeUs, "is in the future");
		if (timeUs < present.createdUs) throw refusal(present, timeUs, "there was no such volume then");
		const { kept } = this.#checkpoints;
		const empty = (): Contents => emptyContents(world, nodes, tree);
		const contents = await contentsAt({ ...this.#parts, kept, empty }, timeUs);
		const volume = sameVolume(contents.catalog, present);
		if (volume === undefined) throw refusal(present, timeUs, "there was no such volume then");
		return { volume, contents };
	}

	/** Its tree, with all that was written by then. */
	async rootOf({ contents, volume }: Then): Promise<Root> {
		await contents.settle();
		contents.freeze();
		await contents.settle();
		return contents.layers.roots.get(volume.line) ?? EMPTY_ROOT;
	}

	/** A snapshot of the volume, as it was, by this name. Throws an OperatorError. */
	async keep(present: Volume, timeUs: number, name: string): Promise<Snapshot> {
		const then = await this.find(present, timeUs);
		const { line, sizeBytes } = then.volume;
		const image = new Image(line);
		image.root = await this.rootOf(then);
		// (The last sector that counts; of what has a record of its own, it is where that begins.)
		const snapshot = { name, line, position: then.contents.end - 1, image, timeUs, sizeBytes, isHeld: false };
		await this.#checkpoints.keepWith(() => this.#parts.contents.keep(present.line, snapshot));
		return snapshot;
	}
}

function refusal({ name }: Volume, timeUs: number, what: string): OperatorError {
	return new OperatorError(`${name}@${new Date(timeUs / 1000).toISOString()}: ${what}`);
}

/** Whatever it was called, and whichever line it went by: never another one of its name. */
function sameVolume(catalog: Catalog, { born }: Volume): Volume | undefined {
	return catalog.volumes.find((volume) => volume.born === born);
}
