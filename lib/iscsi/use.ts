/**
 * What one session has asked of its disks, and since when it is there. Told by `commands.ts` what commands come to, read by
 * `lib/daemon/`.
 */

import { BlockOp } from "../block/request.js";
import type { Departures, Timed } from "../departures.js";
import { type Disk, IoCounts } from "../disk.js";
import type { ScsiTarget } from "../scsi/target.js";

/** How long something took is told to the disk that it was asked of. */
class UnitTimes implements Timed {
	constructor(readonly disk: Disk) {}

	took(kind: number, us: number): void {
		this.disk.latencies.record(kind, us);
	}
}

export class SessionUse {
	readonly counts = new IoCounts();
	readonly since = new Date();
	readonly #target: ScsiTarget;
	/** Null: nobody wants to know how long anything takes. */
	readonly #departures: Departures | null;
	/** By LUN. */
	readonly #times: UnitTimes[] = [];

	constructor(target: ScsiTarget, departures: Departures | null) {
		this.#target = target;
		this.#departures = departures;
	}

	/** A command has been carried out, and its answer is about to leave. */
	did(lun: number, op: BlockOp, bytes: number, arrivedUs: number): void {
		this.counts.did(op, bytes);
		const disk = this.#target.unit(lun)?.disk;
		if (disk === undefined) return;
		disk.stats.did(op, bytes);
		const isTimed = op === BlockOp.read || op === BlockOp.write || op === BlockOp.flush;
		if (!isTimed || this.#departures === null) return;
		let times = this.#times[lun];
		if (times?.disk !== disk) {
			times = new UnitTimes(disk);
			this.#times[lun] = times;
		}
		this.#departures.note(times, op, arrivedUs);
	}
}
