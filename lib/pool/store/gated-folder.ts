/** The files of a pool in an object store, of which nothing is said to be done before that may be said. Made by `lib/daemon/store-pools.ts`. */

import type { BlockDevice } from "../../block/device.js";
import { fileNumber } from "../folder.js";
import type { Gate } from "./gate.js";
import { GateLayer } from "./gate-layer.js";
import type { StoreFolderOptions } from "./options.js";
import { StoreFolder } from "./store-folder.js";

export class GatedFolder extends StoreFolder {
	readonly #gate: Gate;

	constructor(options: StoreFolderOptions, gate: Gate) {
		super(options);
		this.#gate = gate;
	}

	override async open(name: string): Promise<BlockDevice> {
		return this.#gated(name, await super.open(name));
	}

	override async create(name: string): Promise<BlockDevice> {
		return this.#gated(name, await super.create(name));
	}

	#gated(name: string, device: BlockDevice): BlockDevice {
		return fileNumber(name) === undefined ? device : new GateLayer(device, this.#gate);
	}
}
