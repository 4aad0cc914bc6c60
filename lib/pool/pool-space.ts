/**
 * What volumes, snapshots and the pool take up, as of the last checkpoint. All of it is known by running sums: to ask for a volume costs as
 * many steps as its last snapshot has before it, whatever it holds. What the words mean is in docs/pools.md. Made by `pool.ts`, asked by `looks.ts`.
 */

import { OperatorError } from "../errors.js";
import { SECTOR_BYTES } from "../wire/sector.js";
import { checkChanged } from "./allowed.js";
import { linesOf, type Snapshot, type Volume } from "./catalog.js";
import type { Contents } from "./contents.js";
import type { PoolDisks, PoolWorld } from "./folder.js";
import { SEGMENT_BYTES } from "./format.js";
import { historyBytes, type Unwalked, unwalkedIn } from "./history-bytes.js";
import type { Living } from "./living.js";
import type { Point } from "./map/point.js";
import { hasLeftOrigin, historySectors, sharedSectors, uniqueSectors } from "./map/takings.js";
import { inTurns } from "./map/turns.js";
import type { NodeLog } from "./node-log.js";
import type { Segments } from "./segments.js";
import { OpenCount } from "./standing.js";
import type { LocalBytes } from "./store/local-sizes.js";
import type { HandedOver, ReplicaLook, StoredLook } from "./stored-look.js";
import type { PoolTold } from "./told.js";

export interface VolumeSpace {
	/** What is mapped; of that, what nobody else has, and what others have, too. */
	readonly usedBytes: number;
	readonly uniqueBytes: number;
	readonly sharedBytes: number;
	/** What only moments of it have. */
	readonly historyBytes: number;
}

export interface SnapshotSpace {
	readonly usedBytes: number;
	/** What deleting it alone would free. */
	readonly uniqueBytes: number;
}

export interface PoolFigures {
	readonly sizeBytes: number;
	/** What anybody may still read. */
	readonly usedBytes: number;
	/** Of that, what only moments have. */
	readonly historyBytes: number;
	/** Of what is used, what was trimmed or removed and is still to be gone through: what of it nobody else has is free then. */
	readonly freeingBytes: number;
	/** What nobody reads any more, and is not free yet. */
	readonly waitingBytes: number;
	readonly freeBytes: number;
}

export interface PoolSpaceOf {
	readonly world: Pick<
		PoolWorld,
		| "nextTurn"
		| "disks"
		| "stored"
		| "replicas"
		| "replicasAre"
		| "settle"
		| "shipSoon"
		| "resizeLocal"
		| "handOver"
		| "losses"
		| "onlyRead"
		| "folder"
	>;
	readonly contents: Contents;
	readonly living: Living;
	readonly segments: Segments;
	readonly nodes: NodeLog;
}

export class PoolSpace {
	steps = 0;
	readonly #of: PoolSpaceOf;
	/** Names of replicas of which it was told. */
	readonly #split = new Set<string>();

	constructor(of: PoolSpaceOf) {
		this.#of = of;
	}

	/** What it is on, if that is several disks. */
	get disks(): PoolDisks | undefined {
		return this.#of.world.disks;
	}

	/** How much of it somebody has open. */
	readonly opened = new OpenCount();

