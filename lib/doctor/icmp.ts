/**
 * Frames of ARP (RFC 826) and of ICMP's echo (RFC 792), written and read. Pure; used by `peer.ts`.
 *
 *      0        14            20 or 34     28 or 42
 *      +---------+-----------------+------------+
 *      | Ethernet| ARP                          |
 *      | Ethernet| IPv4, DF set    | ICMP echo  | zeros
 *      +---------+-----------------+------------+
 */

import {
	ETH_HEADER_BYTES,
	ETH_MIN_FRAME_BYTES,
	ethDestination,
	ethSource,
	ethType,
	MAC_BROADCAST,
} from "../wire/ethernet.js";
import { FieldMac } from "../wire/fields.js";

export const ETHERTYPE_ARP = 0x0806;
export const ETHERTYPE_IPV4 = 0x0800;
/** Of an echo request in the shortest frame. */
export const ECHO_LEAST_BYTES = ETH_MIN_FRAME_BYTES;

const ARP_AT = ETH_HEADER_BYTES;
const ARP_REQUEST = 1;
const ARP_REPLY = 2;
const arpSender = new FieldMac(ARP_AT + 8);

const IP_AT = ETH_HEADER_BYTES;
const IP_BYTES = 20;
const ICMP_AT = IP_AT + IP_BYTES;
const DONT_FRAGMENT = 0x4000;
const MORE_FRAGMENTS = 0x2000;
const FRAGMENT_OFFSET = 0x1fff;
const PROTOCOL_ICMP = 1;
const TTL = 64;
const ECHO_REQUEST = 8;
const ECHO_REPLY = 0;
/** What tells our requests from those of others on this machine. */
const IDENTIFIER = 0x7662;

/** Asks who has `target`. */
export function arpRequest(mac: number, source: string, target: string): Uint8Array {
	const bytes = Buffer.alloc(ETH_MIN_FRAME_BYTES);
	ethernet(bytes, MAC_BROADCAST, mac, ETHERTYPE_ARP);
	bytes.writeUInt16BE(1, ARP_AT);
	bytes.writeUInt16BE(ETHERTYPE_IPV4, ARP_AT + 2);
	bytes.set([6, 4], ARP_AT + 4);
	bytes.writeUInt16BE(ARP_REQUEST, ARP_AT + 6);
	arpSender.set(bytes, 0, mac);
	bytes.set(ipBytes(source), ARP_AT + 14);
	bytes.set(ipBytes(target), ARP_AT + 24);
	return bytes;
}

/** The address of who has `target`, if the frame says so. */
export function readArpReply(frame: Buffer, target: string): number | undefined {
	if (frame.length < ARP_AT + 28 || frame.readUInt16BE(ARP_AT + 6) !== ARP_REPLY) return undefined;
	return hasAddress(frame, ARP_AT + 14, target) ? arpSender.get(frame, 0) : undefined;
}

export interface Echo {
	/** MAC addresses. */
	readonly from: number;
	readonly to: number;
	/** IPv4 addresses. */
	readonly source: string;
	readonly target: string;
	readonly sequence: number;
	/** Of the whole frame. */
	readonly frameBytes: number;
}

/** An echo request that may not be cut into pieces. */
export function echoRequest({ from, to, source, target, sequence, frameBytes }: Echo): Uint8Array {
	const bytes = Buffer.alloc(frameBytes);
	ethernet(bytes, to, from, ETHERTYPE_IPV4);
	bytes[IP_AT] = 0x45;
	bytes.writeUInt16BE(frameBytes - IP_AT, IP_AT + 2);
	bytes.writeUInt16BE(DONT_FRAGMENT, IP_AT + 6);
	bytes.set([TTL, PROTOCOL_ICMP], IP_AT + 8);
	bytes.set(ipBytes(source), IP_AT + 12);
	bytes.set(ipBytes(target), IP_AT + 16);
	bytes.writeUInt16BE(checksum(bytes.subarray(IP_AT, ICMP_AT)), IP_AT + 10);
	bytes[ICMP_AT] = ECHO_REQUEST;
	bytes.writeUInt16BE(IDENTIFIER, ICMP_AT + 4);
	bytes.writeUInt16BE(sequence, ICMP_AT + 6);
	bytes.writeUInt16BE(checksum(bytes.subarray(ICMP_AT)), ICMP_AT + 2);
	return bytes;
}

/** `SEQUENCE FRAMEBYTES` of a whole echo reply of `source` to us; undefined for everything else, and for a piece of one. */
export function readEchoReply(frame: Buffer, source: string): string | undefined {
	if (frame.length < ICMP_AT + 8 || frame[IP_AT] !== 0x45 || frame[IP_AT + 9] !== PROTOCOL_ICMP)
		return undefined;
	const isPiece = (frame.readUInt16BE(IP_AT + 6) & (MORE_FRAGMENTS | FRAGMENT_OFFSET)) !== 0;
	if (isPiece || !hasAddress(frame, IP_AT + 12, source) || frame[ICMP_AT] !== ECHO_REPLY) return undefined;
	if (frame.readUInt16BE(ICMP_AT + 4) !== IDENTIFIER) return undefined;
	return `${frame.readUInt16BE(ICMP_AT + 6)} ${IP_AT + frame.readUInt16BE(IP_AT + 2)}`;
}

function ethernet(bytes: Uint8Array, to: number, from: number, type: number): void {
	ethDestination.set(bytes, 0, to);
	ethSource.set(bytes, 0, from);
	ethType.set(bytes, 0, type);
}

function ipBytes(address: string): number[] {
	return address.split(".").map(Number);
}

function hasAddress(frame: Buffer, at: number, address: string): boolean {
	return ipBytes(address).every((byte, index) => frame[at + index] === byte);
}

/** RFC 1071. */
function checksum(bytes: Buffer): number {
	let sum = 0;
	for (let at = 0; at < bytes.length; at += 2) sum += (bytes[at]! << 8) | (bytes[at + 1] ?? 0);
	while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
	return ~sum & 0xffff;
}
