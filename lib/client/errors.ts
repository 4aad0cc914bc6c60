/**
 * How a request of our initiator can fail. Promises of `lib/client/` reject with these and nothing else, except for defects
 * of ours. The commands in `lib/cli/` print their messages, one line each.
 */

import { AoeError } from "../aoe/header.js";

/** What all of them have in common. */
export class InitiatorError extends Error {
	override name = "InitiatorError";
}

/** Nobody answered in time, however often we asked. */
export class NoAnswerError extends InitiatorError {
	override name = "NoAnswerError";
}

/** The target answered with the E flag: `code` is one of `AoeError`, or a vendor's. */
export class RefusedError extends InitiatorError {
	override name = "RefusedError";
	constructor(
		what: string,
		readonly code: number,
	) {
		super(`${what}: the target refuses (AoE error ${code}, ${aoeErrorName(code)})`);
	}
}

/** The disk carried a command out and failed: the registers that it answered with. */
export class DiskError extends InitiatorError {
	override name = "DiskError";
	constructor(
		what: string,
		/** Status register: ERR 0x01, DF 0x20. */
		readonly status: number,
		/** Error register: ABRT 0x04, IDNF 0x10, UNC 0x40. */
		readonly error: number,
		/** Where it failed, for errors that have a place. */
		readonly lba: number,
	) {
		super(`${what}: the disk fails (status ${hex(status)}, error ${hex(error)}, LBA ${lba})`);
	}
}

/** The answer is not one to what was asked: too short, or impossible. */
export class BadAnswerError extends InitiatorError {
	override name = "BadAnswerError";
}

function hex(value: number): string {
	return `0x${value.toString(16).padStart(2, "0")}`;
}

function aoeErrorName(code: number): string {
	for (const [name, value] of Object.entries(AoeError)) if (value === code) return name;
	return "unknown";
}
