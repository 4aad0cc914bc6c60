/** Two or three hosts that want one pool, for two minutes of virtual time in which all goes wrong that can, and one in which nothing does. By a seed. */

import { setImmediate as nextTurn } from "node:timers/promises";
import { Head } from "../../../lib/object/head.js";
import { HeadKeeper } from "../../../lib/pool/store/head-keeper.js";
import { LEASE_MS } from "../../../lib/pool/store/lease.js";
import { Random } from "../../../lib/random.js";
import { type HeadFaults, MemoryHead } from "../../../lib/testing/memory-head.js";
import { VirtualClock } from "../../../lib/testing/virtual-clock.js";
import { type Disk, identifier, OwnerProcess } from "./owner-process.js";
import { OwnerError, OwnerTruth } from "./owner-truth.js";

const TROUBLE_MS = 120_000;
const CALM_MS = 60_000;
const FAULTS: readonly [HeadFaults, ...HeadFaults[]] = [
	{},
	{ refusal: 0.1, lostAnswer: 0.1, late: 0.1, silence: 0.03 },
	{ lostAnswer: 0.4 },
	{ late: 0.3 },
	{ silence: 0.3 },
];

export class OwnerSim {
	readonly #random: Random;
	readonly #time = new VirtualClock();
	readonly #backend: MemoryHead;
	readonly truth: OwnerTruth;
	readonly #processes: OwnerProcess[] = [];
	readonly #disks: Disk[];
	#failure: { readonly error: unknown } | null = null;

	constructor(seed: number) {
		this.#random = new Random(seed);
		this.#backend = new MemoryHead({ clock: this.#time, random: this.#random, latencyMs: 40 });
		this.truth = new OwnerTruth(this.#backend.values);
		const hosts = 2 + this.#random.below(2);
		this.#disks = Array.from({ length: hosts }, () => ({
			host: identifier(this.#random),
			epoch: 0,
			written: 0,
		}));
	}

	/** Throws an OwnerError if something is not as it must be. */
	async play(): Promise<void> {
		await this.#make();
		for (const disk of this.#disks) this.#start(disk, false);
		this.#plan();
		await this.#until(TROUBLE_MS);
		this.#backend.faults = {};
		const { acknowledged } = this.truth.counts;
		await this.#until(TROUBLE_MS + CALM_MS);
		if (this.truth.counts.acknowledged === acknowledged)
			throw new OwnerError("nothing is acknowledged any more");
	}

	async #make(): Promise<void> {
		const random = this.#random;
		const clock = this.#time;
		const world = {
			clock,
			elapsed: () => clock.now() * 1000,
			now: () => Math.floor(clock.now() * 1000),
			chance: () => 1 + random.below(2 ** 47),
		};
		const owner = { id: identifier(random), host: identifier(random), name: "maker" };
		const head = new Head(this.#backend, { clock, random });
		const made = HeadKeeper.create(head, { ...FIRST, owner, pool: identifier(random) }, world);
		const keeper = await clock.until(made);
		await clock.until(keeper.close());
	}

	#start(disk: Disk, isGone: boolean): void {
		const [random, time, truth, backend] = [this.#random, this.#time, this.truth, this.#backend];
		const process = new OwnerProcess({ random, time, truth, backend, disk, isGone });
		this.#processes.push(process);
		this.#watch(process.run());
	}

	#watch(work: Promise<void>): void {
		work.catch((error: unknown) => {
			this.#failure ??= { error };
		});
	}

	get #alive(): readonly OwnerProcess[] {
		return this.#processes.filter(({ life }) => !life.isKilled);
	}

	async #until(endMs: number): Promise<void> {
		while (this.#time.now() < endMs) {
			await nextTurn();
			this.truth.check(this.#alive);
			if (this.#failure !== null) throw this.#failure.error;
			if (!this.#time.step()) throw new OwnerError("nothing goes on");
		}
	}

	/** What goes wrong, one after the other. */
	#plan(): void {
		this.#time.after(this.#random.below(4_000), () => {
			if (this.#time.now() >= TROUBLE_MS) return;
			this.#trouble();
			this.#plan();
		});
	}

	#trouble(): void {
		const random = this.#random;
		const [first, ...rest] = this.#alive;
		if (first === undefined) return;
		// The owner, mostly.
		const owner = this.#alive.find(({ keeper }) => keeper !== null && keeper.end === null);
		const one = owner !== undefined && random.chance(0.7) ? owner : random.pick([first, ...rest]);
		const ms = random.pick([200, 3_000, 12_000, 25_000]);
		random.pick([
			() => one.life.stop(random.below(ms)),
			() => one.line.cut(random.below(ms)),
			() => one.line.cut(random.below(ms)),
			() => {
				this.#backend.faults = random.pick(FAULTS);
			},
			() => this.#kill(one),
			() => this.#watch(one.close()),
			() => this.#handOver(one),
			() => this.#handOver(one),
		])();
	}

	#kill(one: OwnerProcess): void {
		one.life.isKilled = true;
		const disk = this.#disks.find(({ host }) => host === one.owner.host);
		this.#time.after(this.#random.below(20_000), () => {
			if (disk !== undefined) this.#start(disk, true);
		});
	}

	#handOver(one: OwnerProcess): void {
		const heir = this.#alive.find((each) => each !== one);
		if (heir !== undefined) this.#watch(one.handOver(heir.owner));
	}
}

const FIRST = {
	format: 1,
	epoch: 1,
	hostSince: 1,
	leaseMs: LEASE_MS,
	beat: 0,
	writtenUs: 0,
	promised: null,
	serve: "one",
	image: { upTo: 0 },
} as const;
