/**
 * A machine with disks, a mirror of some of them, and what its client was told; its power can be cut at any I/O, again and again. Used by
 * `cuts.test.ts`.
 */

import { BlockOp } from "../../lib/block/request.js";
import type { Mirror } from "../../lib/compound/mirror/mirror.js";
import { type MirrorOptions, openMirror } from "../../lib/compound/mirror/open.js";
import { StorageStatus } from "../../lib/errors.js";
import { Random } from "../../lib/random.js";
import { CrashDevice } from "../../lib/testing/crash-device.js";
import { VirtualClock } from "../../lib/testing/virtual-clock.js";
import { heapMemory } from "../../lib/wire/memory.js";
import { SECTOR_BYTES } from "../../lib/wire/sector.js";
import { differences, SimDisk } from "./sim-disk.js";
import { Asked, REGION_BYTES, USED_SECTORS } from "./sim-request.js";
import { identifiers, MIB, standings } from "./stage.js";

const DATA_BYTES = 4 * REGION_BYTES;
/** Names of members, in order of the configuration. */
export type List = readonly string[];

export class Machine {
	readonly random: Random;
	clock = new VirtualClock();
	mirror: Mirror | null = null;
	effects = 0;
	#fuse = Number.POSITIVE_INFINITY;
	#cut: () => void = () => {};
	#disks = new Map<string, SimDisk>();
	#left: Map<string, CrashDevice>;
	/** Of each sector what was acknowledged last, and what may have come over it since. */
	readonly #stored = new Map<number, number[]>();
	#stamp = 0;

	constructor(seed: number, names: List) {
		this.random = new Random(seed);
		this.#left = new Map(names.map((name) => [name, new CrashDevice(MIB + DATA_BYTES)]));
		this.#power();
	}

	#power(): void {
		this.clock = new VirtualClock();
		this.mirror = null;
		this.#disks = new Map(
			[...this.#left].map(([name, disk]) => [
				name,
				new SimDisk(disk, this.clock, this.random, () => this.#effect()),
			]),
		);
	}

	#effect(): void {
		this.effects++;
		if (--this.#fuse > 0) return;
		for (const disk of this.#disks.values()) disk.isDead = true;
		this.#cut();
	}

	disk(name: string): SimDisk {
		return this.#disks.get(name)!;
	}

	/** Does it, and cuts the power in the middle; false: it was over before. */
	async cutAt(fuse: number, act: () => Promise<void>): Promise<boolean> {
		const cut = new Promise<true>((resolve) => {
			this.#cut = () => resolve(true);
		});
		this.#fuse = fuse;
		this.effects = 0;
		return this.clock.until(Promise.race([cut, act().then(() => false)]));
	}

	/** The machine is on again; `survival`: 1 as after the end of a process, which takes nothing with it that a disk has. */
	again(survival: number): void {
		this.#fuse = Number.POSITIVE_INFINITY;
		this.#left = new Map([...this.#disks].map(([name, disk]) => [name, disk.leftOver(survival)]));
		this.#power();
	}

	async open(list: List, options: MirrorOptions = {}): Promise<Mirror> {
		this.mirror = await openMirror(
			list.map((name) => ({ name, device: this.disk(name) })),
			{
				clock: this.clock,
				allocate: heapMemory,
				wallMs: () => Math.floor(this.clock.now()),
				identifier: identifiers(this.random),
			},
			{ resyncRate: 16 * MIB, timeoutMs: 6000, ...options },
		);
		return this.mirror;
	}

	sleep(ms: number): Promise<void> {
		return new Promise((resolve) => void this.clock.after(ms, resolve));
	}

	async inSync(): Promise<void> {
		for (let i = 0; i < 400; i++) {
			if (this.mirror?.state.state === "inSync") return;
			await this.sleep(200);
		}
		throw new Error(`never in sync: ${standings(this.mirror!)}`);
	}

	async write(): Promise<void> {
		const length = 1 + this.random.below(6);
		const first = this.random.below(USED_SECTORS - length);
		const asked = new Asked(BlockOp.write, first, length);
		const stamp = ++this.#stamp;
		for (let i = 0; i < length; i++) {
			new DataView(asked.request.memory.bytes.buffer).setUint32(i * SECTOR_BYTES, stamp);
			this.#stored.set(first + i, [...(this.#stored.get(first + i) ?? [0]), stamp]);
		}
		asked.request.fua = true;
		const { status } = await asked.run(this.mirror!);
		if (status !== StorageStatus.ok) throw new Error(`a write ended with ${status}`);
		for (let i = 0; i < length; i++) this.#stored.set(first + i, [stamp]);
	}

	/** What is there is what was acknowledged, in all copies. */
	async readAll(): Promise<void> {
		for (let sector = 0; sector < USED_SECTORS; sector++) {
			const found = new Set<number>();
			for (const anotherCopy of [0, 1, 2]) {
				const asked = new Asked(BlockOp.read, sector, 1);
				asked.request.anotherCopy = anotherCopy;
				const { status, memory } = await asked.run(this.mirror!);
				if (status !== StorageStatus.ok) throw new Error(`a read ended with ${status}`);
				found.add(new DataView(memory.bytes.buffer).getUint32(0));
			}
			const [value = 0] = found;
			const may = this.#stored.get(sector) ?? [0];
			if (found.size > 1 || !may.includes(value))
				throw new Error(`sector ${sector} is ${[...found]}, and may be ${may}`);
			this.#stored.set(sector, [value]);
		}
	}

	/** Another one than the others have, as after an error that nobody has noticed. */
	async spoil(name: string, sector: number): Promise<void> {
		const asked = new Asked(BlockOp.write, sector, 1);
		asked.request.memory.bytes.fill(0xbd);
		await asked.run(this.disk(name));
	}

	async end(list: List): Promise<void> {
		await this.inSync();
		await this.readAll();
		const { differentBytes, unknownBytes, isComplete } = await this.mirror!.verify();
		if (differentBytes > 0 || unknownBytes > 0 || !isComplete)
			throw new Error(`${differentBytes} bytes differ`);
		await this.mirror!.close();
		const disks = list.map((name) => this.disk(name));
		const found = differences(disks, DATA_BYTES / SECTOR_BYTES);
		if (found.length > 0) throw new Error(found[0]);
	}
}
