/**
 * A pool whose power is cut at some request, again and again, against a model: what is there when it is opened must be a prefix of what was
 * asked for, over all volumes, and have all that was acknowledged as stable. Used by `crash.test.ts`.
 */

import { type BlockDevice, PromisedRequest } from "../../lib/block/device.js";
import { BlockOp } from "../../lib/block/request.js";
import { StorageStatus } from "../../lib/errors.js";
import { Pool } from "../../lib/pool/pool.js";
import { openVolumeStack } from "../../lib/pool/volume-stack.js";
import { Random } from "../../lib/random.js";
import { strictly } from "../../lib/testing/strict-layer.js";
import { heapMemory } from "../../lib/wire/memory.js";
import { CrashFolder, type Planted, Power } from "./crash-folder.js";
import { testWorld } from "./memory-folder.js";

const SECTOR = 512;
const PAGE_BYTES = 4096;
/** Of each volume. */
const SECTORS = 256;
const VOLUMES = ["a", "b"] as const;
const OPERATIONS = 40;

export class CrashError extends Error {
	override name = "CrashError";
}

/** So many sectors of the volumes, one behind the other, from one on, are filled with the number of the operation; 0 for zeros. */
interface Change {
	readonly at: number;
	readonly sectors: number;
	readonly stamp: number;
}

/** What was asked for since the pool was opened, on top of what was there then. */
class Model {
	readonly changes: Change[] = [];
	/** So many of the changes must survive. */
	safe = 0;

	constructor(readonly base: readonly number[]) {}

	/** Finds a prefix that has led to this; throws if there is none. */
	match(found: readonly number[]): void {
		const state = [...this.base];
		const tried: number[] = [];
		for (let count = 0; count <= this.changes.length; count++) {
			const change = this.changes[count - 1];
			if (change !== undefined) state.fill(change.stamp, change.at, change.at + change.sectors);
			if (count < this.safe) continue;
			const differs = state.findIndex((stamp, i) => stamp !== found[i]);
			if (differs < 0) return;
			tried.push(differs);
		}
		throw new CrashError(
			`no prefix of ${this.safe} or more of ${this.changes.length} changes: differs at ${tried}`,
		);
	}
}

/** One run from a seed. */
export class CrashRun {
	readonly #random: Random;
	/** Of each volume: trap 17 is that one waits for syncs and the other one does not. */
	readonly #modes: readonly ("ack" | "flush")[];
	#stamp = 0;
	#pool: Pool | null = null;
	#devices: BlockDevice[] = [];

	constructor(
		readonly seed: number,
		readonly planted?: Planted,
	) {
		this.#random = new Random(seed);
		this.#modes = VOLUMES.map(() => this.#random.pick(["ack", "flush"]));
	}

	/** Throws a CrashError for what is not there, or should not be. */
	async play(lives: number): Promise<void> {
		const random = this.#random;
		let folder = new CrashFolder(new Power(Number.POSITIVE_INFINITY), this.planted);
		const pool = await Pool.create(testWorld(folder, this.seed));
		for (const name of VOLUMES) await pool.administration.create(name, SECTORS * SECTOR, PAGE_BYTES);
		await pool.close();
		let model = new Model(new Array<number>(VOLUMES.length * SECTORS).fill(0));
		for (let life = 0; life < lives; life++) {
			// First in the middle of opening, perhaps; then in the middle of everything.
			folder = folder.crash(random, random.pick([0, 0.5, 0.95, 1]), random.below(8));
			await this.#untilOff(folder, async () => void (await this.#open(folder)));
			folder = folder.crash(random, random.pick([0, 0.5, 0.95, 1]), 8 + random.below(60));
			const found = await this.#untilOff(folder, async () => {
				await this.#open(folder);
				return this.#readAll();
			});
			if (found === undefined) continue;
			model.match(found);
			model = new Model(found);
			await this.#untilOff(folder, () => this.#work(model));
		}
	}

	/** What `act` comes to, unless the power is cut before. */
	async #untilOff<T>(folder: CrashFolder, act: () => Promise<T>): Promise<T | undefined> {
		return Promise.race([act(), folder.power.off.then(() => undefined)]);
	}

	async #open(folder: CrashFolder): Promise<void> {
		this.#pool = await Pool.open(testWorld(folder, this.seed));
		const options = { readOnly: false, offsetSectors: 0, lengthSectors: undefined, between: strictly };
		this.#devices = [];
		for (const [i, name] of VOLUMES.entries()) {
			const durability = this.#modes[i]!;
			this.#devices.push((await openVolumeStack(this.#pool, name, { ...options, durability })).device);
		}
	}

	async #readAll(): Promise<number[]> {
		const stamps: number[] = [];
		for (const device of this.#devices) {
			const { request, bytes } = await this.#run(device, BlockOp.read, 0, SECTORS);
			if (request.status !== StorageStatus.ok) throw new CrashError(`a read ended with ${request.status}`);
			const view = new DataView(bytes.buffer);
			for (let at = 0; at < bytes.length; at += SECTOR) {
				const stamp = view.getUint32(at, true);
				if (view.getUint32(at + SECTOR - 4, true) !== stamp) throw new CrashError("a sector is a mixture");
				stamps.push(stamp);
			}
		}
		return stamps;
	}

	async #run(device: BlockDevice, op: BlockOp, sector: number, sectors: number, stamp = 0) {
		const promised = new PromisedRequest();
		const memory = heapMemory(sectors * SECTOR);
		new Uint32Array(memory.bytes.buffer).fill(stamp);
		Object.assign(promised.request, { op, memory, offsetBytes: sector * SECTOR });
		promised.request.lengthBytes = sectors * SECTOR;
		return { request: await promised.run(device), bytes: memory.bytes };
	}

	/** Several at a time, in one order. */
	async #work(model: Model): Promise<void> {
		const random = this.#random;
		const underWay: Promise<void>[] = [];
		for (let i = 0; i < OPERATIONS; i++) {
			underWay.push(this.#operation(model));
			if (random.chance(0.3)) await Promise.all(underWay.splice(0));
		}
		await Promise.all(underWay);
	}

	async #operation(model: Model): Promise<void> {
		const random = this.#random;
		const volume = random.below(VOLUMES.length);
		const device = this.#devices[volume]!;
		const kind = random.below(10);
		const count = model.changes.length;
		if (kind === 0) {
			const { request } = await this.#run(device, BlockOp.flush, 0, 0);
			if (request.status === StorageStatus.ok) model.safe = Math.max(model.safe, count);
			return;
		}
		const sectors = random.chance(0.5) ? 8 * (1 + random.below(4)) : 1 + random.below(20);
		const sector = random.chance(0.5)
			? 8 * random.below((SECTORS - sectors) / 8)
			: random.below(SECTORS - sectors);
		const op = kind < 3 ? random.pick([BlockOp.trim, BlockOp.writeZeroes]) : BlockOp.write;
		const stamp = op === BlockOp.write ? ++this.#stamp : 0;
		model.changes.push({ at: volume * SECTORS + sector, sectors, stamp });
		const { request } = await this.#run(device, op, sector, sectors, stamp);
		if (request.status !== StorageStatus.ok) throw new CrashError(`a change ended with ${request.status}`);
		if (this.#modes[volume] === "ack") model.safe = Math.max(model.safe, count + 1);
	}
}
