/** A volume that is open, without the layers that make it a disk: handed on by `pool.ts` to `volume-stack.ts`. */

import type { TracedBy } from "./boot-trace.js";
import type { Volume } from "./catalog.js";
import type { Log } from "./log.js";
import type { AnswerLease } from "./store/lease-layer.js";
import type { VolumeDevice } from "./volume-device.js";

/** What a volume's layers stand on, and what they ask. */
export interface OpenedVolume {
	readonly device: VolumeDevice;
	readonly log: Log;
	readonly volume: Volume;
	readonly trace?: TracedBy | undefined;
	readonly lease: AnswerLease | undefined;
}
