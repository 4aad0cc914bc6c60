/**
 * A small pool on a disk of which one request goes wrong: whatever the pool does then, it comes to an end, others go on, nothing is read that was
 * not written, what is refused is told with file and place, and all that was acknowledged is there when the disk is sound again. Used by
 * `faults.test.ts`, with a script of what is done, from when the pool is opened until it is closed, and once more.
 */

import { setImmediate as nextTurn } from "node:timers/promises";
import { OperatorError, StorageStatus } from "../../lib/errors.js";
import { RECORD_ENTRIES } from "../../lib/pool/format.js";
import { Pool } from "../../lib/pool/pool.js";
import { Random } from "../../lib/random.js";
import { CrashFolder, doesFillAhead, Power } from "./crash-folder.js";
import { CrashError } from "./crash-model.js";
import { Fault, FaultFolder, type FaultKind } from "./fault-folder.js";
import { Stage, testWorld } from "./memory-folder.js";
import { NO_TROUBLE, type Trouble } from "./trouble-model.js";
import { BULK, BULK_SECTORS, type Legacy, WholeLife } from "./whole-life.js";
import { Course, type State } from "./whole-model.js";
import { type OperationName, operate } from "./whole-operations.js";

/** Half a megabyte that is written beside. */
export type Step = OperationName | "bulk";

const NOTHING: Legacy = { moments: [], stamp: 0, timeUs: 1_764_000_000_000_000, momentsSeen: 0, refused: 0 };
export const MAP = {
	entries: RECORD_ENTRIES + 24,
	nodeBytes: 2 ** 18,
	nodeFillBytes: 16_384,
	spareNodeSlots: 0,
};
/** What takes longer hangs. */
const TURNS = 100_000;
/** What takes so long waits for something. */
const WAITING_TURNS = TURNS / 10;
/** A request hangs so long after others have gone on. */
const STUCK_TURNS = 300;
/** That a pool does which takes no changes any more. */
const AFTERWARDS = 3;
const PLACE = /^memory\/(head|log\.\d{6})(, byte \d+|: )/;
/** What a sound disk may have to refuse, too. */
const REFUSED = /no space|noSpace|is not kept any more/;

/** A pool that was closed, and what it has: each run begins with the same. */
export class Prepared {
	private constructor(
		readonly seed: number,
		readonly folder: CrashFolder,
		readonly state: State,
		readonly legacy: Legacy,
	) {}

	/** After all that; `filesMax`: files of the log that have room. */
	static async after(seed: number, script: readonly Step[], filesMax?: number): Promise<Prepared> {
		const power = new Power(Number.POSITIVE_INFINITY);
		const folder = new CrashFolder(power, undefined, undefined, filesMax, doesFillAhead(seed));
		const life = new WholeLife(folder, new Random(seed), MAP, new Course(new Map()), NOTHING);
		await life.begin("create");
		await life.pool.administration.create(BULK, BULK_SECTORS * 512, 65_536);
		for (const what of script) await step(life, what);
		await life.end();
		return new Prepared(seed, folder, life.course.now, life);
	}
}

export async function step(life: WholeLife, what: Step): Promise<void> {
	if (what !== "bulk") return operate(life, what);
	life.writeBulk();
	await life.bulkWritten();
}

export class FaultRun implements Trouble {
	readonly fault: Fault;
	readonly #prepared: Prepared;
	readonly #folder: FaultFolder;
	readonly #random: Random;
	#life: WholeLife;
	#trouble: unknown;

