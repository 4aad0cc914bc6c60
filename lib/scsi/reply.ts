/**
 * How commands end that do not touch the medium: with data that is made for the occasion, or refused. Used by their operations.
 */

import type { ErrorCause } from "../disk.js";
import { Asc, ScsiStatus, SenseKey } from "./protocol.js";
import { COMES_HERE, type Sense } from "./sense.js";
import type { ScsiTask } from "./task.js";

/** Good, with `bytes`, of which no more than the CDB's allocation length are sent: that is no error (SPC-4, 4.2.5.6). */
export function succeedWith(task: ScsiTask, bytes: Uint8Array, allocationBytes: number): void {
	const wanted = Math.min(bytes.length, allocationBytes);
	task.transferBytes = wanted;
	const taken = Math.min(wanted, task.dataInBytes);
	if (taken > 0) task.host.reply(task, bytes.subarray(0, taken));
	task.end(ScsiStatus.good);
}

export function succeed(task: ScsiTask): void {
	task.end(ScsiStatus.good);
}

/** It is not carried out, for what it asks. */
export function refuse(task: ScsiTask, sense: Sense): void {
	// (Nothing has failed by which it only waits.)
	const stats = sense === COMES_HERE ? undefined : task.unit?.disk.stats;
	stats?.failed();
	if (stats !== undefined) stats.causes[causeOf(sense)] += 1;
	task.end(ScsiStatus.checkCondition, sense);
}

function causeOf({ key, asc }: Sense): ErrorCause {
	if (key === SenseKey.dataProtect) return "protected";
	return asc === Asc.lbaOutOfRange ? "range" : "refused";
}

/** Somebody's reservation is against it (SPC-4, 5.13.1). */
export function conflict(task: ScsiTask): void {
	const stats = task.unit?.disk.stats;
	stats?.failed();
	if (stats !== undefined) stats.causes.access += 1;
	task.end(ScsiStatus.reservationConflict);
}
