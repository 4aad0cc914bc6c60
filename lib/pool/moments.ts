/**
 * What volumes were at moments of the past: found, as trees, and kept as snapshots, which a clone or the way back begins with. Made by
 * `pool.ts`.
 *
 * A moment that is kept is in no record: it is part of a checkpoint from its beginning on, and nobody is told of it before that is stored.
 */

import { OperatorError } from "../errors.js";
import { quote, timeText } from "../text.js";
import { type Catalog, Image, type Snapshot, type Volume } from "./catalog.js";
import type { Checkpoints } from "./checkpoints.js";
import { type ClockJumps, unsureText } from "./clock-jumps.js";
import type { Contents } from "./contents.js";
import type { CheckpointRef } from "./head.js";
import type { History } from "./history.js";
import { EMPTY_ROOT, type Root } from "./map/ref.js";
import { MomentNodes } from "./moment-nodes.js";
import { momentContents, type PoolParts } from "./opening.js";
import { contentsAt } from "./past.js";

/** A volume as it was. */
export interface Then {
	readonly volume: Volume;
	readonly contents: Contents;
	/** The checkpoint that it was read from; undefined: none. */
	readonly ref: CheckpointRef | undefined;
	readonly nodes: MomentNodes;
	/** Nobody looks at it any more. */
	readonly release: () => void;
}

export class Moments {
	readonly #parts: PoolParts;
	readonly #checkpoints: Checkpoints;
	readonly #history: History;
	readonly #jumps: ClockJumps;

	constructor(parts: PoolParts, checkpoints: Checkpoints, history: History, jumps: ClockJumps) {
		this.#parts = parts;
		this.#checkpoints = checkpoints;
		this.#history = history;
		this.#jumps = jumps;
	}

	/** `present`: the volume as it is now, whatever it was called then. Nothing of it goes until `release` is called. Throws an OperatorError. */
	async find(present: Volume, timeUs: number): Promise<Then> {
		const { world, log, living } = this.#parts;
		// (The clock may have been set back.)
		if (timeUs > Math.max(world.now(), log.cursor.timeUs)) throw refusal(present, timeUs, "is in the future");
		if (timeUs < present.createdUs) throw refusal(present, timeUs, "there was no such volume then");
		const jump = this.#jumps.at(timeUs);
		if (jump !== undefined)
			throw refusal(present, timeUs, `the clock was set back then: ${unsureText(jump)}; snapshots have`);
		const beganUs = Math.ceil(this.#history.beganUsOf(present) / 1000) * 1000;
		const gone = `is not kept any more; volume ${quote(present.name)} goes back to ${timeText(beganUs)}`;
		const pin = this.#history.pin(timeUs);
		if (pin === undefined) throw refusal(present, timeUs, gone);
		const { ref, release: unpin } = pin;
		const nodes = new MomentNodes(this.#parts.nodes);
		let letGo = (): void => {};
		const release = (): void => {
			nodes.release();
			letGo();
			unpin();
		};
		try {
			const empty = (): Contents => momentContents(this.#parts, nodes);
			const contents = await contentsAt({ ...this.#parts, ref, empty }, timeUs);
			const volume = sameVolume(contents.catalog, present);
			if (volume === undefined) throw refusal(present, timeUs, "there was no such volume then");
			if (!living.descent.reaches(volume.line, ref === undefined ? 0 : ref.position + 1))
				throw refusal(present, timeUs, gone);
			letGo = living.descent.ends.look(volume.line);
			return { volume, contents, ref, nodes, release };
		} catch (error) {
			release();
			throw error;
		}
	}

	/** Its tree, with all that was written by then. */
	async rootOf({ contents, volume }: Then): Promise<Root> {
		await contents.settle();
		contents.freeze();
		await contents.settle();
		return contents.layers.roots.get(volume.line) ?? EMPTY_ROOT;
	}

	/** A passing snapshot of the volume, as it was, by this name. Throws an OperatorError. */
	async keep(present: Volume, timeUs: number, name: string): Promise<Snapshot> {
		const then = await this.find(present, timeUs);
		try {
			const { line, sizeBytes, pageBytes } = then.volume;
			const root = await this.rootOf(then);
			const { contents, ref, nodes } = then;
			// (The last sector that counts; of what has a record of its own, it is where that begins.)
			const position = contents.end - 1;
			const image = new Image({ line, position }, contents.end + 1, pageBytes);
			image.root = root;
			image.place = ref === undefined ? 0 : ref.place + ref.bytes;
			const snapshot = { name, line, position, image, timeUs, sizeBytes, isHeld: false, isPassing: true };
			nodes.keep();
			await this.#checkpoints.keepWith(() => this.#parts.contents.keep(present.line, snapshot));
			return snapshot;
		} finally {
			then.release();
		}
	}
}

function refusal({ name }: Volume, timeUs: number, what: string): OperatorError {
	return new OperatorError(`${name}@${timeText(timeUs)}: ${what}`);
}

/** Whatever it was called, and whichever line it went by: never another one of its name. */
function sameVolume(catalog: Catalog, { born }: Volume): Volume | undefined {
	return catalog.bornAs(born);
}
