/** Mirrors of disks in memory, in virtual time, for the tests of `lib/compound/mirror/`. */

import { type BlockDevice, PromisedRequest } from "../../lib/block/device.js";
import { MemoryDevice } from "../../lib/block/memory.js";
import { BlockOp, type BlockRequest } from "../../lib/block/request.js";
import { reservedAt } from "../../lib/compound/mirror/format.js";
import type { Mirror, MirrorWorld } from "../../lib/compound/mirror/mirror.js";
import { type MirrorOptions, openMirror } from "../../lib/compound/mirror/open.js";
import type { MirrorEvent } from "../../lib/compound/mirror/state.js";
import { Random } from "../../lib/random.js";
import { FaultyLayer } from "../../lib/testing/faulty-layer.js";
import { VirtualClock } from "../../lib/testing/virtual-clock.js";
import { heapMemory } from "../../lib/wire/memory.js";

export const MIB = 1024 * 1024;
export const KIB = 1024;
/** When virtual time begins. */
export const EPOCH_MS = Date.parse("2026-11-27T00:00:00Z");

export function identifiers(random: Random): (byteLength: number) => string {
	return (byteLength) =>
		Array.from({ length: byteLength }, () => random.below(256).toString(16).padStart(2, "0")).join("");
}

/** Disks, and the mirrors that are opened of them one after the other. */
export class Stage {
	readonly clock = new VirtualClock();
	readonly events: MirrorEvent[] = [];
	readonly random: Random;
	readonly disks: MemoryDevice[];
	/** What is before each of them: it outlives a mirror, as a fault does. */
	readonly faults: FaultyLayer[];
	readonly world: MirrorWorld;
	/** Put before each member, when a mirror is opened. */
	onMember: (device: BlockDevice) => BlockDevice = (device) => device;

	constructor(sizes: readonly number[], seed = 1) {
		this.random = new Random(seed);
		this.disks = sizes.map((size) => new KeptDisk(size));
		this.faults = this.disks.map((disk) => new FaultyLayer(disk, seed));
		this.world = {
			clock: this.clock,
			wallMs: () => EPOCH_MS + Math.floor(this.clock.now()),
			allocate: heapMemory,
			identifier: identifiers(this.random),
			onEvent: (event) => this.events.push(event),
		};
	}

	/** A new disk in the place of another one. */
	swap(index: number, size: number): void {
		this.disks[index] = new KeptDisk(size);
		this.faults[index] = new FaultyLayer(this.disks[index]!);
	}

	/** Opens the mirror; members of which the index is in `without` have no device, and of those in `untold` it hears nothing. */
	open(
		options: MirrorOptions = {},
		without: readonly number[] = [],
		untold: readonly number[] = [],
	): Promise<Mirror> {
		const all = this.faults.map((device, i) => ({
			name: `m${i}`,
			device: without.includes(i) ? null : this.onMember(new Unclosed(device)),
		}));
		const told = all.filter((_, i) => !untold.includes(i));
		return this.clock.until(openMirror(told, this.world, options));
	}

	/** The line with which opening is refused. */
	async refusal(...of: Parameters<Stage["open"]>): Promise<string> {
		try {
			const mirror = await this.open(...of);
			await this.close(mirror);
			return "opened";
		} catch (error) {
			if (!(error instanceof Error) || error.name !== "OperatorError") throw error;
			return error.message;
		}
	}

	close(mirror: Mirror): Promise<unknown> {
		return this.clock.until(mirror.close());
	}

	/** Lets time pass until the members stand like this. */
	async until(mirror: Mirror, states: string): Promise<void> {
		for (let i = 0; i < 2000 && standings(mirror) !== states; i++) await this.pass(100);
		if (standings(mirror) !== states) throw new Error(`${standings(mirror)} never became ${states}`);
	}

	pass(ms: number): Promise<void> {
		return this.clock.until(new Promise((resolve) => this.clock.after(ms, resolve)));
	}

	async write(
		device: BlockDevice,
		offsetBytes: number,
		lengthBytes: number,
		byte: number,
	): Promise<BlockRequest> {
		const asked = new PromisedRequest();
		asked.request.op = BlockOp.write;
		asked.request.offsetBytes = offsetBytes;
		asked.request.lengthBytes = lengthBytes;
		asked.request.memory = heapMemory(lengthBytes);
		asked.request.memory.bytes.fill(byte);
		return this.clock.until(asked.run(device));
	}

	async read(
		device: BlockDevice,
		offsetBytes: number,
		lengthBytes: number,
		anotherCopy = 0,
	): Promise<BlockRequest> {
		const asked = new PromisedRequest();
		asked.request.op = BlockOp.read;
		asked.request.offsetBytes = offsetBytes;
		asked.request.lengthBytes = lengthBytes;
		asked.request.memory = heapMemory(lengthBytes);
		asked.request.anotherCopy = anotherCopy;
		return this.clock.until(asked.run(device));
	}

	/** The first byte that is read there. */
	async byteAt(device: BlockDevice, offsetBytes: number): Promise<number | undefined> {
		return (await this.read(device, offsetBytes, 512)).memory.bytes[0];
	}

	/** Where what is reserved begins on a disk. */
	reservedAt(index: number): number {
		return reservedAt(this.disks[index]!.info.sizeBytes);
	}
}

export function standings(mirror: Mirror): string {
	return mirror.state.members.map(({ state }) => state).join(" ");
}

/** Its contents outlive whoever closes it. */
class KeptDisk extends MemoryDevice {
	override async close(): Promise<"closed"> {
		return "closed";
	}
}

/** A way to a disk that can be closed without the disk. */
class Unclosed extends FaultyLayer {
	override async close(): Promise<"closed"> {
		return "closed";
	}
}
