/** Whom reservations keep from what. Asked by `target.ts` before each task is carried out. */

import { unreachable } from "../errors.js";
import { Hold } from "../holds.js";
import { Access, accessOf } from "./access.js";
import type { Nexus } from "./nexus.js";
import { Opcode } from "./opcodes.js";
import type { LogicalUnit } from "./unit.js";

/** Somebody's reservation is against it: another initiator's, or one that was made by another protocol. */
export function conflicts({ disk, reservations }: LogicalUnit, nexus: Nexus, cdb: Uint8Array): boolean {
	if (!disk.holds.isAny) return false;
	const access = accessOf(cdb);
	switch (access) {
		case Access.harmless:
			// (But for RESERVE of SPC-2, which keeps others from asking that, too.)
			return cdb[0] === Opcode.testUnitReady && reservations.isHeldBefore(nexus);
		case Access.reads:
			return reservations.against(nexus) === Hold.all;
		case Access.changes:
			return reservations.against(nexus) !== Hold.none;
		// RELEASE of somebody else is in nobody's way; RESERVE looks itself.
		case Access.reserves:
			return false;
		case Access.reservesPersistently:
			if (reservations.legacy !== null) return true;
			return cdb[0] === Opcode.persistentReserveOut && disk.holds.against("scsi") !== Hold.none;
		default:
			return unreachable(access);
	}
}
