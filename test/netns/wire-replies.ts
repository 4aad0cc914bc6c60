/** Answers on the wire: in words, and as much of them as must be the same of two servers. */

import { fieldsOf } from "../support/frames.js";

/** An answer in the words of docs/differences.md. */
export function describe(reply: Buffer): string {
	const fields = fieldsOf(reply);
	if (fields.flags & 4) return `AoE error ${fields.error}`;
	if (fields.command === 1) return `config string of ${fields.configString.length} bytes`;
	if (fields.command === 2) {
		return reply[26] === 0 ? `${reply[27]} addresses` : `mask error ${reply[26]}`;
	}
	if (fields.command === 3) return `${reply[25]} holders`;
	const { ataStatus = 0, ataError = 0 } = fields;
	if (ataStatus & 1) return `status ${hex(ataStatus)}, error ${hex(ataError)}, LBA ${fields.lba}`;
	const data = reply.length > 60 ? `, ${reply.length - 36} bytes` : "";
	return `status ${hex(ataStatus)}${data}`;
}

/**
 * As much of an answer as must be the same where no difference is listed: everything but the padding, the firmware version,
 * and the sector count register after an error.
 */
export function essence(reply: Buffer): string {
	const copy = Buffer.from(reply);
	const fields = fieldsOf(copy);
	if (fields.flags & 4) return copy.subarray(0, 24).toString("hex");
	if (fields.command === 1) {
		copy.writeUInt16BE(0, 26);
		return copy.subarray(0, 32 + fields.configString.length).toString("hex");
	}
	if (fields.command === 2) return copy.subarray(0, copy[26] === 0 ? 28 + 8 * copy[27]! : 28).toString("hex");
	if (fields.command === 3) return copy.subarray(0, 26 + 6 * copy[25]!).toString("hex");
	const failed = (fields.ataStatus ?? 0) & 1;
	if (failed) copy[26] = 0;
	return copy.subarray(0, failed || copy.length <= 60 ? 36 : copy.length).toString("hex");
}

function hex(byte: number): string {
	return `0x${byte.toString(16).padStart(2, "0")}`;
}
