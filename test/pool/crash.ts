/**
 * A pool whose power is cut at some request, again and again, against a model: what is there when it is opened must be a prefix of what was
 * asked for, over all volumes, and have all that was acknowledged as stable. Used by `crash.test.ts`.
 */

import type { BlockDevice } from "../../lib/block/device.js";
import { BlockOp } from "../../lib/block/request.js";
import { StorageStatus } from "../../lib/errors.js";
import { FILE_BYTES, RECORD_ENTRIES } from "../../lib/pool/format.js";
import { Pool } from "../../lib/pool/pool.js";
import { openVolumeStack } from "../../lib/pool/volume-stack.js";
import { Pump } from "../../lib/pump.js";
import { Random } from "../../lib/random.js";
import { strictly } from "../../lib/testing/strict-layer.js";
import { CrashFolder, doesFillAhead, type Planted, Power } from "./crash-folder.js";
import { CrashError, Model } from "./crash-model.js";
import { testWorld } from "./memory-folder.js";
import { askStamped, readStamps, SECTOR } from "./stamps.js";

const PAGE_BYTES = 4096;
/** Of each volume. */
const SECTORS = 256;
const VOLUMES = ["a", "b"] as const;
/** Of one that is written, and that is all. */
const BULK_SECTORS = 4 * 2 ** 11;
const OPERATIONS = 40;
/** So few pages that are written begin a checkpoint, in every second run, and all lists of dead pages are stored in parts. */
const SMALL_MAP = { entries: RECORD_ENTRIES + 24, nodeBytes: 2 ** 18, deadPages: 1 } as const;
/** Snapshots that are kept of each volume. */
const SNAPSHOTS_MAX = 3;

/** One run from a seed. */
export class CrashRun {
	readonly #random: Random;
	/** Of each volume: trap 17 is that one waits for syncs and the other one does not. */
	readonly #modes: readonly ("ack" | "flush")[];
	#stamp = 0;
	/** Snapshots that were acknowledged, and what they held. */
	readonly #snapshots = new Map<string, readonly number[]>();
	#pool: Pool | null = null;
	#devices: BlockDevice[] = [];
	#bulkDevice: BlockDevice | null = null;

	/** `isSmall`: the pool is so small that space has to come back, and much is written beside. */
	constructor(
		readonly seed: number,
		readonly planted?: Planted,
		readonly isSmall = false,
	) {
		this.#random = new Random(seed);
		this.#modes = VOLUMES.map(() => this.#random.pick(["ack", "flush"]));
	}

