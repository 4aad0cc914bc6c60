/** What keeps a unit from carrying out a command now, though nobody has reserved it: it is stopped, its medium is out, or write-protected, or another host has it. Asked by `target.ts`. */

import { isAboutMedium, mayChangeMedium } from "./access.js";
import { Opcode } from "./opcodes.js";
import { Asc, SenseKey } from "./protocol.js";
import type { Sense } from "./sense.js";
import type { LogicalUnit } from "./unit.js";

const PROTECTED: Sense = { key: SenseKey.dataProtect, asc: Asc.softwareProtected };

/** By another port it can be had (SPC-4, 5.15.2.4.4). */
const ELSEWHERE: Sense = { key: SenseKey.notReady, asc: Asc.standby };
/** What reserves, or has to be done as a whole: where two hosts serve a unit, that is up to the one that has what is stored. */
const FOR_OWNER: readonly number[] = [
	...[Opcode.reserve6, Opcode.reserve10, Opcode.release6, Opcode.release10],
	...[Opcode.persistentReserveIn, Opcode.persistentReserveOut, Opcode.compareAndWrite, Opcode.orWrite16],
];
const IS_FOR_OWNER = Uint8Array.from({ length: 256 }, (_, opcode) => (FOR_OWNER.includes(opcode) ? 1 : 0));

/** Null: nothing does. */
export function hindrance(unit: LogicalUnit, cdb: Uint8Array): Sense | null {
	const { medium, modes } = unit;
	if (IS_FOR_OWNER[cdb[0]!] === 1 && unit.partner?.hasIt) return ELSEWHERE;
	const { trouble } = medium;
	if (trouble === undefined && !modes.writeProtected) return null;
	if (trouble !== undefined) return isAboutMedium(cdb) ? { key: SenseKey.notReady, asc: trouble } : null;
	return mayChangeMedium(cdb) ? PROTECTED : null;
}
