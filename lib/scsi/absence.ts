/** What a command gets whose unit is not there: it may come yet, and initiators wait for that; or there is none. */

import type { Units } from "./operation.js";
import { Asc } from "./protocol.js";
import { BECOMING_READY, illegal, type Sense } from "./sense.js";

export function absence(units: Units, lun: number): Sense {
	return units.awaited(lun) === undefined ? illegal(Asc.noUnit) : BECOMING_READY;
}
