/**
 * What one client has asked of its disk, and since when it is connected. One for each connection that has agreed on an export; told by
 * `command.ts` what commands come to, read by `lib/daemon/`.
 */

import { BlockOp } from "../block/request.js";
import type { Departures, Timed } from "../departures.js";
import { type Disk, IoCounts } from "../disk.js";

export class ClientUse implements Timed {
	readonly counts = new IoCounts();
	readonly since = new Date();
	readonly #disk: Disk;
	/** Null: nobody wants to know how long anything takes. */
	readonly #departures: Departures | null;

	constructor(disk: Disk, departures: Departures | null) {
		this.#disk = disk;
		this.#departures = departures;
	}

	/** A command has been carried out, and its answer is about to leave. */
	did(op: BlockOp, bytes: number, arrivedUs: number): void {
		this.counts.did(op, bytes);
		this.#disk.stats.did(op, bytes);
		const isTimed = op === BlockOp.read || op === BlockOp.write || op === BlockOp.flush;
		if (isTimed) this.#departures?.note(this, op, arrivedUs);
	}

	took(kind: number, us: number): void {
		this.#disk.latencies.record(kind, us);
	}
}
