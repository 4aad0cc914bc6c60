/**
 * A pool so small that every write needs space that has to come back, from history that is given up and from snapshots that are forgotten; its power is
 * cut at any request, and perhaps the newer copy of its head is lost with it. What is there then is what was acknowledged, and each moment is what it
 * was or is told to be kept no more. Used by `space-crash.test.ts`.
 */

import { OperatorError, StorageStatus } from "../../lib/errors.js";
import { RECORD_ENTRIES } from "../../lib/pool/format.js";
import { Pool } from "../../lib/pool/pool.js";
import { Random } from "../../lib/random.js";
import { CrashFolder, doesFillAhead, Power } from "./crash-folder.js";
import { CrashError } from "./crash-model.js";
import { loseNewerHead } from "./head-loss.js";
import { Stage, show, testWorld } from "./memory-folder.js";
import { isoOf } from "./whole-life.js";

const MAP_SIZE = { entries: RECORD_ENTRIES + 400, nodeBytes: 2 ** 18 } as const;
/** Of the volume: each is written as a whole. */
const BLOCKS = 16;
const BLOCK_PAGES = 128;
const MOMENTS_MAX = 40;
const TRIES = 20;

/** After so many writes, which were the first ones. */
interface Moment {
	readonly timeUs: number;
	readonly count: number;
}

export class SpaceCrash {
	/** How often the newer copy of the head was lost; moments that were looked at, and that were kept no more. */
	lost = 0;
	seen = 0;
	gone = 0;
	readonly #random: Random;
	#folder: CrashFolder;
	#timeUs = 1_764_000_000_000_000;
	#pool: Pool | null = null;
	#stage: Stage | null = null;
	/** Which block each write was of. */
	#writes: readonly number[] = [];
	#acknowledged = 0;
	#moments: readonly Moment[] = [];
	readonly #snapshots = new Map<string, number>();

	constructor(readonly seed: number) {
		this.#random = new Random(seed);
		const power = new Power(Number.POSITIVE_INFINITY);
		this.#folder = new CrashFolder(power, undefined, undefined, 1, doesFillAhead(seed));
	}