	/** Throws a CrashError for what is not there, or should not be. */
	async play(lives: number): Promise<void> {
		const random = this.#random;
		let folder = this.#newFolder();
		const pool = await Pool.create(testWorld(folder, this.seed));
		for (const name of VOLUMES) await pool.administration.create(name, SECTORS * SECTOR, PAGE_BYTES);
		if (this.isSmall) await pool.administration.create("bulk", BULK_SECTORS * SECTOR, PAGE_BYTES);
		await pool.close();
		let model = new Model(new Array<number>(VOLUMES.length * SECTORS).fill(0));
		for (let life = 0; life < lives; life++) {
			// First in the middle of opening, perhaps; then in the middle of everything.
			folder = folder.crash(random, random.pick([0, 0.5, 0.95, 1]), random.below(8));
			await this.#untilOff(folder, async () => void (await this.#open(folder)));
			const left = 8 + random.below(this.isSmall ? 600 : 60);
			folder = folder.crash(random, random.pick([0, 0.5, 0.95, 1]), left);
			const found = await this.#untilOff(folder, async () => {
				await this.#open(folder);
				await this.#checkSnapshots();
				return this.#readAll();
			});
			if (found === undefined) continue;
			model.match(found);
			model = new Model(found);
			await this.#untilOff(folder, () => this.#work(model));
		}
	}

	/**
	 * The power is cut at the `cut`-th request of some work with checkpoints, and again at the `again`-th of opening what is left. False if
	 * there were not so many.
	 */
	async cutAt(cut: number, again: number): Promise<boolean> {
		const random = this.#random;
		let folder = this.#newFolder();
		const pool = await Pool.create(testWorld(folder, this.seed));
		for (const name of VOLUMES) await pool.administration.create(name, SECTORS * SECTOR, PAGE_BYTES);
		await pool.close();
		const model = new Model(new Array<number>(VOLUMES.length * SECTORS).fill(0));
		folder = folder.crash(random, 1, cut);
		const isOver = await this.#untilOff(folder, async () => {
			await this.#open(folder);
			for (let round = 0; round < 3; round++) {
				for (let i = 0; i < 4; i++) await this.#change(model, random.below(VOLUMES.length));
				if (round === 1) await this.#snapshot(model, 0);
				else await this.#pool!.checkpoint();
			}
			return true;
		});
		folder = folder.crash(random, random.pick([0, 0.5, 1]), again);
		await this.#untilOff(folder, async () => void (await this.#open(folder)));
		folder = folder.crash(random, random.pick([0, 0.5, 1]), Number.POSITIVE_INFINITY);
		await this.#open(folder);
		await this.#checkSnapshots();
		model.match(await this.#readAll());
		return isOver !== true;
	}

	#newFolder(): CrashFolder {
		const power = new Power(Number.POSITIVE_INFINITY);
		const filesMax = this.isSmall ? 1 : undefined;
		return new CrashFolder(power, this.planted, undefined, filesMax, doesFillAhead(this.seed));
	}

	/** Half a megabyte, anywhere on a volume that nobody looks at; of a pool that is full it is refused. */
	async #bulk(): Promise<void> {
		const [sectors, last] = [1024, BULK_SECTORS - 1024];
		await askStamped(this.#bulkDevice!, BlockOp.write, 8 * this.#random.below(last / 8), sectors, 1);
	}

	/** What `act` comes to, unless the power is cut before. */
	async #untilOff<T>(folder: CrashFolder, act: () => Promise<T>): Promise<T | undefined> {
		return Promise.race([act(), folder.power.off.then(() => undefined)]);
	}

	get #hasSmallMap(): boolean {
		return this.seed % 2 === 0;
	}

	async #open(folder: CrashFolder): Promise<void> {
		const mapSize = this.#hasSmallMap ? SMALL_MAP : undefined;
		this.#pool = await Pool.open(testWorld(folder, this.seed, new Pump(), mapSize));
		const options = { readOnly: false, offsetSectors: 0, lengthSectors: undefined, between: strictly };
		this.#devices = [];
		for (const [i, name] of VOLUMES.entries()) {
			const durability = this.#modes[i]!;
			this.#devices.push((await openVolumeStack(this.#pool, name, { ...options, durability })).device);
		}
		if (!this.isSmall) return;
		const bulk = await openVolumeStack(this.#pool, "bulk", { ...options, durability: "none" });
		this.#bulkDevice = bulk.device;
	}

	async #readAll(): Promise<number[]> {
		const stamps: number[] = [];
		for (const device of this.#devices) stamps.push(...(await readStamps(device, SECTORS)));
		return stamps;
	}

	async #readSnapshot(name: string): Promise<number[]> {
		const { device } = await this.#pool!.openVolume(name, true, async () => {});
		return readStamps(device, SECTORS);
	}

	async #checkSnapshots(): Promise<void> {
		for (const [name, stamps] of this.#snapshots) {
			const found = await this.#readSnapshot(name);
			const differs = stamps.findIndex((stamp, i) => stamp !== found[i]);
			if (differs >= 0) throw new CrashError(`snapshot ${name} differs at ${differs}`);
		}
	}

	/** Whether changes may have to wait for the map, or for the first slots of a pool that is new: these are written with zeros meanwhile. */
	async #mayWait(): Promise<boolean> {
		const { space } = this.#pool!;
		return this.#hasSmallMap || space.ofPool(await space.unwalked()).sizeBytes < FILE_BYTES;
	}

	/** Several at a time, in one order; where they may have to wait, one by one. */
	async #work(model: Model): Promise<void> {
		const random = this.#random;
		const mayWait = await this.#mayWait();
		const underWay: Promise<void>[] = [];
		for (let i = 0; i < OPERATIONS; i++) {
			for (let left = this.isSmall ? 4 : 0; left > 0; left--) await this.#bulk();
			underWay.push(this.#operation(model, random.below(VOLUMES.length), mayWait || this.isSmall));
			const isTurn = random.chance(0.3);
			// (One that waits may be overtaken, and then what is there is no prefix.)
			if (isTurn || mayWait) await Promise.all(underWay.splice(0));
		}
		await Promise.all(underWay);
	}

	async #snapshot(model: Model, number: number): Promise<void> {
		const { administration } = this.#pool!;
		const volume = VOLUMES[number]!;
		const { safe } = model;
		const name = `s${++this.#stamp}`;
		await administration.takeSnapshots([{ volume, name }]);
		const stamps = await this.#readSnapshot(`${volume}@${name}`);
		if (!model.wereSo(stamps, number * SECTORS, safe)) throw new CrashError(`${name} was never so`);
		this.#snapshots.set(`${volume}@${name}`, stamps);
		const kept = [...this.#snapshots.keys()].filter((each) => each.startsWith(volume));
		const [oldest = ""] = kept;
		if (kept.length <= SNAPSHOTS_MAX) return;
		this.#snapshots.delete(oldest);
		await administration.forget(volume, oldest.slice(volume.length + 1));
	}

	async #operation(model: Model, volume: number, mayWait: boolean): Promise<void> {
		const random = this.#random;
		const device = this.#devices[volume]!;
		const kind = random.below(12);
		if (kind === 10) return this.#pool!.checkpoint();
		if (kind === 11) return this.#snapshot(model, volume);
		if (kind > 0) return this.#change(model, volume);
		// One that waits is not flushed: it is not acknowledged.
		const count = mayWait ? model.acknowledged : model.changes.length;
		const { request } = await askStamped(device, BlockOp.flush, 0, 0);
		if (request.status === StorageStatus.ok) model.safe = Math.max(model.safe, count);
	}

	async #change(model: Model, volume: number): Promise<void> {
		const random = this.#random;
		const device = this.#devices[volume]!;
		const count = model.changes.length;
		const sectors = random.chance(0.5) ? 8 * (1 + random.below(4)) : 1 + random.below(20);
		const sector = random.chance(0.5)
			? 8 * random.below((SECTORS - sectors) / 8)
			: random.below(SECTORS - sectors);
		const op = random.chance(0.2) ? random.pick([BlockOp.trim, BlockOp.writeZeroes]) : BlockOp.write;
		const stamp = op === BlockOp.write ? ++this.#stamp : 0;
		model.changes.push({ at: volume * SECTORS + sector, sectors, stamp });
		const { request } = await askStamped(device, op, sector, sectors, stamp);
		if (request.status !== StorageStatus.ok) throw new CrashError(`a change ended with ${request.status}`);
		model.acknowledge(count);
		if (this.#modes[volume] === "ack") model.safe = Math.max(model.safe, count + 1);
	}
}
