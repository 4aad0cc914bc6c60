/** Which operation carries out which CDB: one table for all commands. Made of the rows of the files that have them; asked by `target.ts` for each task. */

import { uint16 } from "./cdb.js";
import { EXTENDED_COPY_ROWS } from "./extended-copy.js";
import { INQUIRY_ROWS } from "./inquiry.js";
import { MEDIUM_ROWS } from "./medium.js";
import { MODE_ROWS } from "./modes.js";
import type { Operation, Row } from "./operation.js";
import { PERSISTENT_RESERVE_ROWS } from "./persistent-reserve.js";
import { PORT_GROUP_ROWS } from "./port-groups.js";
import { REPORT_LUNS_ROWS } from "./report-luns.js";
import { REPORT_SENSE_ROWS } from "./report-sense.js";
import { RESERVE_ROWS } from "./reserve-release.js";
import { SANITIZE_ROWS } from "./sanitize.js";
import { START_STOP_ROWS } from "./start-stop.js";
import { supportedRows } from "./supported.js";

/** Every command that is understood. */
const COMMANDS: readonly Row[] = [
	...MEDIUM_ROWS,
	...EXTENDED_COPY_ROWS,
	...INQUIRY_ROWS,
	...MODE_ROWS,
	...PERSISTENT_RESERVE_ROWS,
	...PORT_GROUP_ROWS,
	...REPORT_LUNS_ROWS,
	...REPORT_SENSE_ROWS,
	...RESERVE_ROWS,
	...SANITIZE_ROWS,
	...START_STOP_ROWS,
];
const ROWS: readonly Row[] = [...COMMANDS, ...supportedRows(COMMANDS)];

/** CDBs of 32 bytes. */
const VARIABLE_LENGTH = 0x7f;

/** By operation code: an operation, or those of its service actions. */
const TABLE: (Operation | Map<number, Operation> | undefined)[] = new Array(256).fill(undefined);

for (const { usage, action, operation } of ROWS) {
	const opcode = Number.parseInt(usage.slice(0, 2), 16);
	if (action === undefined) TABLE[opcode] = operation;
	else {
		const actions = TABLE[opcode] instanceof Map ? TABLE[opcode] : new Map<number, Operation>();
		TABLE[opcode] = actions.set(action, operation);
	}
}

/** Of what is asked for; null: the operation code is not known; undefined: its service action is not. */
export function operationOf(cdb: Uint8Array): Operation | null | undefined {
	const opcode = cdb[0]!;
	const entry = TABLE[opcode];
	if (!(entry instanceof Map)) return entry ?? null;
	return entry.get(opcode === VARIABLE_LENGTH ? uint16(cdb, 8) : cdb[1]! & 0x1f);
}
