/** Frames to 9.0 for the cases of `wire-cases.ts`, each with a tag of its own. */

import { ataFrame, BROADCAST, configFrame } from "../support/frames.js";
import { CLIENT_MAC, SERVER_MAC } from "./stage.js";

let tag = 0xc0000000;
export const header = (
	changes: {
		dst?: string;
		src?: string;
		shelf?: number;
		slot?: number;
		version?: number;
		flags?: number;
		tag?: number;
	} = {},
) => ({
	dst: SERVER_MAC,
	src: CLIENT_MAC,
	shelf: 9,
	slot: 0,
	tag: ++tag,
	...changes,
});
export const everyone = { dst: BROADCAST, shelf: 0xffff, slot: 0xff };

export const config = (command: number, string = "", length = string.length) =>
	configFrame(header(), command, string, length);
type Ata = Parameters<typeof ataFrame>[1];
export const ata = (command: number, rest: Partial<Ata> = {}) => ataFrame(header(), { command, ...rest });
/** AoE's flags E and D: the second is a bit of the device register, whose others a 28-bit command has in its LBA. */
export const E = { aflags: 0x50 };
/** An extended (48-bit) command. */
export const ext = (command: number, rest: Partial<Ata> = {}) =>
	ata(command, { count: 1, aflags: 0x40, ...rest });
export const sectors = (count: number, byte: number) => Buffer.alloc(512 * count, byte);
export const write = (command: number, lba: number, byte: number, count = 1) =>
	ext(command, { aflags: 0x41, lba, count, data: sectors(count, byte) });

/** One range entry of DATA SET MANAGEMENT, in a block of 512 bytes. */
export function trimList(lba: number, count: number): Buffer {
	const list = Buffer.alloc(512);
	list.writeUIntLE(lba, 0, 6);
	list.writeUInt16LE(count, 6);
	return list;
}