	/** Throws an OperatorError if it can only be read. */
	checkChanged(): void {
		checkChanged(this.#of.world);
	}

	/** Why nothing in it is changed; undefined: all can be. */
	get onlyRead(): string | undefined {
		return this.#of.world.onlyRead;
	}

	get replicas(): readonly ReplicaLook[] {
		const { world, contents } = this.#of;
		return world.replicas?.(contents.catalog.written.now) ?? [];
	}

	/** Tells of replicas that have gone on by themselves, as the pool has, each once. To be called now and then. */
	age(tell: (told: PoolTold) => void): void {
		for (const { name, state, trouble } of this.replicas) {
			const isSplit = state === "split";
			if (isSplit && !this.#split.has(name))
				tell({ kind: "pool-split", level: "warn", message: `its replica ${name} ${trouble ?? "is split"}` });
			if (isSplit) this.#split.add(name);
			else this.#split.delete(name);
		}
	}

	/** Which they are, since it was opened. */
	get replicasAre(): string {
		return this.#of.world.replicasAre ?? "";
	}

	/** How it stands with its object store, if it is in one. */
	get stored(): StoredLook | undefined {
		return this.#of.world.stored?.();
	}

	/** What of it is on this host alone is brought where it belongs when it resolves, unless that does not get on. */
	async settle(): Promise<void> {
		await this.#of.world.settle?.();
	}

	/** Whether all that is written by now is where another host would go on from, within a moment. */
	async shipSoon(): Promise<boolean> {
		return (await this.#of.world.shipSoon?.()) ?? true;
	}

	/** If it is in an object store. */
	resizeLocal(bytes: LocalBytes | undefined): void {
		if (bytes !== undefined) this.#of.world.resizeLocal?.(bytes);
	}

	/** A host that waits for it has it when this resolves. `prepare`: called before, maybe twice, while all goes on; `to`: which one. Throws an OperatorError. */
	async handOver(prepare: () => Promise<void>, to?: string): Promise<HandedOver> {
		const { handOver } = this.#of.world;
		this.checkChanged();
		if (handOver === undefined)
			throw new OperatorError("it is in no object store, so no other host can have it");
		return handOver(prepare, to);
	}

	/** What was given up at a takeover, by its epoch, is not kept any more for the host that has it. Throws an OperatorError. */
	async forgetLost(epoch: number): Promise<void> {
		const { losses } = this.#of.world;
		if (losses === undefined) throw new OperatorError("nothing of it was given up");
		await losses.forget(epoch);
	}

	/** Bytes of a volume that are mapped. */
	usedBytes({ line, pageBytes }: Volume): number {
		return (this.#of.contents.layers.roots.get(line)?.mapped ?? 0) * pageBytes;
	}

	/** Whether something was trimmed that is counted as used. */
	get isBehind(): boolean {
		return this.#of.contents.layers.isTrimmed;
	}

	/** What the others ask for. */
	unwalked(): Promise<Unwalked> {
		const { contents, living, world } = this.#of;
		return inTurns(unwalkedIn({ contents, descent: living.descent }), world.nextTurn);
	}

	ofVolume(volume: Volume, { byLine }: Unwalked): VolumeSpace {
		const usedBytes = this.usedBytes(volume);
		const line = this.#of.living.descent.pages.line(volume.line);
		// (Pools of older formats don't know it of all, and while what was trimmed is gone through, more counts as shared than is there.)
		const shared = line === undefined ? 0 : (sharedSectors(line) ?? Number.POSITIVE_INFINITY);
		const sharedBytes = Math.min(usedBytes, shared * SECTOR_BYTES);
		let historyBytes = 0;
		for (const each of linesOf(volume)) {
			const sectors = historySectors(this.#of.living.descent.pages.line(each));
			historyBytes += sectors * SECTOR_BYTES + (byLine.get(each) ?? 0);
		}
		return { usedBytes, sharedBytes, uniqueBytes: usedBytes - sharedBytes, historyBytes };
	}

	/** Steps: as many as `steps` says afterwards. */
	ofSnapshot(snapshot: Snapshot): SnapshotSpace {
		const point = this.#of.living.descent.pointOf(snapshot);
		this.steps = point === undefined ? 0 : stepsOf(point);
		const unique = point === undefined ? 0 : uniqueSectors(point);
		return { usedBytes: (snapshot.image.sectors ?? 0) * SECTOR_BYTES, uniqueBytes: unique * SECTOR_BYTES };
	}

	/** Names of volumes that began as a snapshot is, and share something with it still, in order. Steps: as many more. */
	clonesOf(snapshot: Snapshot): string[] {
		const { contents, living } = this.#of;
		const point = living.descent.pointOf(snapshot);
		const clones: string[] = [];
		for (const { line } of point?.children ?? []) {
			this.steps++;
			const isOn = line.origin === point && !hasLeftOrigin(line);
			const volume = isOn ? contents.catalog.ofLine(line.number) : undefined;
			if (volume !== undefined) clones.push(volume.name);
		}
		return clones.sort();
	}

	/** Whoever is served has had a turn when it resolves. */
	nextTurn(): Promise<void> {
		return this.#of.world.nextTurn();
	}

	ofPool(unwalked: Unwalked): PoolFigures {
		const { segments, nodes, living } = this.#of;
		const { slots, table } = segments;
		const takenBytes = (slots.count - slots.free) * SEGMENT_BYTES;
		const madeBytes = slots.count * SEGMENT_BYTES;
		// (What a file system has left is not always known.)
		const { sizeBytes: knownBytes } = segments;
		const sizeBytes = Number.isFinite(knownBytes) ? Math.max(knownBytes, takenBytes) : madeBytes;
		const usedBytes = table.liveSectors * SECTOR_BYTES + nodes.liveBytes;
		return {
			sizeBytes,
			usedBytes,
			historyBytes: Math.min(usedBytes, historyBytes(living.descent, unwalked)),
			freeingBytes: Math.min(usedBytes, unwalked.freeingBytes),
			waitingBytes: takenBytes - usedBytes,
			freeBytes: sizeBytes - takenBytes,
		};
	}
}

/** Lists that are gone through for what a point alone has. */
function stepsOf({ children, parent }: Point): number {
	let steps = 0;
	for (const point of [...children, ...(parent?.children ?? [])]) steps += point.died.size;
	return steps;
}
