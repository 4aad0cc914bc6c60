/**
 * A file of a pool in an object store of which no change, and no flush, is said to be done before that may be said (`gate.ts`). Put on each file of the log
 * by `gated-folder.ts`.
 */

import type { BlockDevice } from "../../block/device.js";
import { DeviceLayer } from "../../block/layer.js";
import { BlockOp, type BlockRequest, OP_TRAITS } from "../../block/request.js";
import { StorageStatus } from "../../errors.js";
import type { Gate } from "./gate.js";

const TOKEN = 0;

export class GateLayer extends DeviceLayer {
	readonly #gate: Gate;

	constructor(device: BlockDevice, gate: Gate) {
		super(device);
		this.#gate = gate;
	}

	protected handle(request: BlockRequest): void {
		if (request.op !== BlockOp.flush && !OP_TRAITS[request.op].changes) {
			this.device.submit(request);
			return;
		}
		this.started();
		request.push(this, TOKEN);
		this.device.submit(request);
	}

	below(request: BlockRequest): void {
		if (request.status !== StorageStatus.ok || this.#gate.mayTell()) this.#tell(request);
		else void this.#later(request);
	}

	async #later(request: BlockRequest): Promise<void> {
		request.park();
		if (!(await this.#gate.opened())) request.status = StorageStatus.closed;
		this.#tell(request);
	}

	#tell(request: BlockRequest): void {
		this.ended();
		request.resume();
	}
}
