/**
 * A layer that fails requests as it is told: bad sectors, a full file system, a sync that fails. What it does
 * not fail goes down unchanged. A test tool, and a way to see how an initiator takes a failing disk.
 */

import { constants } from "node:os";
import { StorageStatus } from "../errors.js";
import { Random } from "../random.js";
import { type BlockDevice, BlockOp, type BlockRequest } from "./device.js";
import { DeviceLayer } from "./layer.js";

/** What fails, and how. */
export interface Fault {
	readonly op: BlockOp;
	/**
	 * Requests that touch a byte from `startBytes` up to, not including, `endBytes`. All, if not said;
	 * flushes have no range.
	 */
	readonly startBytes?: number;
	readonly endBytes?: number;
	/** Unless said: a medium error. */
	readonly status?: StorageStatus;
	/** Unless said: EIO. */
	readonly errno?: number;
	/** Fails only so many requests; for ever, if not said. */
	readonly times?: number;
	/** Fails only with this probability; always, if not said. */
	readonly chance?: number;
}

export class FaultyLayer extends DeviceLayer {
	/** With how many requests each has failed. */
	readonly #faults = new Map<Fault, number>();
	readonly #random: Random;

	/** `seed`: see `Random`. */
	constructor(device: BlockDevice, seed?: number) {
		super(device);
		this.#random = new Random(seed);
	}

	/** From now on `fault` happens. */
	add(fault: Fault): void {
		this.#faults.set(fault, 0);
	}

	/** From now on nothing fails. */
	heal(): void {
		this.#faults.clear();
	}

	protected handle(request: BlockRequest): void {
		for (const [fault, count] of this.#faults) {
			if (!this.#strikes(fault, count, request)) continue;
			this.#faults.set(fault, count + 1);
			const { status = StorageStatus.mediumError, errno = constants.errno.EIO } = fault;
			request.complete(status, errno, Math.max(request.offsetBytes, fault.startBytes ?? 0));
			return;
		}
		this.device.submit(request);
	}

	below(request: BlockRequest): void {
		request.resume();
	}

	#strikes(fault: Fault, count: number, request: BlockRequest): boolean {
		if (fault.op !== request.op) return false;
		if (request.op !== BlockOp.flush) {
			const { startBytes = 0, endBytes = Number.POSITIVE_INFINITY } = fault;
			const end = request.offsetBytes + request.lengthBytes;
			if (end <= startBytes || request.offsetBytes >= endBytes) return false;
		}
		return count < (fault.times ?? Number.POSITIVE_INFINITY) && this.#random.chance(fault.chance ?? 1);
	}
}
