/** Whom reservations of a logical unit keep from what. Asked by `target.ts` before a task is carried out. */

import type { Nexus } from "./nexus.js";
import type { LogicalUnit } from "./unit.js";

/** Somebody else's reservation is against it. */
export function conflicts(_unit: LogicalUnit, _nexus: Nexus, _cdb: Uint8Array): boolean {
	return false;
}
