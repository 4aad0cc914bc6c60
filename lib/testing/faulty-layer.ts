/**
 * A layer that fails requests as it is told: bad sectors, a full file system, a sync that fails. What it does
 * not fail goes down unchanged. A test tool, and a way to see how an initiator takes a failing disk.
 */

import { constants } from "node:os";
import type { BlockDevice } from "../block/device.js";
import { DeviceLayer } from "../block/layer.js";
import { pairsOf } from "../block/ranges.js";
import { BlockOp, type BlockRequest } from "../block/request.js";
import { StorageStatus } from "../errors.js";
import { Random } from "../random.js";

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
			const failed = firstByte(fault, request);
			if (failed === undefined || !this.#strikes(fault, count)) continue;
			this.#faults.set(fault, count + 1);
			const { status = StorageStatus.mediumError, errno = constants.errno.EIO } = fault;
			request.complete(status, errno, failed);
			return;
		}
		this.device.submit(request);
	}

	below(request: BlockRequest): void {
		request.resume();
	}

	#strikes(fault: Fault, count: number): boolean {
		return count < (fault.times ?? Number.POSITIVE_INFINITY) && this.#random.chance(fault.chance ?? 1);
	}
}

/** The first byte of the request that the fault is about; undefined if there is none. A flush has no range: then it is 0. */
function firstByte(fault: Fault, request: BlockRequest): number | undefined {
	if (fault.op !== request.op) return undefined;
	if (request.op === BlockOp.flush) return request.offsetBytes;
	const { startBytes = 0, endBytes = Number.POSITIVE_INFINITY } = fault;
	for (const [offset, length] of pairsOf(request.ranges ?? [request.offsetBytes, request.lengthBytes]))
		if (offset + length > startBytes && offset < endBytes) return Math.max(offset, startBytes);
	return undefined;
}
