/**
 * A pool on disks whose power is cut at some request, while they come and go, again and again, against a model: what is there when it is opened must be a
 * prefix of what was asked for, over all volumes, and have all that was acknowledged. Each disk loses what was not synced for itself. Used by `crash.test.ts`.
 */

import type { BlockDevice } from "../../../lib/block/device.js";
import { BlockOp } from "../../../lib/block/request.js";
import { OperatorError, StorageStatus } from "../../../lib/errors.js";
import type { PoolDisks } from "../../../lib/pool/folder.js";
import { Pool } from "../../../lib/pool/pool.js";
import { openVolumeStack } from "../../../lib/pool/volume-stack.js";
import { Random } from "../../../lib/random.js";
import { strictly } from "../../../lib/testing/strict-layer.js";
import { CrashError, Model } from "../crash-model.js";
import { askStamped, readStamps, SECTOR } from "../stamps.js";
import { nextTurn, TestDisks, type Wrap } from "./disks.js";

const SECTORS = 256;
const VOLUMES = ["a", "b"] as const;
const DISKS = ["x", "y", "z"] as const;
const OPERATIONS = 60;

export class ChunkCrashRun {
	readonly #random: Random;
	readonly #modes: readonly ("ack" | "flush")[];
	readonly #wrap: Wrap;
	#stamp = 0;
	#pool: Pool | null = null;
	#disks: PoolDisks | null = null;
	#devices: BlockDevice[] = [];

	constructor(
		readonly seed: number,
		wrap: Wrap = (device) => device,
	) {
		this.#random = new Random(seed);
		this.#modes = VOLUMES.map(() => this.#random.pick(["ack", "flush"]));
		this.#wrap = wrap;
	}

	/** Throws a CrashError for what is not there, or should not be. */
	async play(lives: number): Promise<void> {
		const random = this.#random;
		const survival = (): number => random.pick([0, 0.5, 0.95, 1]);
		let disks = TestDisks.of({ x: 2, y: 2, z: 2 });
		disks.wrap = this.#wrap;
		const pool = await Pool.create(disks.world(this.seed, DISKS.slice(0, 1 + random.below(2))));
		for (const name of VOLUMES) await pool.administration.create(name, SECTORS * SECTOR, 4096);
		await pool.close();
		let model = new Model(new Array<number>(VOLUMES.length * SECTORS).fill(0));
		for (let life = 0; life < lives; life++) {
			// First in the middle of opening, perhaps; then in the middle of everything.
			disks = disks.crash(random, survival, random.below(40));
			await this.#untilOff(disks, async () => void (await this.#open(disks)));
			disks = disks.crash(random, survival, 30 + random.below(random.pick([60, 400, 900])));
			const found = await this.#untilOff(disks, async () => {
				await this.#open(disks);
				return this.#readAll();
			});
			if (found === undefined) continue;
			model.match(found);
			model = new Model(found);
			await this.#untilOff(disks, () => this.#work(model, disks));
		}
	}

	/**
	 * The power is cut at a request of taking a disk away, while writes go on, so many before it would be over; nothing that was not synced is
	 * there afterwards. Undefined: how many it takes.
	 */
	async cutMove(cut: number | undefined): Promise<number> {
		let disks = TestDisks.of({ x: 1, y: 1 });
		const random = this.#random;
		const pool = await Pool.create(disks.world(this.seed));
		for (const name of VOLUMES) await pool.administration.create(name, SECTORS * SECTOR, 4096);
		await pool.close();
		const model = new Model(new Array<number>(VOLUMES.length * SECTORS).fill(0));
		const most = Number.MAX_SAFE_INTEGER;
		disks = disks.crash(random, () => 1, cut ?? most);
		const { power } = disks;
		await this.#untilOff(disks, async () => {
			await this.#open(disks);
			await this.#disks!.remove("x");
			while (this.#disks!.states.length > 1) {
				await this.#change(model, 0);
				await nextTurn();
				if (power.isOff) await new Promise(() => {});
			}
			for (let i = 0; i < 4; i++) await this.#change(model, 0);
		});
		const took = most - power.left;
		disks = disks.crash(random, () => 0);
		await this.#open(disks);
		model.match(await this.#readAll());
		return took;
	}

	async #untilOff<T>({ power }: TestDisks, act: () => Promise<T>): Promise<T | undefined> {
		return Promise.race([act(), power.off.then(() => undefined)]);
	}

	async #open(disks: TestDisks): Promise<void> {
		const world = disks.world(this.seed + this.#random.below(1000));
		this.#pool = await Pool.open(world);
		this.#disks = world.disks;
		const options = { readOnly: false, offsetSectors: 0, lengthSectors: undefined, between: strictly };
		this.#devices = [];
		for (const [i, name] of VOLUMES.entries()) {
			const durability = this.#modes[i]!;
			this.#devices.push((await openVolumeStack(this.#pool, name, { ...options, durability })).device);
		}
	}

	async #work(model: Model, { power }: TestDisks): Promise<void> {
		// (Whoever has had no power then has none later, whatever others have.)
		const turn = async (): Promise<void> => {
			await nextTurn();
			if (power.isOff) await new Promise(() => {});
		};
		const random = this.#random;
		for (let i = 0; i < OPERATIONS; i++) {
			if (random.chance(0.1)) await this.#changeDisks();
			await this.#operation(model, random.below(VOLUMES.length));
			if (random.chance(0.5)) await turn();
		}
		const isLeaving = (): boolean => this.#disks!.states.some(({ state }) => state === "leaving");
		while (isLeaving()) {
			await turn();
			await this.#operation(model, random.below(VOLUMES.length));
		}
		for (let i = 0; i < 4; i++) await this.#operation(model, random.below(VOLUMES.length));
	}

	async #changeDisks(): Promise<void> {
		const disks = this.#disks!;
		const disk = this.#random.pick(DISKS);
		const state = disks.states.find((each) => each.disk === disk);
		try {
			if (state === undefined) await disks.add(disk, false);
			else if (state.state === "leaving") await disks.keep(disk);
			else await disks.remove(disk);
		} catch (error) {
			if (!(error instanceof OperatorError)) throw error;
		}
	}

	async #operation(model: Model, volume: number): Promise<void> {
		const random = this.#random;
		const kind = random.below(12);
		if (kind === 11) return this.#pool!.checkpoint();
		if (kind > 0) return this.#change(model, volume);
		const count = model.acknowledged;
		const { request } = await askStamped(this.#devices[volume]!, BlockOp.flush, 0, 0);
		if (request.status === StorageStatus.ok) model.safe = Math.max(model.safe, count);
	}

	async #change(model: Model, volume: number): Promise<void> {
		const random = this.#random;
		const count = model.changes.length;
		const sectors = 1 + random.below(20);
		const sector = random.below(SECTORS - sectors);
		const op = random.chance(0.2) ? random.pick([BlockOp.trim, BlockOp.writeZeroes]) : BlockOp.write;
		const stamp = op === BlockOp.write ? ++this.#stamp : 0;
		model.changes.push({ at: volume * SECTORS + sector, sectors, stamp });
		const { request } = await askStamped(this.#devices[volume]!, op, sector, sectors, stamp);
		if (request.status !== StorageStatus.ok) throw new CrashError(`a change ended with ${request.status}`);
		model.acknowledge(count);
		if (this.#modes[volume] === "ack") model.safe = Math.max(model.safe, count + 1);
	}

	async #readAll(): Promise<number[]> {
		const stamps: number[] = [];
		for (const device of this.#devices) stamps.push(...(await readStamps(device, SECTORS)));
		return stamps;
	}
}
