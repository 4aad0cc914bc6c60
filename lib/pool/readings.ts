/**
 * What names of volumes, snapshots and moments name: as something to read, as a tree, as the id of what it holds; and who reads which
 * snapshot. Made by `pool.ts`.
 */

import type { Administration } from "./administration.js";
import type { Snapshot, Volume } from "./catalog.js";
import { Changes } from "./changes.js";
import type { Checkpoints } from "./checkpoints.js";
import { type Compared, differences, type PageRange } from "./difference.js";
import type { HeadWriter } from "./head-writer.js";
import type { History } from "./history.js";
import { EMPTY_ROOT, type Root } from "./map/ref.js";
import { ImageLookup, MomentLookup } from "./map-lookups.js";
import type { Moments } from "./moments.js";
import type { PoolParts } from "./opening.js";
import type { PageLookup } from "./page-lookup.js";
import { type At, readVolumeName, volumeIn } from "./past.js";
import { Scrub } from "./scrub.js";

export interface ReadingsOf {
	readonly parts: PoolParts;
	readonly administration: Pick<Administration, "volume" | "snapshot">;
	readonly moments: Moments;
	readonly history: History;
	readonly checkpoints: Checkpoints;
	readonly writer: Pick<HeadWriter, "scrub">;
}

/** What a volume was: nothing of it goes until `release` is called. */
export interface Past {
	readonly volume: Volume;
	readonly lookup: PageLookup;
	readonly release: () => void;
}

/** A tree: none of its nodes goes until `release` is called. */
export interface FixedTree {
	readonly root: Root;
	readonly release: () => void;
}

async function orLetGo(release: () => void, find: () => Promise<Root>): Promise<FixedTree> {
	try {
		return { root: await find(), release };
	} catch (error) {
		release();
		throw error;
	}
}

export class Readings {
	/** What is not read by names. */
	readonly scrub: Scrub;
	readonly #of: ReadingsOf;
	/** How many read a snapshot. */
	readonly #readers = new Map<Snapshot["image"], number>();

	/** Since `age` was called. */
	#scrubbed = false;

	constructor(of: ReadingsOf) {
		this.#of = of;
		this.scrub = new Scrub(of);
	}

	/**
	 * Somebody looks at all of a volume: nodes of the map are read from all copies of the storage, if it has several, until that was not said for a
	 * minute. `isFirst`: also those that are in memory by now.
	 */
	askAll(isFirst: boolean): void {
		const { parts } = this.#of;
		if ((parts.segments.folder.copies ?? 1) === 1) return;
		parts.nodes.asksAll = true;
		this.#scrubbed = true;
		if (isFirst) for (const frames of [parts.tree.nodes, parts.tree.leaves]) frames.drop();
	}

	/** To be called every half minute. */
	age(): void {
		this.#of.parts.nodes.asksAll = this.#scrubbed;
		this.#scrubbed = false;
	}

	isRead({ image }: Snapshot): boolean {
		return this.#readers.has(image);
	}

	async past(name: string, at: At): Promise<Past> {
		const { administration, moments, parts } = this.#of;
		const volume = administration.volume(name);
		if (at.kind === "moment") {
			const then = await moments.find(volume, at.timeUs);
			const lookup = new MomentLookup(then.contents.layers, then.volume.line);
			return { volume: then.volume, lookup, release: then.release };
		}
		const snapshot = administration.snapshot(volume, at.name);
		const { sizeBytes, image } = snapshot;
		const release = this.#read(snapshot);
		return {
			volume: { ...volume, sizeBytes },
			lookup: new ImageLookup(parts.contents.layers, image),
			release,
		};
	}

	#read(snapshot: Snapshot): () => void {
		const { living } = this.#of.parts;
		const { image } = snapshot;
		living.keeps(snapshot, image.end);
		this.#readers.set(image, (this.#readers.get(image) ?? 0) + 1);
		return () => {
			const left = (this.#readers.get(image) ?? 1) - 1;
			if (left > 0) this.#readers.set(image, left);
			else this.#readers.delete(image);
			living.givesUp(snapshot);
		};
	}

	/** Pages in which two volumes or what they were differ, from page `first` on, in order. */
	async *changes(before: string, after: string, first: number): AsyncGenerator<PageRange> {
		const compared = await this.compare(before, after);
		try {
			yield* differences(compared, first, () => this.#of.parts.world.nextTurn());
		} finally {
			compared.release();
		}
	}

	/** Where a tree of a volume may be other than a snapshot of it, from a byte on. Throws an OperatorError if that is not there. */
	async changesSince(
		before: string,
		{ root: after }: Pick<FixedTree, "root">,
		offsetBytes: number,
		whenReleased: () => void,
	): Promise<Changes> {
		const { parts, administration } = this.#of;
		const { pageBytes } = administration.volume(volumeIn(before));
		const nextTurn = (): Promise<void> => parts.world.nextTurn();
		const { root, release } = await this.tree(before);
		const compared = { tree: parts.tree, before: root, after, release };
		return new Changes({ compared, pageBytes, offsetBytes, nextTurn, whenReleased });
	}

	/** Two volumes, or what they were. Throws an OperatorError if one is not there. */
	async compare(before: string, after: string): Promise<Compared> {
		const one = await this.tree(before);
		try {
			const other = await this.tree(after);
			const release = (): void => {
				one.release();
				other.release();
			};
			return { tree: this.#of.parts.tree, before: one.root, after: other.root, release };
		} catch (error) {
			one.release();
			throw error;
		}
	}

	/** The tree of what is named, with all that was written by now. Throws an OperatorError if that is not there. */
	async tree(text: string): Promise<FixedTree> {
		const { parts, administration, moments, history, checkpoints } = this.#of;
		const { name, at } = readVolumeName(text, parts.world.now());
		const volume = administration.volume(name);
		if (at?.kind === "moment") {
			const then = await moments.find(volume, at.timeUs);
			return orLetGo(then.release, () => moments.rootOf(then));
		}
		if (at === undefined) {
			await checkpoints.request();
			const pin = history.pin(Number.POSITIVE_INFINITY);
			const root = parts.contents.layers.roots.get(volume.line) ?? EMPTY_ROOT;
			return { root, release: () => pin?.release() };
		}
		const snapshot = administration.snapshot(volume, at.name);
		return orLetGo(this.#read(snapshot), async () => {
			await checkpoints.idle();
			return snapshot.image.root ?? EMPTY_ROOT;
		});
	}

	/** Another text whenever what is named may hold anything else; the same in the pool that a snapshot was sent to. */
	contentId(text: string): string {
		const { parts, administration } = this.#of;
		const { world, log, head } = parts;
		const { name, at } = readVolumeName(text, world.now());
		const volume = administration.volume(name);
		const { pool } = head.state;
		if (at === undefined) return `${pool}/${volume.line}@${log.gather.position}`;
		if (at.kind === "moment") return `${pool}/${volume.line} at ${at.timeUs}`;
		const { line, position, from } = administration.snapshot(volume, at.name);
		return from ?? `${pool}/${line}@${position}`;
	}
}
