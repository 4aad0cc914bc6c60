/**
 * Which values a disk may return, seen from its initiators. Each sector is a register with writes that overlap in time: a
 * write is *open* from when it is asked for until it is acknowledged, and takes effect at some moment in between. So a sector
 * may hold what the last acknowledged write has put there, or what any write has that was open at the same time or is open
 * still; it may not hold what another acknowledged write had replaced before. What a read has seen, later reads see, or newer.
 *
 * Over a loss of power that becomes: what was durable must be there, or newer; what was not may be there or not.
 * `ack`: every acknowledged write is durable. `flush`: one is that was acknowledged before a flush was asked for which has
 * been acknowledged too, and one with forced unit access.
 *
 * Times are numbers of events, so no two are equal. Filled by `workload.ts`, and by `world.ts` when the power is cut.
 */

import { generationOf, SECTOR, ZEROS } from "./stamps.js";

export class ModelError extends Error {
	override name = "ModelError";
}

/** A write or trim, of one generation. */
export interface Change {
	readonly generation: number;
	readonly lba: number;
	readonly sectors: number;
	readonly forced: boolean;
	readonly start: number;
	/** When it was acknowledged. Until then it may take effect at any time. */
	end: number;
	/** Losses of power before it was asked for. */
	readonly epoch: number;
}

export interface PendingRead {
	readonly lba: number;
	readonly sectors: number;
	/** By sector: see `Sector.floor`. */
	readonly floors: readonly number[];
	/** What takes their place if the power is lost meanwhile. */
	readonly durable: readonly number[];
	readonly epoch: number;
}

export interface PendingFlush {
	readonly floors: readonly number[];
	readonly epoch: number;
}

class Sector {
	/** The latest start of an acknowledged change: what had ended before it is gone. */
	floor = 0;
	/** The same for changes that a read has seen. They may not be acknowledged, and then a loss of power may undo them. */
	seen = 0;
	/** As `floor`, for changes that survive. */
	durable = 0;
	/** What zeros may come from; the first one stands for the beginning. */
	readonly zeros: { readonly start: number; readonly end: number }[] = [{ start: 0, end: 0 }];
}

export class Model {
	readonly #sectors: readonly Sector[];
	readonly #changes = new Map<number, Change>();
	#now = 0;
	#epoch = 0;
	#generation = 0;

	constructor(
		sectorCount: number,
		readonly mode: "ack" | "flush",
	) {
		this.#sectors = Array.from({ length: sectorCount }, () => new Sector());
	}

	get sectorCount(): number {
		return this.#sectors.length;
	}

	/** A write or trim is asked for. Its generation is what its sectors have to be stamped with. */
	change(kind: "write" | "trim", lba: number, sectors: number, forced = false): Change {
		const generation = ++this.#generation;
		const open = { start: ++this.#now, end: Number.POSITIVE_INFINITY, epoch: this.#epoch };
		const change: Change = { generation, lba, sectors, forced, ...open };
		this.#changes.set(generation, change);
		if (kind === "trim") for (const sector of this.#range(lba, sectors)) sector.zeros.push(change);
		return change;
	}

	/** It has been acknowledged. (If it fails instead, nothing is said: it stays open.) */
	changed(change: Change): void {
		change.end = ++this.#now;
		const durable = this.mode === "ack" || change.forced;
		// It may have been answered before the power was cut, and be lost, although the answer arrived only afterwards.
		if (!durable && change.epoch !== this.#epoch) return;
		for (const sector of this.#range(change.lba, change.sectors)) {
			sector.floor = Math.max(sector.floor, change.start);
			if (durable) sector.durable = Math.max(sector.durable, change.start);
		}
	}

	isAcknowledged(generation: number): boolean {
		return (this.#changes.get(generation)?.end ?? Number.POSITIVE_INFINITY) < Number.POSITIVE_INFINITY;
	}

	/** The frame of an acknowledged change has come to the target once more: it may be carried out again. */
	cameAgain(generation: number): void {
		const change = this.#changes.get(generation);
		if (change !== undefined && change.end < ++this.#now) change.end = this.#now;
	}

	flush(): PendingFlush {
		return { floors: this.#sectors.map(({ floor }) => floor), epoch: this.#epoch };
	}

	flushed({ floors, epoch }: PendingFlush): void {
		// It may have been carried out after the loss of what had been acknowledged before it.
		if (epoch !== this.#epoch) return;
		for (const [lba, sector] of this.#sectors.entries())
			sector.durable = Math.max(sector.durable, floors[lba] ?? 0);
	}

	read(lba: number, sectors: number): PendingRead {
		this.#now++;
		const range = this.#range(lba, sectors);
		const floors = range.map(({ floor, seen }) => Math.max(floor, seen));
		return { lba, sectors, floors, durable: range.map(({ durable }) => durable), epoch: this.#epoch };
	}

	/** A read has been answered. Throws a ModelError if not with what may be there. */
	wasRead({ lba, floors, durable, epoch }: PendingRead, bytes: Uint8Array): void {
		if (bytes.length !== floors.length * SECTOR)
			throw new ModelError(`${bytes.length} bytes read of ${floors.length} sectors`);
		for (const [at, floor] of (epoch === this.#epoch ? floors : durable).entries()) {
			const generation = this.#generationAt(bytes, at * SECTOR, lba + at);
			const starts = this.#allowed(lba + at, generation, floor).map(({ start }) => start);
			if (starts.length === 0) throw this.#stale(lba + at, generation, "acknowledged or seen", floor);
			// It may have been answered before the power was cut, and say nothing about what is there now.
			if (epoch !== this.#epoch) continue;
			const sector = this.#sectors[lba + at]!;
			sector.seen = Math.max(sector.seen, Math.min(...starts));
		}
	}

	/** The power was cut: `read` tells what a sector holds now, undefined for zeros. Throws a ModelError for what is missing. */
	powerCut(read: (lba: number) => Uint8Array | undefined): void {
		const blank = new Uint8Array(SECTOR);
		for (const [lba, sector] of this.#sectors.entries()) {
			const generation = this.#generationAt(read(lba) ?? blank, 0, lba);
			const sources = this.#allowed(lba, generation, sector.durable);
			if (sources.length === 0) throw this.#stale(lba, generation, "durable", sector.durable);
			sector.floor = sector.durable;
			sector.seen = Math.min(...sources.map(({ start }) => start));
		}
		this.#epoch++;
	}

	#range(lba: number, sectors: number): Sector[] {
		return this.#sectors.slice(lba, lba + sectors);
	}

	#generationAt(bytes: Uint8Array, at: number, lba: number): number {
		const generation = generationOf(bytes, at, lba);
		if (generation !== undefined) return generation;
		const found = Buffer.from(bytes.subarray(at, at + 16)).toString("hex");
		throw new ModelError(`sector ${lba} holds what was never written there: ${found}...`);
	}

	/** Where the value may come from, if nothing that started at or before `floor` may be missing. */
	#allowed(lba: number, generation: number, floor: number): { start: number; end: number }[] {
		const { zeros } = this.#sectors[lba]!;
		const change = this.#changes.get(generation);
		const sources = generation === ZEROS ? [...zeros] : [];
		if (change !== undefined && lba >= change.lba && lba < change.lba + change.sectors) sources.push(change);
		return sources.filter(({ end }) => end >= floor);
	}

	#stale(lba: number, generation: number, what: string, floor: number): ModelError {
		const newer = [...this.#changes.values()].find(({ start }) => start === floor)?.generation;
		const older = `sector ${lba} holds generation ${generation}`;
		return new ModelError(`${older}, but generation ${newer}, which is newer, was ${what}`);
	}
}
