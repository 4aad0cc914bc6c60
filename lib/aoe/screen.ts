/**
 * What can be said of a received frame without asking for which blade it is. Asked by `AoeTarget` of frames that are not plain
 * requests, which it knows at a glance; pure.
 */

import { Opcode } from "../ata/opcodes.js";
import { ETHERTYPE_AOE, ethDestination, ethSource, ethType, MAC_BROADCAST_BYTES } from "../wire/ethernet.js";
import { ATA_HEADER_BYTES, ataCommand } from "./ata-section.js";
import { AOE_HEADER_BYTES, AoeCommand, aoeCommand, type OwnAddress } from "./header.js";
import type { RejectReason } from "./stats.js";

/**
 * Why a frame is none of ours, or undefined. The filter of the link has done most of this, if it has one; with `isScreened`
 * the link has seen to it that the frame is to `own`, or to all.
 */
export function screen(
	bytes: Uint8Array,
	at: number,
	frameBytes: number,
	own: OwnAddress,
	isScreened: boolean,
): RejectReason | undefined {
	if (frameBytes < AOE_HEADER_BYTES) return "runt";
	if (ethType.get(bytes, at) !== ETHERTYPE_AOE) return "notAoe";
	if ((bytes[at + ethSource.offset]! & 1) !== 0) return "groupSource";
	if (ethSource.is(bytes, at, own.bytes)) return "ownSource";
	const isGroup = (bytes[at]! & 1) !== 0;
	if (!isGroup && (isScreened || ethDestination.is(bytes, at, own.bytes))) return undefined;
	return ethDestination.is(bytes, at, MAC_BROADCAST_BYTES) ? undefined : "wrongDestination";
}

/** Config queries, and IDENTIFY DEVICE, by which WinAoE looks for disks. */
export function isDiscovery(bytes: Uint8Array, at: number, frameBytes: number): boolean {
	const command = aoeCommand.get(bytes, at);
	if (command === AoeCommand.config) return true;
	if (command !== AoeCommand.ata || frameBytes < ATA_HEADER_BYTES) return false;
	return ataCommand.get(bytes, at) === Opcode.identifyDevice;
}
