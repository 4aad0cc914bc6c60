/** What keeps a unit from carrying out a command now, though nobody has reserved it: it is stopped, its medium is out, or write-protected. Asked by `target.ts`. */

import { isAboutMedium, mayChangeMedium } from "./access.js";
import { Asc, SenseKey } from "./protocol.js";
import type { Sense } from "./sense.js";
import type { LogicalUnit } from "./unit.js";

const PROTECTED: Sense = { key: SenseKey.dataProtect, asc: Asc.softwareProtected };

/** Null: nothing does. */
export function hindrance(unit: LogicalUnit, cdb: Uint8Array): Sense | null {
	const { medium, modes } = unit;
	const { trouble } = medium;
	if (trouble === undefined && !modes.writeProtected) return null;
	if (trouble !== undefined) return isAboutMedium(cdb) ? { key: SenseKey.notReady, asc: trouble } : null;
	return mayChangeMedium(cdb) ? PROTECTED : null;
}
