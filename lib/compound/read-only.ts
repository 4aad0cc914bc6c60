/**
 * A device that nobody writes to, on one that is written to for its own ends: a mirror that is read only keeps its members alike all the same.
 * Made by `lib/daemon/openers.ts`.
 */

import { type DeviceInfo, deviceInfo, refuse } from "../block/device.js";
import { DeviceLayer } from "../block/layer.js";
import type { BlockRequest } from "../block/request.js";

export class ReadOnlyLayer extends DeviceLayer {
	#below: DeviceInfo | null = null;
	#info: DeviceInfo | null = null;

	override get info(): DeviceInfo {
		if (this.#info === null || this.device.info !== this.#below) {
			this.#below = this.device.info;
			this.#info = deviceInfo({ ...this.#below, readOnly: true });
		}
		return this.#info;
	}

	protected handle(request: BlockRequest): void {
		const refused = refuse(this.info, request);
		if (refused === undefined) this.device.submit(request);
		else request.complete(refused);
	}

	below(request: BlockRequest): void {
		request.resume();
	}
}
