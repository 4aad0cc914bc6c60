/**
 * A member of a mirror in a simulation: a disk with a volatile cache that takes its time, goes away, loses power, and has bad sectors, as
 * one seed says. What it promises is what devices promise: what has failed never takes effect afterwards, and who has lost what was complete
 * says so with the next request, and with the next flush.
 */

import { constants } from "node:os";
import type { CloseEnd } from "../../lib/block/close.js";
import { type BlockDevice, type DeviceInfo, PromisedRequest, refuse } from "../../lib/block/device.js";
import type { DeviceListener } from "../../lib/block/listeners.js";
import { BlockOp, type BlockRequest, type RequestLayer } from "../../lib/block/request.js";
import type { Clock } from "../../lib/clock.js";
import { StorageStatus } from "../../lib/errors.js";
import type { Random } from "../../lib/random.js";
import type { CrashDevice } from "../../lib/testing/crash-device.js";
import { SECTOR_BYTES } from "../../lib/wire/sector.js";

/** After so long without an answer a request fails. */
const TIMEOUT_MS = 3000;

export class SimDisk implements BlockDevice, RequestLayer {
	/** Each request takes at most so long, half of it before it takes effect. */
	slowMs = 8;
	/** Each read, each change ends with a medium error so often; a change has then been made in part. */
	readErrors = 0;
	writeErrors = 0;
	isAway = false;
	/** The machine is dead: nothing happens any more. */
	isDead = false;
	/** Of requests, so many are neither answered nor is an error told: they go on when that is over. */
	hangs = 0;
	#held: { readonly request: BlockRequest; readonly goOn: () => void }[] = [];
	/** Has lost what was complete, and has not told a flush. */
	isLossy = false;
	/** The same, until its mirror has made up for it, or has told its client. */
	hasLost = false;
	/** Has not told anybody yet that it was gone. */
	#mustFail = false;
	#disk: CrashDevice;
	readonly #clock: Clock;
	readonly #random: Random;
	/** Called before a change, a flush or a read takes effect. */
	readonly #onEffect: () => void;

	constructor(disk: CrashDevice, clock: Clock, random: Random, onEffect: () => void) {
		this.#disk = disk;
		this.#clock = clock;
		this.#random = random;
		this.#onEffect = onEffect;
	}

	get info(): DeviceInfo {
		return this.#disk.info;
	}

	/** What the power leaves when it is cut, for the next run. */
	leftOver(survival = this.#random.pick([0, 0.5, 1])): CrashDevice {
		this.isDead = true;
		return this.#disk.crash(this.#random, survival);
	}

	/** The power of this disk alone is cut, and is back at once. */
	losePower(): void {
		this.#disk = this.#disk.crash(this.#random, this.#random.pick([0, 0.5]));
		this.#mustFail = true;
		this.isLossy = true;
		this.hasLost = true;
	}

	sector(number: number): Uint8Array | undefined {
		return this.#disk.sector(number);
	}

	submit(request: BlockRequest): void {
		const refused = refuse(this.info, request);
		if (refused !== undefined) {
			request.complete(refused);
			return;
		}
		request.park();
		this.#after(() => this.#takeEffect(request));
	}

	#after(callback: () => void, ms = this.#random.next() * (this.slowMs / 2)): void {
		this.#clock.after(ms, () => {
			if (!this.isDead) callback();
		});
	}

	/** Everything that was held goes on, in any order. */
	wake(): void {
		this.hangs = 0;
		const held = this.#held;
		this.#held = [];
		for (const { goOn } of held) this.#after(goOn, this.#random.next() * 3000);
	}

	#holds(request: BlockRequest, goOn: () => void): boolean {
		if (this.hangs === 0 || !this.#random.chance(this.hangs)) return false;
		this.#held.push({ request, goOn });
		return true;
	}

	#takeEffect(request: BlockRequest): void {
		if (this.#holds(request, () => this.#takeEffect(request))) return;
		this.#onEffect();
		if (this.isDead) return;
		const { op } = request;
		if (this.isAway || this.#mustFail) {
			this.#after(() => this.#fail(request), this.isAway ? TIMEOUT_MS : undefined);
			return;
		}
		if (op === BlockOp.flush && this.isLossy) {
			this.#after(() => {
				this.isLossy = false;
				request.complete(StorageStatus.unreachable);
			});
			return;
		}
		const isRead = op === BlockOp.read;
		if (
			op !== BlockOp.extents &&
			op !== BlockOp.flush &&
			this.#random.chance(isRead ? this.readErrors : this.writeErrors)
		) {
			if (op === BlockOp.write) this.#writeHalf(request);
			this.#after(() => request.complete(StorageStatus.mediumError, constants.errno.EIO));
			return;
		}
		request.push(this);
		this.#disk.submit(request);
	}

	#fail(request: BlockRequest): void {
		if (!this.isAway) this.#mustFail = false;
		request.complete(StorageStatus.unreachable);
	}

	#writeHalf(request: BlockRequest): void {
		const half = new PromisedRequest();
		half.request.op = BlockOp.write;
		half.request.offsetBytes = request.offsetBytes;
		half.request.lengthBytes = Math.floor(request.lengthBytes / 2 / SECTOR_BYTES) * SECTOR_BYTES;
		half.request.memory = request.memory;
		half.request.memoryOffset = request.memoryOffset;
		void half.run(this.#disk);
	}

	below(request: BlockRequest): void {
		const mustSync = request.fua || (request.maySync && this.#random.chance(0.5));
		if (mustSync && request.status === StorageStatus.ok && request.op !== BlockOp.flush) {
			const flush = new PromisedRequest();
			flush.request.op = BlockOp.flush;
			void flush.run(this.#disk);
			request.synced = true;
		}
		this.#answer(request);
	}

	#answer(request: BlockRequest): void {
		this.#after(() => {
			if (!this.#holds(request, () => this.#answer(request))) request.resume();
		});
	}

	setWriteCache(enabled: boolean): boolean {
		return enabled;
	}

	/** A read that has not begun is given back, now and then. */
	cancel(request: BlockRequest): void {
		const at = this.#held.findIndex((each) => each.request === request);
		if (at < 0 || request.op !== BlockOp.read || this.#random.chance(0.3)) return;
		this.#held.splice(at, 1);
		request.complete(StorageStatus.cancelled);
	}

	listen(_listener: DeviceListener): () => void {
		return () => {};
	}

	async close(): Promise<CloseEnd> {
		return "closed";
	}
}

/** Sectors that not all of them have alike, a line each. */
export function differences(disks: readonly SimDisk[], sectors: number): string[] {
	const found: string[] = [];
	for (let sector = 0; sector < sectors; sector++) {
		const all = disks.map((disk) =>
			Buffer.from(disk.sector(sector) ?? new Uint8Array(SECTOR_BYTES)).toString("hex"),
		);
		if (all.some((each) => each !== all[0])) found.push(`sector ${sector} differs in the end`);
	}
	return found;
}
