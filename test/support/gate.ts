/** A layer at which requests wait until they are let through. */

import { DeviceLayer } from "../../lib/block/layer.js";
import { BlockOp, type BlockRequest } from "../../lib/block/request.js";

export class Gate extends DeviceLayer {
	isShut = false;
	readonly waiting: BlockRequest[] = [];

	protected handle(request: BlockRequest): void {
		if (this.isShut && request.op !== BlockOp.extents) {
			request.park();
			this.waiting.push(request);
		} else this.device.submit(request);
	}

	open(): void {
		this.isShut = false;
		for (const request of this.waiting.splice(0)) this.device.submit(request);
	}

	below(request: BlockRequest): void {
		request.resume();
	}
}
