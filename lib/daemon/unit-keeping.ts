/**
 * What of logical units is to outlive a restart: persistent reservations, and that a SANITIZE is not done. Taken up before anybody is served, and kept with what the disk stores, if that has a place for it
 * (`lib/block/memo.ts`: volumes of pools), so that whichever host serves it next has the same; otherwise by whoever starts this. Used by `iscsi-exporter.ts`.
 */

import type { Memo } from "../block/memo.js";
import { OperatorError } from "../errors.js";
import { isKeptUnit, type KeptUnit, NOTHING_KEPT } from "../scsi/kept.js";
import type { LogicalUnit } from "../scsi/unit.js";
import type { IscsiExportSpec } from "../spec/spec.js";
import { keepParts, partsIn } from "./memo-parts.js";

/** Resolves when it is on stable storage; to false if that is not sure. Never rejects. */
export type KeepUnitOf = (spec: IscsiExportSpec, kept: KeptUnit) => Promise<boolean>;

export class UnitKeeping {
	readonly #keep: KeepUnitOf | undefined;
	/** Of each unit: where it was taken up from; null: it has no memo. */
	readonly #from = new WeakMap<LogicalUnit, Memo | null>();

	/** Without `keep` nothing is kept of disks without a memo, and initiators are told so. */
	constructor(keep: KeepUnitOf | undefined) {
		this.#keep = keep;
	}

	/** Of a unit that is about to be served. */
	begin(spec: IscsiExportSpec, unit: LogicalUnit): void {
		unit.reservations.isServed = true;
		if (!this.#from.has(unit) && unit.disk.device.memo === undefined) {
			this.#from.set(unit, null);
			if (spec.kept !== undefined && unit.partner === undefined) unit.restore(spec.kept);
		}
		const keep = this.#keep;
		if (keep !== undefined) unit.reservations.keep = (kept) => keep(spec, kept);
		this.follow(unit);
	}

	/** What the disk stores may have come here just now, and with it what was reserved elsewhere. Before anybody is answered. */
	follow(unit: LogicalUnit): void {
		const { memo } = unit.disk.device;
		if (memo === undefined) {
			if (unit.partner?.hasIt && this.#from.get(unit)) this.#leave(unit);
			return;
		}
		unit.reservations.keep = (kept) => keepIn(memo, kept);
		if (this.#from.get(unit) === memo) return;
		this.#from.set(unit, memo);
		const { scsi } = partsIn(memo);
		unit.restore(isKeptUnit(scsi) ? (scsi as KeptUnit) : NOTHING_KEPT);
		// (What waits was let through by what was known before.)
		if (unit.partner !== undefined && unit.reservations.persistent.reservation !== null) void unit.endTasks();
	}

	#leave(unit: LogicalUnit): void {
		this.#from.set(unit, null);
		unit.leaveReservations();
	}

	/** Nobody comes by this protocol any more who could release what is reserved. */
	end(unit: LogicalUnit): void {
		unit.reservations.isServed = false;
	}
}

async function keepIn(memo: Memo, scsi: KeptUnit): Promise<boolean> {
	try {
		await keepParts(memo, { scsi });
		return true;
	} catch (error) {
		if (error instanceof OperatorError) return false;
		throw error;
	}
}
