/**
 * A small pool that is used in every way there is, and whose power is cut at some request, of opening it too, again and again: what is found is
 * one state that it was in, none before what was promised. Used by `whole.test.ts`.
 */

import { examine } from "../../lib/pool/examine.js";
import type { PoolFolder } from "../../lib/pool/folder.js";
import { RECORD_ENTRIES, SEGMENT_BYTES } from "../../lib/pool/format.js";
import { Random } from "../../lib/random.js";
import { CrashFolder, doesFillAhead, Power } from "./crash-folder.js";
import { CrashError } from "./crash-model.js";
import { loseNewerHead } from "./head-loss.js";
import { testWorld } from "./memory-folder.js";
import { BULK, BULK_SECTORS, type Legacy, WholeLife } from "./whole-life.js";
import { Course } from "./whole-model.js";
import { operate } from "./whole-operations.js";

const OPERATIONS = 60;
const NOTHING: Legacy = { moments: [], stamp: 0, timeUs: 1_764_000_000_000_000, momentsSeen: 0, refused: 0 };

/** What a pool stands on that is not on the disks themselves. */
export interface WholeOn {
	files(local: CrashFolder): PoolFolder;
	/** What is there after a loss of power, and how likely each unsynced sector has survived. */
	crash(local: CrashFolder, random: Random, survival: number): readonly [CrashFolder, number];
}

const ON_ITSELF: WholeOn = {
	files: (local) => local,
	crash: (local, _, survival) => [local, survival],
};

export class WholeRun {
	/** The last one. */
	life: WholeLife;
	readonly #random: Random;
	readonly #on: WholeOn;

	/** `losesHeads`: with the power the newer copy of the head is lost, now and then. */
	constructor(
		readonly seed: number,
		readonly losesHeads = false,
		on: WholeOn = ON_ITSELF,
	) {
		this.#on = on;
		this.#random = new Random(seed);
		const filesMax = this.#random.pick([1, 1, 2]);
		const power = new Power(Number.POSITIVE_INFINITY);
		const folder = new CrashFolder(power, undefined, undefined, filesMax, doesFillAhead(seed));
		const entries = RECORD_ENTRIES + this.#random.pick([24, 400, 20_000]);
		// (Segments of nodes are many, and are cleaned whenever there are two.)
		const nodeFillBytes = this.#random.pick([16_384, 131_072, SEGMENT_BYTES]);
		const map = { entries, nodeBytes: 2 ** 18, nodeFillBytes, spareNodeSlots: 0 };
		this.life = new WholeLife(folder, new Random(seed), map, new Course(new Map()), NOTHING);
		this.life.filesOn = (local) => on.files(local);
	}

	/** Throws a CrashError for what is not as it was promised. */
	async play(lives: number): Promise<void> {
		const random = this.#random;
		await this.life.begin("create");
		await this.life.pool.administration.create(BULK, BULK_SECTORS * 512, random.pick([4096, 65_536]));
		await this.life.pool.close();
		for (let life = 0; life < lives; life++) {
			// In the middle of opening, and of opening once more; then in the middle of everything.
			let survival = await this.#crash(random.below(8));
			for (let again = random.below(3); again > 0; again--) {
				await this.#untilOff(() => this.life.begin());
				survival = Math.min(survival, await this.#crash(random.below(12)));
			}
			await this.#untilOff(() => this.life.begin());
			survival = Math.min(survival, await this.#crash(20 + random.below(random.pick([60, 400]))));
			const { life } = this;
			await this.#untilOff(() => live(life, survival));
		}
		const survival = await this.#crash(Number.POSITIVE_INFINITY);
		await this.life.begin();
		await this.life.find(survival);
		await this.#examine();
	}

	/** What lives is what somebody wants, as the last checkpoint has it. */
	async #examine(): Promise<void> {
		const { folder, mapSize } = this.life;
		const after = folder.crash(this.#random, 1, Number.POSITIVE_INFINITY);
		const world = testWorld(this.#on.files(after), this.seed, undefined, mapSize);
		const { findings } = await examine(world, { doPages: true, progress: () => {} });
		const wrong = findings.find(({ what }) => what.includes(" are counted as "));
		if (wrong !== undefined) throw new CrashError(`${wrong.place}: ${wrong.what}`);
	}

	/** Cuts the power, and has so many requests be done until it is cut again. Returns how likely each unsynced sector has survived. */
	async #crash(left: number): Promise<number> {
		const { course, mapSize } = this.life;
		const chance = this.#random.pick([0, 0.5, 0.95, 1]);
		const local = this.life.folder.crash(this.#random, chance, left);
		const [folder, survival] = this.#on.crash(local, this.#random, chance);
		const random = new Random(1 + this.#random.below(2 ** 30));
		if (this.losesHeads && random.chance(0.5)) await loseNewerHead(folder);
		this.life = new WholeLife(folder, random, mapSize, course, this.life);
		this.life.filesOn = (local) => this.#on.files(local);
		return survival;
	}

	#untilOff(act: () => Promise<void>): Promise<void> {
		return Promise.race([act(), this.life.folder.power.off]);
	}
}

async function live(life: WholeLife, survival: number): Promise<void> {
	await life.begin();
	await life.find(survival);
	for (let i = 0; i < OPERATIONS; i++) {
		for (let left = life.random.below(6); left > 0; left--) life.writeBulk();
		await operate(life);
		if (life.random.chance(0.3)) await life.bulkWritten();
	}
}
