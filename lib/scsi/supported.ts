/**
 * REPORT SUPPORTED OPERATION CODES and REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS (SPC-4, 6.35 and 6.36): read from the very table by which commands are
 * carried out, which is handed in by that (`operations.ts`), and holds these two as well.
 */

import { uint16, uint32 } from "./cdb.js";
import { MaintenanceIn } from "./opcodes.js";
import type { Row } from "./operation.js";
import { refuse, succeedWith } from "./reply.js";
import { invalidField } from "./sense.js";
import type { ScsiTask } from "./task.js";

/** What is asked for: all; one that has no service actions; one that has; one, whichever it is. */
const Reporting = { all: 0, opcode: 1, action: 2, either: 3 } as const;
/** With how long each may take, which nobody knows. */
const TIMEOUTS = 0x80;
const TIMEOUT_BYTES = 12;
/** Of the support of one: it is not known; it is as the standard says. */
const UNKNOWN = 0x01;
const STANDARD = 0x03;
const VARIABLE_LENGTH = 0x7f;

const opcodeOf = ({ usage }: Row): number => Number.parseInt(usage.slice(0, 2), 16);

/** The two commands, for a table of those `rows` and these two. */
export function supportedRows(rows: readonly Row[]): readonly Row[] {
	const all: Row[] = [...rows];
	const own: readonly Row[] = [
		{
			usage: "a30087ffffffffffffff0000",
			action: MaintenanceIn.reportSupportedOperationCodes,
			operation: { start: (task) => reportOperations(task, all) },
		},
		{
			usage: "a30080000000ffffffff0000",
			action: MaintenanceIn.reportSupportedTaskManagementFunctions,
			operation: { start: reportFunctions },
		},
	];
	all.push(...own);
	return own;
}

function reportOperations(task: ScsiTask, rows: readonly Row[]): void {
	const { cdb } = task;
	const hasTimeouts = (cdb[2]! & TIMEOUTS) > 0;
	const reporting = cdb[2]! & 0x07;
	const allocation = uint32(cdb, 6);
	if (reporting === Reporting.all) succeedWith(task, allOf(rows, hasTimeouts), allocation);
	else if (reporting > Reporting.either) refuse(task, invalidField(2, 2));
	else {
		const found = rows.filter((row) => opcodeOf(row) === cdb[3]);
		const hasActions = found.some(({ action }) => action !== undefined);
		// (To ask in the wrong way for one that there is is an error.)
		if (reporting === Reporting.opcode && hasActions) refuse(task, invalidField(2, 2));
		else if (reporting === Reporting.action && found.length > 0 && !hasActions)
			refuse(task, invalidField(2, 2));
		else {
			const asked = uint16(cdb, 4);
			const row = found.find(({ action }) => action === undefined || action === asked);
			const isMeant = hasActions || asked === 0 || reporting === Reporting.opcode;
			succeedWith(task, one(isMeant ? row : undefined, hasTimeouts), allocation);
		}
	}
}

function timeouts(): Buffer {
	const bytes = Buffer.alloc(TIMEOUT_BYTES);
	bytes.writeUInt16BE(TIMEOUT_BYTES - 2, 0);
	return bytes;
}

function allOf(rows: readonly Row[], hasTimeouts: boolean): Buffer {
	const parts = rows.flatMap((row) => {
		const bytes = Buffer.alloc(8);
		bytes[0] = opcodeOf(row);
		bytes.writeUInt16BE(row.action ?? 0, 2);
		bytes[5] = (hasTimeouts ? 0x02 : 0) | (row.action === undefined ? 0 : 0x01);
		bytes.writeUInt16BE(row.usage.length / 2, 6);
		return hasTimeouts ? [bytes, timeouts()] : [bytes];
	});
	const rest = Buffer.concat(parts);
	const head = Buffer.alloc(4);
	head.writeUInt32BE(rest.length);
	return Buffer.concat([head, rest]);
}

function one(row: Row | undefined, hasTimeouts: boolean): Buffer {
	if (row === undefined) return Buffer.from([0, UNKNOWN, 0, 0]);
	const usage = usageOf(row);
	const head = Buffer.from([0, (hasTimeouts ? 0x80 : 0) | STANDARD, 0, usage.length]);
	return Buffer.concat(hasTimeouts ? [head, usage, timeouts()] : [head, usage]);
}

/** With its service action where that is. */
function usageOf({ usage, action }: Row): Buffer {
	const bytes = Buffer.from(usage, "hex");
	if (action === undefined) return bytes;
	if (bytes[0] === VARIABLE_LENGTH) bytes.writeUInt16BE(action, 8);
	else bytes[1] = (bytes[1]! & 0xe0) | action;
	return bytes;
}

/** ABORT TASK and its set, CLEAR TASK SET, LOGICAL UNIT RESET, QUERY TASK and TARGET RESET; QUERY TASK SET and I_T NEXUS RESET. */
function reportFunctions(task: ScsiTask): void {
	const isLong = (task.cdb[2]! & 0x80) > 0;
	const bytes = Uint8Array.from([
		0xde,
		0x03,
		0,
		isLong ? 12 : 0,
		...new Array<number>(isLong ? 12 : 0).fill(0),
	]);
	succeedWith(task, bytes, uint32(task.cdb, 6));
}
