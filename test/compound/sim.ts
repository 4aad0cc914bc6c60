/**
 * A mirror in simulated time, from one seed: clients read and change it while its members fail, go away, lose power and come back, and the
 * whole machine loses power at any moment, in recovery, too. A model knows what each read may return. In the end everything is well again,
 * and all members must have the same. Used by `mirror-sim.test.ts`, which also plants bugs (`planted.ts`).
 */

import { BlockOp, operationName } from "../../lib/block/request.js";
import type { Mirror } from "../../lib/compound/mirror/mirror.js";
import { openMirror } from "../../lib/compound/mirror/open.js";
import type { MirrorEvent } from "../../lib/compound/mirror/state.js";
import { StorageStatus, storageStatusName } from "../../lib/errors.js";
import { Random } from "../../lib/random.js";
import { CrashDevice } from "../../lib/testing/crash-device.js";
import { VirtualClock } from "../../lib/testing/virtual-clock.js";
import { heapMemory } from "../../lib/wire/memory.js";
import { SECTOR_BYTES } from "../../lib/wire/sector.js";
import { differences, SimDisk } from "./sim-disk.js";
import { SectorModel } from "./sim-model.js";
import type { Plant } from "./sim-plant.js";
import { Asked, REGION_BYTES, USED_SECTORS } from "./sim-request.js";

const MIB = 1024 * 1024;
export const DATA_BYTES = 5 * REGION_BYTES;

/** For so long the mirror waits for a member: longer than one takes that is away. */
const TIMEOUT_MS = 6000;
/** A kind of trouble. */
const HANGS = 6;

/** A run, of several lives of one machine. */
export class MirrorRun {
	readonly random: Random;
	readonly model = new SectorModel(USED_SECTORS);
	readonly problems: string[] = [];
	/** What happened, for whoever looks at one seed. */
	readonly log: string[] = [];
	readonly counts = { crashes: 0, losses: 0, joins: 0, failed: 0, done: 0, repairs: 0, refused: 0, hangs: 0 };
	#clock = new VirtualClock();
	#disks: SimDisk[] = [];
	#left: CrashDevice[];
	#mirror: Mirror | null = null;
	#stamp = 0;
	/** So many I/Os until the power is cut. */
	#fuse = Infinity;
	#crashed: () => void = () => {};
	/** What was not stable may be lost, and no flush has said so yet. */
	#hasLost = false;
	#isEnding = false;
	readonly #plant: Plant;
	readonly #isRough: boolean;

	constructor(seed: number, plant: Plant = {}) {
		this.random = new Random(seed);
		this.#plant = plant;
		this.#isRough = this.random.chance(0.5);
		const count = 2 + this.random.below(2);
		this.#left = Array.from({ length: count }, (_, i) => new CrashDevice(MIB + DATA_BYTES + i * 8192));
	}

	note(text: string): void {
		this.log.push(`${this.#clock.now().toFixed(1)} ${text}`);
	}

	/** Runs everything; problems are in `problems`. */
	async run(lives = 4): Promise<void> {
		for (let life = 0; life < lives && this.problems.length === 0; life++) {
			const isLast = life === lives - 1;
			await this.#live(isLast);
			if (!isLast) this.#powerOff();
		}
	}

