/**
 * A layer that decides when a write counts as done, and so whether there is a volatile write cache: what `durability.ts` and the commit
 * layer of pools have in common. See `durability.ts` for what the modes mean.
 */

import { type BlockDevice, type DeviceInfo, deviceInfo } from "./device.js";
import { DeviceLayer } from "./layer.js";

export type DurabilityMode = "ack" | "flush" | "none";

export abstract class WriteCacheLayer extends DeviceLayer {
	readonly mode: DurabilityMode;
	/** Mode `flush`: the initiator has not switched the write cache off. */
	#cacheEnabled = true;
	#infoBelow: DeviceInfo;
	#info: DeviceInfo;

	constructor(device: BlockDevice, mode: DurabilityMode) {
		super(device);
		this.mode = mode;
		this.#infoBelow = device.info;
		this.#info = this.#makeInfo();
	}

	override get info(): DeviceInfo {
		if (this.device.info !== this.#infoBelow) {
			this.#infoBelow = this.device.info;
			this.#info = this.#makeInfo();
		}
		return this.#info;
	}

	#makeInfo(): DeviceInfo {
		return deviceInfo({
			...this.#infoBelow,
			writeCache: this.#infoBelow.writeCache && !this.acksWhenStable,
		});
	}

	/** Every write is acknowledged when it is on stable storage. */
	protected get acksWhenStable(): boolean {
		return this.mode === "ack" || (this.mode === "flush" && !this.#cacheEnabled);
	}

	/** `flush` obeys; `ack` never has a write cache; with `none` it can't be switched off. */
	override setWriteCache(enabled: boolean): boolean {
		if (this.mode === "flush" && this.device.info.writeCache) {
			this.#cacheEnabled = enabled;
			this.#infoBelow = this.device.info;
			this.#info = this.#makeInfo();
		}
		return this.info.writeCache === enabled;
	}
}
