/**
 * AoE command 1, "Query Config Information" (AoE specification r11, section 3.2): how initiators find blades, learn how
 * much they may send at a time, and read, test or set the config string. Asked by the target for requests and
 * advertisements; the fields serve our initiator too. Rare, so plain: works on views of exactly the frame received.
 *
 *      0               1               2               3
 *      0 1 2 3 4 5 6 7 0 1 2 3 4 5 6 7 0 1 2 3 4 5 6 7 0 1 2 3 4 5 6 7
 *      +-------------------------------+-------------------------------+
 *   24 |         buffer count          |       firmware version        |
 *      +---------------+-------+-------+-------------------------------+
 *   28 | sectors/frame |version|command|     config string length      |
 *      +---------------+-------+-------+-------------------------------+
 *   32 |                    config string ...
 */

import type { Link } from "../link/link.js";
import { CONFIG_STRING_MAX } from "../spec/ranges.js";
import { Field8, Field16 } from "../wire/fields.js";
import { SECTOR_BYTES } from "../wire/sector.js";
import { ATA_HEADER_BYTES } from "./ata-section.js";
import type { Blade } from "./blade.js";
import { AOE_VERSION, AoeError, setError } from "./header.js";
import type { RejectReason } from "./stats.js";

export const configBufferCount = new Field16(24);
export const configFirmware = new Field16(26);
export const configSectors = new Field8(28);
/** The AoE version in the high nibble (0 in requests), `ConfigCommand` in the low one. */
export const configVersionCommand = new Field8(29);
export const configLength = new Field16(30);

/** Bytes up to the config string, the Ethernet header included. */
export const CONFIG_HEADER_BYTES = 32;

export const ConfigCommand = {
	/** Answer with the string; the request's own string and length mean nothing (aoeping sends 1024 bytes of junk). */
	read: 0,
	/** Answer only if the strings are equal. */
	test: 1,
	/** Answer only if the request's string is a prefix of ours. */
	testPrefix: 2,
	/** Set the string unless another one is set. */
	set: 3,
	/** Set the string. */
	forceSet: 4,
} as const;

/** What a config response says of its link, beside what it says of the blade. */
export interface ConfigFacts {
	/** 0..65535 */
	readonly firmwareVersion: number;
	/** 1..255: see `sectorsPerFrame`. */
	readonly sectorsPerFrame: number;
}

export function configFacts(link: Link, firmwareVersion: number): ConfigFacts {
	return { firmwareVersion, sectorsPerFrame: sectorsPerFrame(link.mtu) };
}

/** With a smaller MTU there is no room for one sector, as Linux reckons, and no disk can be used. */
export const LEAST_MTU = ATA_HEADER_BYTES + SECTOR_BYTES;

/**
 * Most sectors to announce for an MTU: what Linux would compute from it, brought down to whole 4 KiB blocks where there is
 * one (MTU 9000 would give 17, and every second write of the page cache would straddle two frames). Never 0: Linux
 * divides by it.
 */
export function sectorsPerFrame(mtu: number): number {
	const fit = Math.min(Math.floor((mtu - ATA_HEADER_BYTES) / SECTOR_BYTES), 255);
	return fit >= 8 ? fit - (fit % 8) : Math.max(fit, 1);
}

/**
 * Carries out a request for `blade` and writes the arguments of its answer.
 * @param request exactly the frame received, from its first byte
 * @param reply room for the answer, its header already written
 * @param mayChange false if others have reserved the blade: its config string is then not the sender's to set
 * @returns bytes of the answer, or why there is none
 */
export function answerConfig(
	request: Uint8Array,
	reply: Uint8Array,
	blade: Blade,
	facts: ConfigFacts,
	mayChange: boolean,
): number | RejectReason {
	if (request.length < CONFIG_HEADER_BYTES) return "shortSection";
	const command = configVersionCommand.get(request, 0) & 0x0f;
	const verdict = carryOut(command, request, blade, mayChange);
	if (verdict === "configTest") return verdict;
	const bytes = writeConfig(reply, command, blade, facts);
	if (verdict !== undefined) setError(reply, 0, verdict);
	return bytes;
}

/** Tests or sets. Returns the error to answer with, "configTest" for a test that failed, or undefined if all is well. */
function carryOut(
	command: number,
	request: Uint8Array,
	blade: Blade,
	mayChange: boolean,
): AoeError | "configTest" | undefined {
	if (command === ConfigCommand.read) return undefined;
	const length = configLength.get(request, 0);
	if (length > CONFIG_STRING_MAX || CONFIG_HEADER_BYTES + length > request.length)
		return AoeError.badArgument;
	const string = request.subarray(CONFIG_HEADER_BYTES, CONFIG_HEADER_BYTES + length);
	const current = blade.configString;
	switch (command) {
		case ConfigCommand.test:
			return sameBytes(string, current) ? undefined : "configTest";
		case ConfigCommand.testPrefix:
			return sameBytes(string, current.subarray(0, length)) ? undefined : "configTest";
		case ConfigCommand.set:
			if (!mayChange) return AoeError.reserved;
			if (current.length > 0 && !sameBytes(string, current)) return AoeError.configStringPresent;
			break;
		case ConfigCommand.forceSet:
			if (!mayChange) return AoeError.reserved;
			break;
		default:
			return AoeError.badArgument;
	}
	blade.configString = string.slice();
	return undefined;
}

/**
 * Writes the arguments of a config response. A string that the link's frames no longer hold (its MTU has shrunk below
 * 1042 bytes) is cut to what they do.
 * @returns bytes of the frame
 */
export function writeConfig(reply: Uint8Array, command: number, blade: Blade, facts: ConfigFacts): number {
	const string = blade.configString.subarray(0, reply.length - CONFIG_HEADER_BYTES);
	configBufferCount.set(reply, 0, blade.bufferCount);
	configFirmware.set(reply, 0, facts.firmwareVersion);
	configSectors.set(reply, 0, facts.sectorsPerFrame);
	configVersionCommand.set(reply, 0, (AOE_VERSION << 4) | command);
	configLength.set(reply, 0, string.length);
	reply.set(string, CONFIG_HEADER_BYTES);
	return CONFIG_HEADER_BYTES + string.length;
}

function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
	return left.length === right.length && left.every((byte, i) => byte === right[i]);
}
