/** The page of INQUIRY that tells which copies between units are possible (SPC-4, 7.8.17): for `vpd.ts`, of what `extended-copy.ts` does. */

import { COPY_LIST_BYTES_MAX, DescriptorType } from "./copy-list.js";
import { COPIES_MAX, COPY_SEGMENTS_MAX, COPY_TARGETS_MAX } from "./limits.js";

const Type = {
	commands: 0x0001,
	parameters: 0x0004,
	descriptors: 0x0008,
	ids: 0x000c,
	general: 0x8001,
} as const;
/** EXTENDED COPY, and RECEIVE COPY RESULTS: of each how many service actions, and which. */
const COMMANDS = [0x83, 1, 0x00, 0x84, 2, 0x00, 0x03];
/** Base 2 logarithm of the bytes of a sector. */
export const COPY_GRANULARITY = 9;

export function copyPage(): Uint8Array {
	const types = Object.values(DescriptorType);
	const parameters = Buffer.alloc(28);
	parameters.writeUInt16BE(COPY_TARGETS_MAX, 4);
	parameters.writeUInt16BE(COPY_SEGMENTS_MAX, 6);
	parameters.writeUInt32BE(COPY_LIST_BYTES_MAX, 8);
	const general = Buffer.alloc(32);
	general.writeUInt32BE(COPIES_MAX, 0);
	general.writeUInt32BE(COPIES_MAX, 4);
	general[12] = COPY_GRANULARITY;
	return Buffer.concat([
		descriptor(Type.commands, [COMMANDS.length, ...COMMANDS]),
		descriptor(Type.parameters, parameters),
		descriptor(Type.descriptors, [types.length, ...types]),
		// (None that stands for a unit without its name.)
		descriptor(Type.ids, [0, 0]),
		descriptor(Type.general, general),
	]);
}

/** Filled up to whole words. */
function descriptor(type: number, value: Iterable<number>): Buffer {
	const bytes = Buffer.from([...value]);
	const body = Buffer.alloc(4 * Math.ceil(bytes.length / 4));
	body.set(bytes);
	return Buffer.concat([Buffer.from([type >> 8, type & 0xff, body.length >> 8, body.length & 0xff]), body]);
}
