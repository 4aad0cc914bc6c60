/** What a client of a simulated mirror asks for: sectors around a border of regions. Used by `sim.ts`. */

import type { BlockDevice } from "../../lib/block/device.js";
import { BlockOp, BlockRequest, type RequestOwner } from "../../lib/block/request.js";
import { heapMemory } from "../../lib/wire/memory.js";
import { SECTOR_BYTES } from "../../lib/wire/sector.js";

export const REGION_BYTES = 64 * 1024;
/** Clients use so much, in the middle of which a region ends: so that they meet each other, and copies. */
export const USED_SECTORS = 96;
const USED_AT = REGION_BYTES - (USED_SECTORS / 2) * SECTOR_BYTES;

/** A request of the client, of sectors that it uses. */
export class Asked implements RequestOwner {
	readonly request = new BlockRequest(this);
	#resolve: (request: BlockRequest) => void = () => {};

	constructor(op: BlockOp, first: number, count: number) {
		this.request.op = op;
		this.request.offsetBytes = USED_AT + first * SECTOR_BYTES;
		this.request.lengthBytes = count * SECTOR_BYTES;
		if (op === BlockOp.read || op === BlockOp.write) this.request.memory = heapMemory(count * SECTOR_BYTES);
	}

	run(device: BlockDevice): Promise<BlockRequest> {
		return new Promise((resolve) => {
			this.#resolve = resolve;
			device.submit(this.request.begin());
		});
	}

	finished(request: BlockRequest): void {
		this.#resolve(request);
	}
}
