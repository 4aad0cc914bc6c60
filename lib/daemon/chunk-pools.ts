/**
 * Pools that are on disks of this process: what they stand on, and which of these disks may not be closed because a pool is open on them. Made by
 * `disks.ts`; asked by whoever opens pools (`PoolHome.onDisks`).
 */

import { randomBytes } from "node:crypto";
import { type Clock, systemClock } from "../clock.js";
import { Member } from "../compound/member.js";
import { Pace, Rest } from "../compound/mirror/pace.js";
import { OperatorError } from "../errors.js";
import { nativeMemory } from "../native.js";
import type { NamedDevice } from "../pool/chunks/chunk.js";
import { ChunkFolder } from "../pool/chunks/chunk-folder.js";
import type { MovePace } from "../pool/chunks/membership.js";
import { worldOf } from "../pool/directory.js";
import type { PoolWorld } from "../pool/folder.js";
import type { PoolHome } from "../pool/openings.js";
import type { Pump } from "../pump.js";
import { RESYNC_RATE_DEFAULT } from "../spec/keys.js";
import { onDisks } from "../spec/pool-path.js";
import { quote } from "../text.js";
import type { HeldDisk } from "./disk-entry.js";

/** At a start disks come one after the other: one that is not there by then is missing. */
const PARTIAL_AFTER_MS = 10_000;

/** One that is open. */
interface OpenPool {
	readonly name: string;
	readonly folder: ChunkFolder;
	readonly closed: Promise<void>;
}

export class ChunkPools {
	readonly #disks: () => Iterable<HeldDisk>;
	readonly #pump: Pump;
	readonly #open = new Set<OpenPool>();
	/** Paths of those that are opened although disks of them are missing. */
	readonly #partial = new Set<string>();
	/** Since when disks of such a one have been missing, by its name. */
	readonly #missingSince = new Map<string, number>();
	readonly #clock: Pick<Clock, "now">;

	constructor(disks: () => Iterable<HeldDisk>, pump: Pump, clock: Pick<Clock, "now"> = systemClock) {
		this.#disks = disks;
		this.#pump = pump;
		this.#clock = clock;
	}

	/** For whoever opens pools. */
	readonly home = {
		onDisks: (pool: string, wanted?: readonly string[]): PoolWorld => this.#world(pool, wanted),
		allowPartial: (pool: string, isAllowed: boolean): void => {
			if (isAllowed) this.#partial.add(pool);
			else this.#partial.delete(pool);
		},
	} satisfies Pick<PoolHome, "onDisks" | "allowPartial">;

	/** What the pool of that name stands on. `wanted`: those disks have to be open, and no other counts. */
	#world(name: string, wanted?: readonly string[]): PoolWorld {
		let close: () => void = () => {};
		// (Once it is made, others may become parts.)
		let among = wanted;
		const folder = new ChunkFolder({
			path: name,
			disks: async () => this.#disksOf(name, among),
			allocate: nativeMemory,
			isPartial: () => this.#isPartial(name),
			identifier: (byteLength) => randomBytes(byteLength).toString("hex"),
			pace: paceOf,
			onOpen: () => {
				among = undefined;
				// (Without some it may be opened and closed several times: each time at once.)
				if (folder.disks.states.every(({ state }) => state !== "missing")) this.#missingSince.delete(name);
				const closed = new Promise<void>((resolve) => {
					close = resolve;
				});
				const pool = { name, folder, closed };
				this.#open.add(pool);
				void closed.then(() => this.#open.delete(pool));
			},
			onClosed: () => close(),
		});
		return { ...worldOf(folder, this.#pump), disks: folder.disks };
	}

	/** Asked when disks are missing, again and again. */
	#isPartial(name: string): boolean {
		if (!this.#partial.has(onDisks(name))) return false;
		const now = this.#clock.now();
		const since = this.#missingSince.get(name) ?? now;
		this.#missingSince.set(name, since);
		return now - since >= PARTIAL_AFTER_MS;
	}

	/** Those that are open. Throws an OperatorError if one is not that is wanted. */
	#disksOf(pool: string, wanted?: readonly string[]): NamedDevice[] {
		const found: NamedDevice[] = [];
		for (const { name, spec, disk, isLeaving } of this.#disks())
			if (spec.chunkOf === onDisks(pool) && disk !== null && !isLeaving)
				found.push({ name, device: new Member(disk) });
		if (wanted === undefined) return found;
		const missing = wanted.find((name) => !found.some((each) => each.name === name));
		if (missing !== undefined) throw new OperatorError(`disk ${quote(missing)}: is not open`);
		return found.filter(({ name }) => wanted.includes(name));
	}

	/** The path of the pool that is open, and has something there. */
	poolOn(disk: string): string | undefined {
		const pool = this.#holderOf(disk);
		return pool === undefined ? undefined : onDisks(pool.name);
	}

	#holderOf(disk: string): OpenPool | undefined {
		return [...this.#open].find(({ folder }) => folder.disks.states.some((state) => state.disk === disk));
	}

	/** Throws an OperatorError if a pool is open that has something there. */
	refuseIfHeld(disk: string): void {
		const pool = this.#holderOf(disk);
		if (pool !== undefined)
			throw new OperatorError(
				`disk ${quote(disk)}: pool ${pool.name} is on it, and open; vblade pool remove ${pool.name} ${disk} moves what it has to the other disks`,
			);
	}

	/** Resolves when no pool that is open now has anything there. */
	async whenLetGo(disk: string): Promise<void> {
		await this.#holderOf(disk)?.closed;
	}
}

/** As fast as mirrors copy. */
function paceOf(requests: () => number): MovePace {
	const rest = new Rest(systemClock);
	const pace = new Pace(RESYNC_RATE_DEFAULT, systemClock, rest, requests);
	return { spend: (bytes) => pace.spend(bytes), end: () => rest.end() };
}
