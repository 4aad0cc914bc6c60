/**
 * Frames as a pcap file (draft-ietf-opsawg-pcap), what tcpdump and Wireshark read. Pure: gives back the bytes that
 * `vblade capture` writes.
 */

import type { SniffedFrame } from "./sniffer.js";

/** Says that times are in microseconds. */
const MAGIC = 0xa1b2c3d4;
const MICROSECONDS = 1_000_000;
const VERSION_MAJOR = 2;
const VERSION_MINOR = 4;
const LINKTYPE_ETHERNET = 1;
/** No frame is longer. */
const SNAP_BYTES = 0x40000;
const FILE_HEADER_BYTES = 24;
const RECORD_HEADER_BYTES = 16;
/** Where a VLAN tag stands in a frame, and how long it is. */
const TAG_AT = 12;
const TAG_BYTES = 4;

/** What a file begins with. */
export function pcapFileHeader(): Buffer {
	const header = Buffer.alloc(FILE_HEADER_BYTES);
	header.writeUInt32LE(MAGIC, 0);
	header.writeUInt16LE(VERSION_MAJOR, 4);
	header.writeUInt16LE(VERSION_MINOR, 6);
	header.writeUInt32LE(SNAP_BYTES, 16);
	header.writeUInt32LE(LINKTYPE_ETHERNET, 20);
	return header;
}

/** One frame, with the VLAN tag that it had on the wire. */
export function pcapRecord(frame: SniffedFrame): Buffer {
	const { memory, offset, capturedBytes, frameBytes, timeUs, vlanTag } = frame;
	const tagBytes = vlanTag === undefined ? 0 : TAG_BYTES;
	const record = Buffer.allocUnsafe(RECORD_HEADER_BYTES + tagBytes + capturedBytes);
	record.writeUInt32LE(Math.floor(timeUs / MICROSECONDS), 0);
	record.writeUInt32LE(timeUs % MICROSECONDS, 4);
	record.writeUInt32LE(tagBytes + capturedBytes, 8);
	record.writeUInt32LE(tagBytes + frameBytes, 12);
	const bytes = memory.bytes.subarray(offset, offset + capturedBytes);
	const addressBytes = vlanTag === undefined ? 0 : TAG_AT;
	record.set(bytes.subarray(0, addressBytes), RECORD_HEADER_BYTES);
	if (vlanTag !== undefined) record.writeUInt32BE(vlanTag, RECORD_HEADER_BYTES + TAG_AT);
	record.set(bytes.subarray(addressBytes), RECORD_HEADER_BYTES + addressBytes + tagBytes);
	return record;
}