	/** Throws a CrashError for what is not there, or should not be. */
	async play(lives: number): Promise<void> {
		await this.#open("create");
		const { administration } = this.#pool!;
		await administration.setPool("create", { historySpace: { percent: 100 } });
		await administration.create("web", BLOCKS * BLOCK_PAGES * 4096, 4096);
		this.#stage = await Stage.of(this.#pool!);
		// (So much that it is full.)
		for (let i = 0; i < 240; i++) await this.#write();
		await this.#stage.close();
		for (let life = 0; life < lives; life++) {
			await this.#crash(20 + this.#random.below(this.#random.pick([60, 300])));
			await Promise.race([this.#live(), this.#folder.power.off]);
		}
		await this.#crash(Number.POSITIVE_INFINITY);
		await this.#begin();
		await this.#stage.close();
	}

	async #open(how: "create" | "open"): Promise<void> {
		const world = testWorld(this.#folder, this.seed, undefined, MAP_SIZE);
		const clock = (): number => ++this.#timeUs;
		this.#pool = await Pool[how]({ ...world, now: clock, elapsed: clock });
	}

	async #crash(left: number): Promise<void> {
		const random = this.#random;
		this.#folder = this.#folder.crash(random, random.pick([0, 0.5, 1, 1]), left);
		if (random.chance(0.5) && (await loseNewerHead(this.#folder))) this.lost++;
	}

	async #live(): Promise<void> {
		await this.#begin();
		for (;;) {
			await this.#write();
			if (this.#random.chance(0.04)) await this.#snapshot();
		}
	}

	async #begin(): Promise<void> {
		await this.#open("open");
		await this.#check();
		this.#stage = await Stage.of(this.#pool!);
	}

	async #write(): Promise<void> {
		const random = this.#random;
		const block = random.below(BLOCKS);
		this.#writes = [...this.#writes, block];
		const values = new Array<number>(BLOCK_PAGES).fill(valueAfter(this.#writes.length));
		await this.#until(
			async () => (await this.#stage!.write(block * BLOCK_PAGES, ...values)) === StorageStatus.ok,
		);
		this.#acknowledged = this.#writes.length;
		if (!random.chance(0.3)) return;
		const moment = { timeUs: ++this.#timeUs, count: this.#writes.length };
		this.#moments = [moment, ...this.#moments].slice(0, MOMENTS_MAX);
	}

	/** One more is made, and those before it are forgotten. */
	async #snapshot(): Promise<void> {
		const { administration } = this.#pool!;
		const name = `s${this.#writes.length}`;
		if (this.#snapshots.has(name)) return;
		await this.#done(() => administration.takeSnapshots([{ volume: "web", name }]));
		this.#snapshots.set(name, this.#writes.length);
		for (const before of [...this.#snapshots.keys()].slice(0, -1)) {
			// (From now on it may be there or not.)
			this.#snapshots.delete(before);
			await this.#done(() => administration.forget("web", before));
		}
	}

	/** What a pool that is full has refused is tried again, when it may have found space. */
	async #until(isDone: () => Promise<boolean>): Promise<void> {
		for (let tries = 0; !(await isDone()); tries++) {
			if (tries === TRIES) throw new CrashError(`there is no space after ${this.#writes.length} writes`);
			this.#timeUs += 2e6;
			this.#pool!.age();
		}
	}

	#done(act: () => Promise<unknown>): Promise<void> {
		return this.#until(() =>
			act().then(
				() => true,
				(error: unknown) => {
					if (error instanceof OperatorError) return false;
					throw error;
				},
			),
		);
	}

	async #check(): Promise<void> {
		const found = await this.#differs("web", this.#acknowledged);
		const isLastThere = found !== undefined && this.#writes.length > this.#acknowledged;
		if (isLastThere) this.#acknowledged++;
		const still = isLastThere ? await this.#differs("web", this.#acknowledged) : found;
		if (still !== undefined) throw new CrashError(`the volume after ${this.#acknowledged} writes: ${still}`);
		this.#writes = this.#writes.slice(0, this.#acknowledged);
		for (const [name, count] of this.#snapshots) {
			const how = await this.#differs(`web@${name}`, count);
			if (how !== undefined) throw new CrashError(`snapshot ${name}: ${how}`);
		}
		for (const { timeUs, count } of this.#moments) await this.#checkMoment(timeUs, count);
		const { snapshots } = this.#pool!.administration.volume("web");
		for (const { name } of snapshots)
			if (!this.#snapshots.has(name)) await this.#done(() => this.#pool!.administration.forget("web", name));
	}

	async #checkMoment(timeUs: number, count: number): Promise<void> {
		try {
			const how = await this.#differs(`web@${isoOf(timeUs)}`, count);
			if (how !== undefined) throw new CrashError(`the moment after ${count} writes: ${how}`);
			this.seen++;
		} catch (error) {
			if (!(error instanceof OperatorError && /is not kept any more/.test(error.message))) throw error;
			this.gone++;
		}
	}

	/** Where a volume, or what it was, is not what the first writes have made of it; undefined: nowhere. */
	async #differs(name: string, count: number): Promise<string | undefined> {
		const wanted = new Array<number>(BLOCKS).fill(0);
		for (const [i, block] of this.#writes.slice(0, count).entries()) wanted[block] = valueAfter(i + 1);
		const pages = wanted.map((_, block) => block * BLOCK_PAGES + this.#random.below(BLOCK_PAGES));
		const found = await show(this.#pool!, name, ...pages);
		const at = found.findIndex((value, block) => value !== wanted[block]);
		return at < 0 ? undefined : `page ${pages[at]} is ${found[at]}, not ${wanted[at]}`;
	}
}

function valueAfter(count: number): number {
	return 1 + (count % 250);
}
