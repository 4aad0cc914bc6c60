/** A node that is being read from a segment of nodes. Used again and again by `node-log.ts`, which hears when it is there. */

import { BlockOp, BlockRequest, type RequestOwner } from "../block/request.js";
import type { Memory } from "../wire/memory.js";
import type { NodeReceiver } from "./map/store.js";

export class NodeLoad implements RequestOwner {
	readonly request = new BlockRequest(this);
	receiver: NodeReceiver | null = null;
	frame = 0;
	slot = 0;
	/** Where the node begins in what is read. */
	start = 0;
	next: NodeLoad | null = null;

	constructor(
		readonly log: { finished(load: NodeLoad): void },
		memory: Memory,
	) {
		this.request.op = BlockOp.read;
		this.request.memory = memory;
	}

	finished(): void {
		this.log.finished(this);
	}
}
