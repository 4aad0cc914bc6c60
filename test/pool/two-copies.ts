/** A folder in memory whose files have two copies each, and what was written to one of them past the other. */

import { type BlockDevice, deviceInfo } from "../../lib/block/device.js";
import { DeviceLayer } from "../../lib/block/layer.js";
import { MemoryDevice } from "../../lib/block/memory.js";
import { BlockOp, type BlockRequest } from "../../lib/block/request.js";
import { MemoryFolder, poke } from "./memory-folder.js";

export const LOG = "log.000000";
/** Slots that have something. */
export const LOOKED_AT = 32 * 2 ** 20;

/** A device, which is read, and another one, which is asked by turns with it for another copy. */
export class TwoCopies extends DeviceLayer {
	constructor(
		readonly one: BlockDevice,
		readonly other: BlockDevice,
	) {
		super(one);
	}

	override get info() {
		return deviceInfo({ ...this.one.info, copies: 2 });
	}

	protected handle(request: BlockRequest): void {
		if (request.op === BlockOp.read && request.anotherCopy > 0) {
			(request.anotherCopy % 2 === 1 ? this.one : this.other).submit(request);
		} else if (request.op === BlockOp.write) {
			request.push(this);
			this.other.submit(request);
		} else this.one.submit(request);
	}

	/** It is on the other one. */
	below(request: BlockRequest): void {
		this.one.submit(request);
	}
}

class TwoCopiesFolder extends MemoryFolder {
	readonly copies = 2;
}

/** A folder whose files have two copies each. */
export function mirrored() {
	const others = new Map<string, BlockDevice>();
	const folder = new TwoCopiesFolder((device, name) => {
		const other = others.get(name) ?? new MemoryDevice(device.info.sizeBytes);
		others.set(name, other);
		return new TwoCopies(device, other);
	});
	return { folder, others };
}

/** What is at these places on one of the two is something else by now. */
export async function spoil(folder: MemoryFolder, from: number, to: number): Promise<void> {
	await poke(folder, LOG, from, new Uint8Array(to - from).fill(0xee));
}
