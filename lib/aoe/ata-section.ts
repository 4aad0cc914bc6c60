/**
 * The arguments of AoE command 0, "Issue ATA Command" (AoE specification r11, section 3.1): the ATA registers and the data.
 * Decoded into an `AtaCommand` and encoded from it by the target's exchange; the fields serve our initiator too.
 *
 *      0               1               2               3
 *      0 1 2 3 4 5 6 7 0 1 2 3 4 5 6 7 0 1 2 3 4 5 6 7 0 1 2 3 4 5 6 7
 *      +-+-+-+-+-+-+-+-+---------------+---------------+---------------+
 *   24 |0|E|0|D|0|0|A|W| feature/error | sector count  |command/status |
 *      +-+-+-+-+-+-+-+-+---------------+---------------+---------------+
 *   28 |     LBA 0     |     LBA 1     |     LBA 2     |     LBA 3     |
 *      +---------------+---------------+---------------+---------------+
 *   32 |     LBA 4     |     LBA 5     |           reserved            |
 *      +---------------+---------------+-------------------------------+
 *   36 |                          data ...
 */

import type { AtaCommand } from "../ata/command.js";
import { Field8, Field16, FieldLba48 } from "../wire/fields.js";
import type { Memory } from "../wire/memory.js";

export const ataFlags = new Field8(24);
/** Feature register of a request, error register of a reply. */
export const ataFeature = new Field8(25);
export const ataError = ataFeature;
/** Sectors, 0..255: AoE has no high byte for it. */
export const ataCount = new Field8(26);
/** Command register of a request, status register of a reply. */
export const ataCommand = new Field8(27);
export const ataStatus = ataCommand;
export const ataLba = new FieldLba48(28);
/** LBA 3: without the E flag its low nibble has LBA bits 24..27 and its high one what the device register has there. */
export const ataLba3 = new Field8(31);
export const ataReserved = new Field16(34);

/** Bytes up to the data, the Ethernet header included. */
export const ATA_HEADER_BYTES = 36;

/** Bits of `ataFlags`. */
export const AtaFlag = {
	/** W: data comes with the request. */
	write: 0x01,
	/** A: the write may be acknowledged before it is done. Nothing has to make use of it. */
	async: 0x02,
	/** D: bit 4 of the device register. */
	device: 0x10,
	/** E: 48-bit LBA. */
	extended: 0x40,
} as const;

/** LBAs without the E flag have 28 bits; above them is the device register's nibble (Linux puts 0xe0 there). */
const LBA28_MASK = 0x0fffffff;
/** What LBA bytes 4 and 5 count. */
const LBA_HIGH = 2 ** 32;

/**
 * Reads the registers of the request at `at` into `command`. The frame must have `ATA_HEADER_BYTES`. By the word, and without
 * a branch of its own for 28-bit addresses: this is done for every command, and compiled for what most of them have.
 */
export function decodeAtaSection(view: DataView, at: number, command: AtaCommand): void {
	const registers = view.getInt32(at + 24);
	const flags = registers >>> 24;
	const extended = (flags & AtaFlag.extended) !== 0;
	const low = view.getInt32(at + 28, true) & (extended ? -1 : LBA28_MASK);
	const high = view.getUint16(at + 32, true) & (extended ? 0xffff : 0);
	command.extended = extended;
	command.writeFlag = (flags & AtaFlag.write) !== 0;
	command.device = flags & (AtaFlag.extended | AtaFlag.device);
	command.feature = (registers >>> 16) & 0xff;
	command.count = (registers >>> 8) & 0xff;
	command.command = registers & 0xff;
	command.lba = high * LBA_HIGH + (low >>> 0);
}

/** Copies a request's section to its reply: what `encodeAtaReply` does not set stays as the initiator sent it. */
export function copyAtaSection(request: DataView, requestAt: number, reply: DataView, at: number): void {
	reply.setInt32(at + 24, request.getInt32(requestAt + 24));
	reply.setInt32(at + 28, request.getInt32(requestAt + 28));
	reply.setInt32(at + 32, request.getUint16(requestAt + 32) << 16);
}

/** Writes the registers that answer `command` over the request's, which `copyAtaSection` has put there. */
export function encodeAtaReply(reply: Memory, at: number, command: AtaCommand): void {
	const { bytes, view } = reply;
	view.setUint8(at + 25, command.replyError);
	view.setInt16(at + 26, (command.replyCount << 8) | command.replyStatus);
	// Mostly it is the one that came, and stays.
	if (command.replyLba === command.lba) return;
	if (command.extended) {
		ataLba.set(bytes, at, command.replyLba);
		return;
	}
	const device = ataLba3.get(bytes, at) & 0xf0;
	ataLba.set(bytes, at, command.replyLba & LBA28_MASK);
	ataLba3.set(bytes, at, device | ataLba3.get(bytes, at));
}
