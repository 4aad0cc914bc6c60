/** Disks that pools of tests are on: in memory, with a power that can be cut. For the tests of this folder. */

import type { BlockDevice } from "../../../lib/block/device.js";
import type { NamedDevice } from "../../../lib/pool/chunks/chunk.js";
import { ChunkFolder } from "../../../lib/pool/chunks/chunk-folder.js";
import type { PoolDisks, PoolWorld } from "../../../lib/pool/folder.js";
import type { Random } from "../../../lib/random.js";
import { heapMemory } from "../../../lib/wire/memory.js";
import { CrashDisk } from "../crash-disk.js";
import { type Planted, Power, powered } from "../crash-folder.js";
import { kept, testWorld } from "../memory-folder.js";

const MIB = 2 ** 20;

/** Room for so many files. */
export function sizeFor(files: number): number {
	return (8 + 64 * files) * MIB;
}

/** What was put on a disk. */
export type Wrap = (device: BlockDevice, name: string) => BlockDevice;

export function nextTurn(): Promise<void> {
	return new Promise((resolve) => void setImmediate(resolve));
}

export class TestDisks {
	readonly disks: Map<string, CrashDisk>;
	readonly power: Power;
	/** Those that are there. */
	readonly present: Set<string>;
	wrap: Wrap = (device) => device;

	constructor(disks: ReadonlyMap<string, CrashDisk>, left = Number.POSITIVE_INFINITY) {
		this.disks = new Map(disks);
		this.power = new Power(left);
		this.present = new Set(disks.keys());
	}

	/** Each with room for so many files. */
	static of(files: Readonly<Record<string, number>>): TestDisks {
		return new TestDisks(
			new Map(Object.entries(files).map(([name, count]) => [name, new CrashDisk(sizeFor(count))])),
		);
	}

	/** What is there afterwards, of each disk by its own chance, with power for so many requests more. */
	crash(random: Random, survival: () => number, left = Number.POSITIVE_INFINITY): TestDisks {
		this.power.end();
		const after = new TestDisks(
			new Map([...this.disks].map(([name, disk]) => [name, disk.crash(random, survival())])),
			left,
		);
		after.wrap = this.wrap;
		return after;
	}

	device(name: string, planted?: Planted): NamedDevice {
		const disk = this.disks.get(name);
		if (disk === undefined) throw new Error(`there is no disk ${name}`);
		return { name, device: kept(powered(this.wrap(disk, name), this.power, planted)) };
	}

	/** It is opened although some are missing. */
	isPartial = false;

	/** `among`: those that are configured for the pool. */
	world(seed = 1, among: readonly string[] = [...this.present]): PoolWorld & { readonly disks: PoolDisks } {
		let count = 0;
		const folder = new ChunkFolder({
			path: "far",
			disks: async () => among.filter((name) => this.present.has(name)).map((name) => this.device(name)),
			allocate: heapMemory,
			isPartial: () => this.isPartial,
			identifier: () => `${seed}-${++count}-${Math.random().toString(36)}`,
			pace: () => ({ spend: nextTurn, end: () => {} }),
		});
		return { ...testWorld(folder, seed), disks: folder.disks };
	}
}

/** Resolves when the disk is none of the pool's any more. */
export async function emptied(disks: PoolDisks, disk: string): Promise<void> {
	while (disks.states.some((each) => each.disk === disk)) await nextTurn();
}
