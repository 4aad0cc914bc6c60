/**
 * What reservations keep from others that are kept with what a volume stores, whether or not somebody here knows of them: each use of a volume by another host
 * asks (`shared-volume.ts`). Only of pools that two hosts serve, by either of which they were made.
 */

import type { Memo } from "../block/memo.js";
import { Hold, keepsFrom } from "../holds.js";
import { isKeptUnit, type KeptUnit, persistentOf } from "../scsi/kept.js";
import { holdOf } from "../scsi/persistent.js";
import { partsIn } from "./memo-parts.js";

export class KeptHold {
	/** As it was read last. */
	#text: string | undefined;
	#isHandedOver = false;
	#hold: Hold = Hold.none;

	forbids(changes: boolean, memo: Memo | undefined, isHandedOver = false): boolean {
		const text = memo?.text;
		if (text !== this.#text || isHandedOver !== this.#isHandedOver) {
			this.#text = text;
			this.#isHandedOver = isHandedOver;
			this.#hold = memo === undefined ? Hold.none : heldBy(partsIn(memo).scsi, isHandedOver);
		}
		return keepsFrom(this.#hold, changes);
	}
}

function heldBy(scsi: unknown, isHandedOver: boolean): Hold {
	if (!isKeptUnit(scsi)) return Hold.none;
	const kept = scsi as KeptUnit;
	// (What was made before both served it is of whoever served it then.)
	const reservation = kept.along === undefined ? null : persistentOf(kept, isHandedOver).reservation;
	return reservation === null ? Hold.none : holdOf(reservation.type);
}
