/**
 * General purpose logs (ACS-3, annex A), for READ LOG EXT in `disk.ts` and SMART READ LOG in `smart.ts`: the
 * directory and the IDENTIFY DEVICE data log. Another log is a function in the table below.
 */

import { SECTOR_BYTES } from "../wire/sector.js";
import type { AtaCommand } from "./command.js";
import { identifyDevice } from "./identify.js";

import { abort, succeedWithData } from "./reply.js";
import type { DiskState } from "./state.js";

/** One log: its pages, each made when it is read. */
type Pages = readonly ((disk: DiskState) => Uint8Array)[];

const LogAddress = { directory: 0x00, identifyDeviceData: 0x30 } as const;

const LOGS: ReadonlyMap<number, Pages> = new Map([
	[LogAddress.directory, [directory]],
	[LogAddress.identifyDeviceData, [identifyPages, identifyDevice]],
]);

/** Log address 00h: a version word, then how many pages the log at each address has. */
function directory(): Uint8Array {
	const bytes = new Uint8Array(SECTOR_BYTES);
	const view = new DataView(bytes.buffer);
	for (const [address, pages] of LOGS) view.setUint16(address * 2, pages.length, true);
	view.setUint16(0, 0x0001, true);
	return bytes;
}

/** Log address 30h, page 00h: revision 1, page 0, then how many pages there are and which ones. */
function identifyPages(): Uint8Array {
	const bytes = new Uint8Array(SECTOR_BYTES);
	bytes.set([0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 2, 0x00, 0x01]);
	return bytes;
}

/** READ LOG EXT: log address in LBA bits 7:0, page number in 39:32 and 15:8. */
export function readLogExt(disk: DiskState, command: AtaCommand): void {
	const { lba } = command;
	const page = (Math.floor(lba / 2 ** 32) % 0x100) * 0x100 + (Math.floor(lba / 0x100) % 0x100);
	readLog(disk, command, lba % 0x100, page);
}

/** Answers with `command.count` pages of a log from `page` on. Aborted if any of them does not exist. */
export function readLog(disk: DiskState, command: AtaCommand, address: number, page: number): void {
	const pages = LOGS.get(address)?.slice(page, page + command.count) ?? [];
	if (command.count === 0 || pages.length < command.count) {
		abort(disk, command);
		return;
	}
	const data = new Uint8Array(pages.length * SECTOR_BYTES);
	pages.forEach((make, i) => {
		data.set(make(disk), i * SECTOR_BYTES);
	});
	succeedWithData(disk, command, data);
}
