/**
 * A small world in which everything can go wrong and nothing is left to chance: a target with all its layers on a disk that
 * can lose its power, initiators of ours, a bad network between them, and a clock that none but they move. The same seed gives
 * the same run, event by event. Driven by `workload.ts`; the rules are in `model.ts` and `arrivals.ts`.
 */

import { setImmediate as nextTurn } from "node:timers/promises";
import type { TargetStats } from "../../lib/aoe/stats.js";
import { Initiator } from "../../lib/client/initiator.js";
import { type MemoryLink, MemorySwitch } from "../../lib/link/memory.js";
import { Pump } from "../../lib/pump.js";
import { Random } from "../../lib/random.js";
import { CrashDevice } from "../../lib/testing/crash-device.js";
import {
	type FaultCounts,
	type Faults,
	type FrameFate,
	faultySchedule,
} from "../../lib/testing/faulty-schedule.js";
import { VirtualClock } from "../../lib/testing/virtual-clock.js";
import { Arrivals } from "./arrivals.js";
import { EventLog } from "./log.js";
import { Machine, type MachineOptions, MTU, OFFSET_SECTORS, SHELF, TARGET_MAC } from "./machine.js";
import { Model } from "./model.js";
import { SECTOR } from "./stamps.js";

/** Where the data of a frame begins (AoE specification, section 3.1). */
const DATA = 36;
/** Of an initiator's port: enough that it is never full. */
const INITIATOR_ROOMS = 24;
/** Most events of a run: one that needs more goes round in circles. */
const EVENTS_MAX = 200_000;

export interface WorldOptions extends MachineOptions {
	readonly sectors: number;
	readonly initiators: number;
	/** What the initiators take for the longest time a frame is on its way. */
	readonly frameLifetimeMs: number;
	readonly network: Omit<Faults, "clock" | "random">;
	/** False where storage fails: then it is not known what arrivals leave behind. Default true. */
	readonly watchesArrivals?: boolean;
	/** The network may bring a write a second time, when it has long been acknowledged. */
	readonly lateCopiesAllowed?: boolean;
	/** Frames to the target with a bit of their data turned over. Default 0. */
	readonly hiddenDamageRate?: number;
	/** After so many events the next sync fails. */
	readonly syncFailsAfter?: number;
	/** After so many events the power is cut. */
	readonly cutAfter?: number;
	/** And once more when all is done. */
	readonly cutAtEnd?: boolean;
}

export class World {
	readonly clock = new VirtualClock();
	readonly log = new EventLog();
	readonly model: Model;
	readonly initiators: Initiator[] = [];
	/** Chance for the workload; network and disk have their own, so that one does not change the others. */
	readonly random: Random;
	readonly counts: FaultCounts;
	/** Write frames that reached the target once more; and those whose write had been acknowledged by then. */
	copies = 0;
	lateCopies = 0;
	/** Timers that have fired: frames that arrived, disk requests that went on, pauses that ended. */
	events = 0;
	powerCuts = 0;

	readonly #ether: MemorySwitch;
	readonly #fate: FrameFate;
	readonly #arrivals: Arrivals;
	/** Writes that have arrived, as generation and first sector. */
	readonly #arrived = new Set<string>();
	readonly #damage: Random;
	#machine: Machine | null;
	#failure: Error | null = null;

