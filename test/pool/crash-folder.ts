/** A pool's files on disks that lose their power: at a chosen request, and then whatever was not synced may be gone, sector by sector. */

import type { BlockDevice } from "../../lib/block/device.js";
import { DeviceLayer } from "../../lib/block/layer.js";
import { BlockOp, type BlockRequest } from "../../lib/block/request.js";
import { StorageStatus } from "../../lib/errors.js";
import type { Random } from "../../lib/random.js";
import { CrashDisk } from "./crash-disk.js";
import { MemoryFolder } from "./memory-folder.js";

/** Bugs of the storage's, which look like bugs of the pool's. */
export type Planted = "no sync" | "sync while it is written";

/** When the power is cut, and whom that concerns. */
export class Power {
	/** Changes and syncs until then. */
	left: number;
	isOff = false;
	readonly off: Promise<void>;
	#cut: () => void = () => {};

	constructor(left: number) {
		this.left = left;
		this.off = new Promise((resolve) => {
			this.#cut = resolve;
		});
	}

	/** False if nothing happens any more. */
	spend(): boolean {
		if (this.left-- <= 0) this.end();
		return !this.isOff;
	}

	end(): void {
		if (this.isOff) return;
		this.isOff = true;
		this.#cut();
	}
}

/** Requests are carried out as long as there is power; then nobody hears of them again. */
class Powered extends DeviceLayer {
	constructor(
		device: BlockDevice,
		readonly power: Power,
		readonly planted: Planted | undefined,
	) {
		super(device);
	}

	protected handle(request: BlockRequest): void {
		const { power, planted } = this;
		if (power.isOff) return;
		const isChange = request.op !== BlockOp.read && request.op !== BlockOp.extents;
		// The one that is under way when the power is cut may be on the disk, as a whole or in part; nobody hears of it.
		if (isChange && !power.spend()) {
			if (request.op !== BlockOp.flush) this.device.submit(request);
			return;
		}
		if (request.op === BlockOp.flush && planted === "no sync") request.complete(StorageStatus.ok);
		else this.device.submit(request);
	}

	below(request: BlockRequest): void {
		request.resume();
	}
}

/** So that nobody above hears of it. */
class Muted extends DeviceLayer {
	constructor(
		device: BlockDevice,
		readonly power: Power,
		readonly planted: Planted | undefined,
	) {
		super(device);
	}

	protected handle(request: BlockRequest): void {
		request.push(this);
		this.device.submit(request);
	}

	below(request: BlockRequest): void {
		if (this.power.isOff) return;
		if (this.planted === "sync while it is written") request.synced = request.maySync;
		request.resume();
	}
}

/** A device that does nothing any more when its power is cut, and says nothing. */
export function powered(device: BlockDevice, power: Power, planted?: Planted): BlockDevice {
	return new Muted(new Powered(device, power, planted), power, planted);
}

export class CrashFolder extends MemoryFolder {
	constructor(
		readonly power: Power,
		readonly planted?: Planted,
		files: ReadonlyMap<string, BlockDevice> = new Map(),
		/** Files of the log that have room. */
		readonly filesMax?: number,
		/** See `PoolFolder`. */
		fillsAhead = false,
	) {
		super((device) => powered(device, power, planted));
		this.fillsAhead = fillsAhead;
		for (const [name, device] of files) this.files.set(name, device);
	}

	override async most(): Promise<number | undefined> {
		return this.filesMax;
	}

	protected override make(sizeBytes: number): BlockDevice {
		return new CrashDisk(sizeBytes);
	}

	/** What is there afterwards, with power for so many requests more. */
	crash(random: Random, survival: number, left: number): CrashFolder {
		this.power.end();
		const files = new Map<string, BlockDevice>();
		for (const [name, device] of this.files)
			if (device instanceof CrashDisk) files.set(name, device.crash(random, survival));
		return new CrashFolder(new Power(left), this.planted, files, this.filesMax, this.fillsAhead);
	}
}

/** Whether slots are written with zeros before they are used: in a third of the runs, whatever else their seeds make of them. */
export function doesFillAhead(seed: number): boolean {
	return seed % 3 === 0;
}