	#powerOff(): void {
		this.note("power is cut");
		this.counts.crashes++;
		this.#left = this.#disks.map((disk) => disk.leftOver());
		this.model.crashed();
	}

	async #live(isLast: boolean): Promise<void> {
		this.#clock = new VirtualClock();
		this.#mirror = null;
		this.#hasLost = false;
		this.#fuse = isLast ? Infinity : this.random.below(this.#plant.fuse ?? this.random.pick([60, 600]));
		const crashed = new Promise<"crashed">((resolve) => {
			this.#crashed = () => resolve("crashed");
		});
		this.#disks = this.#left.map((disk) => new SimDisk(disk, this.#clock, this.random, () => this.#effect()));
		try {
			await this.#clock.until(Promise.race([crashed, this.#lead(isLast)]));
		} catch (error) {
			this.problems.push(String(error));
		}
	}

	#effect(): void {
		this.#fuse--;
		if (this.#fuse > 0) return;
		for (const disk of this.#disks) disk.isDead = true;
		this.#crashed();
	}

	async #lead(isLast: boolean): Promise<void> {
		await this.#open();
		await this.#readAll(true);
		this.#trouble(isLast ? 40 : 1000);
		await Promise.all([this.#client(60), this.#client(60), this.#client(60)]);
		if (isLast) await this.#end();
	}

	async #open(): Promise<void> {
		const { onMember = (device) => device, order } = this.#plant;
		this.#mirror = await openMirror(
			this.#disks.map((disk, i) => ({ name: `m${i}`, device: onMember(disk) })),
			{
				clock: this.#clock,
				allocate: heapMemory,
				wallMs: () => Math.floor(this.#clock.now()),
				identifier: (bytes) =>
					Array.from({ length: bytes }, () => this.random.below(256).toString(16).padStart(2, "0")).join(""),
				onEvent: (event) => this.#heard(event),
				...(order === undefined ? {} : { order }),
			},
			{ resyncRate: 4 * MIB, timeoutMs: TIMEOUT_MS },
		);
		this.note(`open: generation ${this.#mirror.state.generation}`);
	}

	#heard(event: MirrorEvent): void {
		this.#lookForLoss();
		if (event.kind === "repaired") {
			this.counts.repairs++;
			this.note(`${event.name} repaired`);
			return;
		}
		const { name, state, reason, index } = event.member;
		this.note(`${name} ${state} ${reason ?? ""}`);
		if (state === "behind") this.counts.losses++;
		if (state !== "inSync") return;
		this.counts.joins++;
		// (What it has lost since it was copied to, it lacks, though that it is in sync is told only now that it is stored.)
		this.#disks[index]!.hasLost = this.#disks[index]!.isLossy;
	}

	/** Things happen to members, now and then, until so many have. */
	#trouble(times: number): void {
		if (times === 0 || this.#isEnding) return;
		const { random } = this;
		this.#clock.after(random.below(400), () => {
			if (this.#isEnding) return;
			const disk = random.pick(this.#disks as [SimDisk, ...SimDisk[]]);
			const name = `m${this.#disks.indexOf(disk)}`;
			const hangs = this.#plant.hangs === true && random.chance(0.3);
			const kind = hangs ? HANGS : random.below(this.#isRough ? 6 : 3);
			this.note(`${name}: trouble ${kind}`);
			if (kind === 0) this.#away(disk, random.below(8000));
			else if (kind === 1) this.#losePower(disk);
			else if (kind === 2) disk.slowMs = random.pick([1, 8, 40]);
			else if (kind === 3) disk.writeErrors = random.pick([0, 0, 0.05]);
			else if (kind === HANGS) this.#hang(disk);
			else if (kind === 4) disk.readErrors = random.pick([0, 0, 0.1]);
			else for (const each of this.#disks) this.#away(each, 100);
			this.#trouble(times - 1);
		});
	}

	#losePower(disk: SimDisk): void {
		disk.losePower();
		this.#lookForLoss();
	}

	#away(disk: SimDisk, ms: number): void {
		disk.isAway = true;
		this.#clock.after(ms, () => {
			disk.isAway = false;
		});
	}

	#hang(disk: SimDisk): void {
		this.counts.hangs++;
		disk.hangs = this.random.pick([0.2, 1]);
		this.#clock.after(this.random.below(20_000), () => disk.wake());
	}

	async #client(operations: number): Promise<void> {
		for (let i = 0; i < operations && this.problems.length === 0; i++) {
			await this.#sleep(this.random.below(40));
			const kind = this.random.below(10);
			if (kind < 3) await this.#read();
			else if (kind === 3) await this.#flush();
			else await this.#change(kind);
		}
	}

	#sleep(ms: number): Promise<void> {
		return new Promise((resolve) => this.#clock.after(ms, resolve));
	}

	/** Has the only one in sync lost something? Then so have those that are copied from it, until a flush has said so. */
	#lookForLoss(): void {
		if (this.#mirror === null) return;
		const inSync = this.#mirror.state.members.filter(({ state }) => state === "inSync");
		if (inSync.length === 1 && this.#disks[inSync[0]!.index]!.hasLost) this.#hasLost = true;
	}

	async #read(at?: number, count?: number, isStable = false, anotherCopy?: number): Promise<void> {
		const length = count ?? 1 + this.random.below(12);
		const first = at ?? this.random.below(USED_SECTORS - length + 1);
		const asked = new Asked(BlockOp.read, first, length);
		asked.request.anotherCopy = anotherCopy ?? (this.random.chance(0.3) ? 1 + this.random.below(3) : 0);
		const { status, memory } = await asked.run(this.#mirror!);
		this.#count(status);
		this.note(`read at ${first}+${length}: ${storageStatusName(status)}`);
		if (status !== StorageStatus.ok) return;
		this.#lookForLoss();
		if (this.#hasLost) this.model.crashed();
		for (let i = 0; i < length; i++) {
			const value = new DataView(memory.bytes.buffer, i * SECTOR_BYTES).getUint32(0);
			const problem = this.model.read(first + i, value, isStable);
			if (problem !== undefined) this.problems.push(`${this.#clock.now().toFixed(1)} ${problem}`);
		}
	}

	async #readAll(isStable: boolean): Promise<void> {
		// Of another copy, too: what differs is seen at once.
		for (let i = 0; i < USED_SECTORS; i += 8)
			for (const anotherCopy of [0, 1, 2, 3]) await this.#read(i, 8, isStable, anotherCopy);
	}

	#count(status: StorageStatus): void {
		if (status === StorageStatus.ok) this.counts.done++;
		else this.counts.failed++;
	}

	async #flush(): Promise<void> {
		const flushing = this.model.flushing();
		const { status } = await new Asked(BlockOp.flush, 0, 0).run(this.#mirror!);
		this.#count(status);
		this.note(`flush: ${storageStatusName(status)}`);
		this.model.flushed(flushing, status === StorageStatus.ok);
		if (status === StorageStatus.ok) return;
		this.#hasLost = false;
		// (What was lost behind it, while others were waited for, the next one will say.)
		for (const disk of this.#disks) disk.hasLost = disk.isLossy;
	}

	async #change(kind: number): Promise<void> {
		const { random } = this;
		const op = kind === 4 ? BlockOp.trim : kind === 5 ? BlockOp.writeZeroes : BlockOp.write;
		const length = 1 + random.below(12);
		const first = random.below(USED_SECTORS - length + 1);
		const value = op === BlockOp.write ? ++this.#stamp : 0;
		const asked = new Asked(op, first, length);
		const { request } = asked;
		request.fua = op !== BlockOp.trim && random.chance(0.4);
		request.maySync = random.chance(0.5);
		for (let at = 0; at < request.memory.bytes.length; at += SECTOR_BYTES)
			new DataView(request.memory.bytes.buffer).setUint32(at, value);
		this.note(`${operationName(op)} ${value} at ${first}+${length}...`);
		const indexes = Array.from({ length }, (_, i) => this.model.changing(first + i, value));
		const { fua } = request;
		const { status, synced } = await asked.run(this.#mirror!);
		this.#count(status);
		// A client uses its memory for something else as soon as it is answered.
		if (this.#plant.hangs === true) request.memory.bytes.fill(0xee);
		this.note(
			`${operationName(op)} ${value} at ${first}+${length}: ${storageStatusName(status)}${fua || synced ? " stable" : ""}`,
		);
		for (const [i, index] of indexes.entries())
			this.model.changed(first + i, index, status === StorageStatus.ok, fua || synced);
	}

	/** Everything is well: all members come back, and have the same. */
	async #end(): Promise<void> {
		this.#isEnding = true;
		for (const disk of this.#disks) {
			disk.wake();
			disk.isAway = false;
			disk.readErrors = 0;
			disk.writeErrors = 0;
			disk.slowMs = 1;
		}
		// Who has lost something, or is gone without anybody having noticed, is noticed now.
		for (let i = 0; i < 20; i++) {
			await this.#flush();
			await this.#sleep(30_000);
			if (i > 2 && this.#mirror!.state.state === "inSync") break;
		}
		if (this.#mirror!.state.state !== "inSync") {
			this.problems.push(`not in sync: ${JSON.stringify(this.#mirror!.state.members)}`);
			return;
		}
		await this.#readAll(false);
		const report = await this.#mirror!.verify();
		if (report.differentBytes > 0 || report.unknownBytes > 0 || !report.isComplete)
			this.problems.push(`verify: ${JSON.stringify(report)}`);
		await this.#mirror!.close();
		this.problems.push(...differences(this.#disks, DATA_BYTES / SECTOR_BYTES));
	}
}