	constructor(readonly options: WorldOptions) {
		const { seed, mode, sectors, network, initiators } = options;
		this.random = new Random(seed);
		this.#damage = new Random(seed ^ 0xbadb17);
		this.model = new Model(sectors, mode);
		const mac = Uint8Array.of(0x02, 0, 0, 0, 0, 0xfe);
		this.#arrivals = new Arrivals(sectors, mac, Uint8Array.of(0, SHELF, 0));
		const { schedule, counts } = faultySchedule({ ...network, clock: this.clock, random: new Random(~seed) });
		this.#fate = schedule;
		this.counts = counts;
		this.#ether = new MemorySwitch({
			schedule: (deliver, frame, from, to) => this.#carry(deliver, frame, from, to),
		});
		this.#machine = this.#startMachine(new CrashDevice((OFFSET_SECTORS + sectors) * SECTOR));
		for (let number = 0; number < initiators; number++) this.#addInitiator(number);
	}

	/** Frames that the target did not carry out, by reason. */
	get stats(): TargetStats | undefined {
		return this.#machine?.stats;
	}

	/** Frames that a port had no room for. */
	get overruns(): number {
		const links = this.initiators.map(({ link }) => link);
		return links.reduce((sum, link) => sum + link.stats.droppedIn, this.#machine?.link.stats.droppedIn ?? 0);
	}

	/** Lets time pass until `work` is done. Throws the first thing that went against a rule. */
	async run(work: Promise<unknown>): Promise<void> {
		let settled = false;
		work.then(
			() => {
				settled = true;
			},
			(error: Error) => {
				settled = true;
				this.#failure ??= error;
			},
		);
		for (;;) {
			await nextTurn();
			if (this.#failure !== null) throw this.#failure;
			if (settled) return;
			if (this.events === EVENTS_MAX) throw new Error(`not done after ${EVENTS_MAX} events`);
			if (!this.clock.step()) throw new Error("waiting for something that no timer will bring");
			this.events++;
			if (this.events === this.options.cutAfter) this.cutPower();
			if (this.events === this.options.syncFailsAfter && this.#machine !== null)
				this.#machine.disk.flushFailures = 1;
		}
	}

	/** Waits, as part of the work. */
	pause(ms: number): Promise<void> {
		return new Promise((resolve) => void this.clock.after(ms, resolve));
	}

	#startMachine(disk: CrashDevice): Machine {
		return new Machine(this.clock, this.#ether, disk, this.options);
	}

	#addInitiator(number: number): void {
		const { frameLifetimeMs } = this.options;
		const port = {
			name: `initiator ${number}`,
			mac: 0x020000000001 + number,
			mtu: MTU,
			rooms: INITIATOR_ROOMS,
		};
		const link = this.#ether.link(new Pump(), port);
		const options = {
			clock: this.clock,
			deadlineMs: 3_600_000,
			firstTag: 1 + number * 0x10000,
			frameLifetimeMs,
		};
		this.initiators.push(new Initiator(link, options));
	}

	/** A frame on its way. Ports of a target that is no more send nothing, and what is for it goes to its successor. */
	#carry(deliver: () => void, frame: Uint8Array, from: MemoryLink, to: MemoryLink): void {
		const isTarget = from.mac === TARGET_MAC;
		if (isTarget && from !== this.#machine?.link) return;
		if (isTarget && this.options.watchesArrivals !== false) this.#guard(() => this.#arrivals.leaves(frame));
		this.log.add(this.clock.now(), `${from.name} sends`, frame);
		if (to.mac !== TARGET_MAC) {
			this.#fate(deliver, frame, from, to);
			return;
		}
		this.#fate(() => this.#arrive(frame), frame, from, this);
	}

	#arrive(frame: Uint8Array): void {
		this.log.add(this.clock.now(), "target gets", frame);
		if (this.#machine === null) return;
		const { generation, lba } = this.#arrivals.cameIn(frame);
		if (generation !== undefined) this.#writeArrives(generation, `${generation} ${lba}`);
		const { hiddenDamageRate = 0 } = this.options;
		if (hiddenDamageRate > 0 && this.#damage.chance(hiddenDamageRate)) hide(frame, this.#damage);
		this.#machine.link.arrive(frame, 0, frame.length);
	}

	#writeArrives(generation: number, key: string): void {
		if (this.#arrived.has(key)) this.copies++;
		this.#arrived.add(key);
		if (!this.model.isAcknowledged(generation)) return;
		this.lateCopies++;
		if (this.options.lateCopiesAllowed) this.model.cameAgain(generation);
	}

	#guard(check: () => void): void {
		try {
			check();
		} catch (error) {
			this.#failure ??= error as Error;
		}
	}

	/** The target's machine loses its power, and some of what its disk was not told to keep; a while later it is back. */
	cutPower(): void {
		const machine = this.#machine;
		if (machine === null) return;
		const random = new Random(this.options.seed + this.events);
		this.powerCuts++;
		this.log.add(this.clock.now(), "power cut");
		this.#machine = null;
		machine.clock.end();
		this.#ether.remove(machine.link);
		const disk = machine.disk.crash(random, random.pick([0, 0.5, 1]));
		const read = (lba: number): Uint8Array | undefined => disk.sector(OFFSET_SECTORS + lba);
		this.#guard(() => this.model.powerCut(read));
		this.clock.after(random.pick([0, 10, 3000]), () => {
			this.#arrivals.restart(read);
			this.#machine = this.#startMachine(disk);
			this.log.add(this.clock.now(), "power is back");
		});
	}
}

/** Turns over a bit of the data, which only a checksum would notice. */
function hide(frame: Uint8Array, random: Random): void {
	if (frame.length <= DATA) return;
	const at = DATA + random.below(frame.length - DATA);
	frame[at] = frame[at]! ^ (1 << random.below(8));
}