	constructor(prepared: Prepared, kind: FaultKind, left: number, isLasting = false) {
		this.#prepared = prepared;
		this.#random = new Random(prepared.seed + left);
		this.fault = new Fault(kind, left, isLasting);
		this.fault.whenStuck = (goOn) => void this.#stuck(goOn);
		const folder = prepared.folder.crash(this.#random, 1, Number.POSITIVE_INFINITY);
		this.#folder = new FaultFolder(folder, this.fault);
		this.#life = this.#born(this.#folder, new Course(prepared.state), prepared.legacy);
	}

	/** False if there were not so many requests. Throws a CrashError for what is not as it was promised. */
	async play(script: readonly Step[]): Promise<boolean> {
		await this.#live(script);
		if (this.fault.strikes === 0) await this.#live(["write", "checkpoint"]);
		if (this.#trouble !== undefined) throw this.#trouble;
		this.fault.heal();
		const survival = this.#random.pick([0, 0.5, 1]);
		const { course } = this.#life;
		const sound = this.#folder.crash(this.#random, survival, Number.POSITIVE_INFINITY);
		const again = this.#born(sound, course, this.#life);
		again.trouble = { ...NO_TROUBLE, hasStruck: this.hasStruck };
		await again.begin();
		await again.find(survival);
		await operate(again, "write");
		await again.end();
		return this.fault.strikes > 0;
	}

	#born(folder: CrashFolder, course: Course, legacy: Legacy): WholeLife {
		return new WholeLife(folder, new Random(this.#prepared.seed), MAP, course, legacy);
	}

	async #live(script: readonly Step[]): Promise<void> {
		this.#life = this.#born(this.#folder, this.#life.course, this.#life);
		const life = this.#life;
		life.trouble = this;
		await within(
			"opening",
			this.again(() => life.begin()),
		);
		// (What was written is in memory at least.)
		await within("reading", life.find(1));
		let left = AFTERWARDS;
		for (const what of script) {
			if (this.#hasFailed && left-- === 0) break;
			await within(what, step(life, what), () => this.#makeRoom());
		}
		await within("closing", life.end());
	}

	/** A record that has found no space waits until there is some: somebody makes room, and it is tried again. */
	#makeRoom(): void {
		if (this.fault.kind !== "full" || !this.hasStruck) return;
		this.fault.heal();
		this.#life.tryAgain();
	}

	get hasStruck(): boolean {
		return this.fault.strikes > 0;
	}

	get #hasFailed(): boolean {
		return this.#life.pool.state.failed !== null;
	}

	ended(status: StorageStatus): void {
		if (status === StorageStatus.noSpace) return;
		const { failed } = this.#life.pool.state;
		const isTold = status === StorageStatus.mediumError || (failed !== null && PLACE.test(failed));
		if (this.fault.strikes === 0 || !isTold)
			throw new CrashError(`a change ended with ${status}, and what is told is ${failed}`);
	}

	told(message: string): void {
		if (this.fault.strikes === 0 || PLACE.test(message) || REFUSED.test(message)) return;
		throw new CrashError(`no file and place: ${message}`);
	}

	async again<T>(act: () => Promise<T>): Promise<T> {
		const { fault } = this;
		const { strikes } = fault;
		try {
			return await act();
		} catch (error) {
			if (fault.strikes === strikes) throw error;
			if (error instanceof OperatorError) this.told(error.message);
			else if (!(error instanceof CrashError)) throw error;
			if (fault.isLasting) fault.heal();
			return act();
		}
	}

	/** Another pool of the same process is served meanwhile. */
	async #stuck(goOn: () => void): Promise<void> {
		try {
			await within("another pool", this.#others());
		} catch (error) {
			this.#trouble = error;
		}
		for (let turn = 0; turn < STUCK_TURNS; turn++) await nextTurn();
		goOn();
	}

	async #others(): Promise<void> {
		const folder = new CrashFolder(new Power(Number.POSITIVE_INFINITY));
		const pool = await Pool.create(testWorld(folder, 1, this.#life.pump));
		await pool.administration.create("web", 2 ** 20, 4096);
		const stage = await Stage.of(pool);
		await stage.write(3, 7);
		if ((await stage.read(3)) !== 7) throw new CrashError("another pool has something else");
		await stage.close();
	}
}

/** What `act` comes to, with something done now and then while it waits. Throws a CrashError if that takes too many turns. */
export async function within<T>(what: string, act: Promise<T>, ifWaiting = (): void => {}): Promise<T> {
	let isOver = false;
	const over = (): void => {
		isOver = true;
	};
	act.then(over, over);
	for (let turn = 0; turn < TURNS && !isOver; turn++) {
		if (turn > 0 && turn % WAITING_TURNS === 0) ifWaiting();
		await nextTurn();
	}
	if (!isOver) throw new CrashError(`${what} hangs`);
	return act;
}
