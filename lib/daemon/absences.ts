/** What clients of all protocols on byte streams are told of disks that are configured and not served. Told by `worker-disks.ts`. */

import { type Clock, systemClock } from "../clock.js";
import type { ExportSpec } from "../spec/spec.js";
import { IscsiAbsent } from "./iscsi-absent.js";
import { NbdAbsent } from "./nbd-absent.js";

/** What is taken away to be served otherwise is tried within this time, which says what has become of it; or it is served by another worker. */
const AGAIN_MS = 60_000;
const OPENING = "its disk is being opened";

export class Absences {
	readonly nbd = new NbdAbsent();
	readonly iscsi: IscsiAbsent;
	readonly #clock: Clock;
	/** Of those that are forgotten if nothing comes of them: what calls that off, by disk. */
	readonly #again = new Map<string, () => void>();

	constructor(clock: Clock = systemClock) {
		this.#clock = clock;
		this.iscsi = new IscsiAbsent(clock);
	}

	/** From now on, in place of what was told of the disk. */
	tell(disk: string, exports: readonly ExportSpec[], why: string): void {
		this.#keep(disk);
		this.nbd.tell(disk, exports, why);
		this.iscsi.tell(disk, exports, why);
	}

	/** It is being opened: nobody need be let in to be told that. */
	expect(disk: string, exports: readonly ExportSpec[]): void {
		this.#keep(disk);
		this.nbd.expect(disk, exports, OPENING);
		this.iscsi.expect(disk, exports, OPENING);
	}

	/** It is taken away, to be opened or exported as it shall be: as `expect`, for a while. */
	expectAgain(disk: string, exports: readonly ExportSpec[]): void {
		this.expect(disk, exports);
		this.#again.set(
			disk,
			this.#clock.after(AGAIN_MS, () => this.forget(disk)),
		);
	}

	/** It is served; what was to come again in its place, by another name, is not awaited any more. */
	isServed(disk: string, exports: readonly ExportSpec[]): void {
		this.forget(disk);
		const before = this.iscsi.before(exports);
		if (before !== undefined) this.forget(before);
	}

	/** It is served, or is none any more. */
	forget(disk: string): void {
		this.#keep(disk);
		this.nbd.forget(disk);
		this.iscsi.forget(disk);
	}

	/** What is known of it does not end by itself. */
	#keep(disk: string): void {
		this.#again.get(disk)?.();
		this.#again.delete(disk);
	}
}
