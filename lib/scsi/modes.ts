/**
 * MODE SENSE and MODE SELECT, of 6 and of 10 bytes (SPC-4, 6.9 to 6.12): what of a unit can be set, told and changed. What is changed is the
 * same for everybody, so the others are told that it was. The pages are in `mode-pages.ts`. In the table of operations.
 */

import { uint16 } from "./cdb.js";

import { applyPage, MODE_PAGES, type ModePage, type ModeState } from "./mode-pages.js";
import type { Row } from "./operation.js";
import { receiveParameters } from "./parameters.js";
import { Asc } from "./protocol.js";
import { refuse, succeed, succeedWith } from "./reply.js";
import { illegal, invalidField, invalidParameter, type Sense } from "./sense.js";
import type { ScsiTask } from "./task.js";
import type { LogicalUnit } from "./unit.js";
import { flushThen } from "./waiting.js";

const ALL_PAGES = 0x3f;
const ALL_SUBPAGES = 0xff;
const Control = { current: 0, changeable: 1, initial: 2, saved: 3 } as const;
const WRITE_PROTECTED = 0x80;
/** DPO and FUA are heeded (SBC-3, 6.5.1). */
const DPO_FUA = 0x10;
const LONG_BLOCKS = 0x01;
const PAGE_FORMAT = 0x10;
const SAVE = 0x01;
const HAS_SUBPAGE = 0x40;
const BLOCKS_MAX = 0xffff_ffff;

function modeStateOf({ modes, disk }: LogicalUnit): ModeState {
	return { modes, device: disk.device };
}

function sense6(task: ScsiTask, unit: LogicalUnit): void {
	const parts = partsOf(task, unit, false);
	if (parts === undefined) return;
	const { pages, blocks, specific } = parts;
	const header = Buffer.from([3 + blocks.length + pages.length, 0, specific, blocks.length]);
	succeedWith(task, Buffer.concat([header, blocks, pages]), task.cdb[4]!);
}

function sense10(task: ScsiTask, unit: LogicalUnit): void {
	const mayBeLong = (task.cdb[1]! & 0x10) > 0;
	const parts = partsOf(task, unit, mayBeLong);
	if (parts === undefined) return;
	const { pages, blocks, specific } = parts;
	const header = Buffer.from([0, 0, 0, specific, blocks.length > 8 ? LONG_BLOCKS : 0, 0, 0, blocks.length]);
	header.writeUInt16BE(6 + blocks.length + pages.length, 0);
	succeedWith(task, Buffer.concat([header, blocks, pages]), uint16(task.cdb, 7));
}

interface Parts {
	readonly pages: Buffer;
	readonly blocks: Buffer;
	/** The device-specific parameter. */
	readonly specific: number;
}

/** Undefined: it was refused. */
function partsOf(task: ScsiTask, unit: LogicalUnit, isLong: boolean): Parts | undefined {
	const { cdb } = task;
	const code = cdb[2]! & 0x3f;
	const subpage = cdb[3]!;
	const which = cdb[2]! >> 6;
	const known = MODE_PAGES.filter((page) => code === ALL_PAGES || page.code === code);
	// (No page has subpages: all of them are the page itself.)
	if (subpage !== 0 && subpage !== ALL_SUBPAGES) refuse(task, invalidField(3));
	else if (known.length === 0) refuse(task, invalidField(2, 5));
	else if (which === Control.saved) refuse(task, illegal(Asc.savingNotSupported));
	else {
		const state = modeStateOf(unit);
		const pages = Buffer.concat(known.map((page) => pageBytes(page, which, state)));
		const hasBlocks = (cdb[1]! & 0x08) === 0;
		const blocks = hasBlocks ? blockDescriptor(unit, isLong) : Buffer.alloc(0);
		return { pages, blocks, specific: (unit.isWriteProtected ? WRITE_PROTECTED : 0) | DPO_FUA };
	}
	return undefined;
}

function pageBytes(page: ModePage, which: number, state: ModeState): Uint8Array {
	if (which === Control.changeable) return page.changeable(state);
	return which === Control.initial ? page.initial(state) : page.current(state);
}

/** How many blocks there are, and how long each is (SBC-3, 6.5.2). */
function blockDescriptor({ disk }: LogicalUnit, isLong: boolean): Buffer {
	const { sizeBytes, logicalBlockBytes } = disk.device.info;
	const blocks = Math.floor(sizeBytes / logicalBlockBytes);
	const bytes = Buffer.alloc(isLong ? 16 : 8);
	if (isLong) bytes.writeBigUInt64BE(BigInt(blocks), 0);
	else bytes.writeUInt32BE(Math.min(blocks, BLOCKS_MAX), 0);
	bytes.writeUInt32BE(logicalBlockBytes, bytes.length - 4);
	return bytes;
}

function select6(task: ScsiTask, unit: LogicalUnit): void {
	select(task, unit, task.cdb[4]!, 4, 4);
}

function select10(task: ScsiTask, unit: LogicalUnit): void {
	select(task, unit, uint16(task.cdb, 7), 7, 8);
}

function select(task: ScsiTask, unit: LogicalUnit, bytes: number, field: number, headerBytes: number): void {
	const flags = task.cdb[1]!;
	if ((flags & PAGE_FORMAT) === 0) refuse(task, invalidField(1, 4));
	else if ((flags & SAVE) > 0) refuse(task, invalidField(1, 0));
	else
		receiveParameters(task, bytes, field, (list) => {
			// (No list changes nothing: that is no error.)
			if (list.length === 0) succeed(task);
			else if (list.length < headerBytes) refuse(task, illegal(Asc.listLength));
			else change(task, unit, list, headerBytes);
		});
}

/** All of it is checked before any of it is done. */
function change(task: ScsiTask, unit: LogicalUnit, list: Buffer, headerBytes: number): void {
	const isLong = headerBytes === 8 && (list[4]! & LONG_BLOCKS) > 0;
	const blockBytes = headerBytes === 8 ? list.readUInt16BE(6) : list[3]!;
	const pagesAt = headerBytes + blockBytes;
	const state = modeStateOf(unit);
	const wrong = wrongBlocks(unit, list, headerBytes, blockBytes, isLong) ?? wrongPages(state, list, pagesAt);
	if (wrong !== undefined) {
		refuse(task, wrong);
		return;
	}
	const before = settings(state);
	const { writeCache } = unit.disk.device.info;
	for (const [at, length] of pagesOf(list, pagesAt))
		if (!applyPage(state, list.subarray(at, at + length))) {
			refuse(task, invalidParameter(at + 2));
			return;
		}
	if (settings(state) !== before) unit.attendOthers(task.nexus, Asc.modeChanged);
	// What was in the cache when it was switched off is to be stable.
	if (writeCache && !unit.disk.device.info.writeCache) flushThen(task, unit, () => succeed(task));
	else succeed(task);
}

function settings(state: ModeState): string {
	return MODE_PAGES.map((page) => page.current(state).join()).join();
}

/** What it says of blocks must be as it is, or 0: any number of them (SBC-3, 6.5.2.2). */
function wrongBlocks(
	unit: LogicalUnit,
	list: Buffer,
	at: number,
	bytes: number,
	isLong: boolean,
): Sense | undefined {
	if (bytes === 0) return undefined;
	const expected = blockDescriptor(unit, isLong);
	if (bytes !== expected.length) return invalidParameter(at - 1);
	if (list.length < at + bytes) return illegal(Asc.listLength);
	const given = list.subarray(at, at + bytes);
	const count = isLong ? 8 : 4;
	const isAny = given.subarray(0, count).every((byte) => byte === 0);
	if (!isAny && !given.subarray(0, count).equals(expected.subarray(0, count))) return invalidParameter(at);
	const isLength = given.subarray(-3).equals(expected.subarray(-3));
	return isLength ? undefined : invalidParameter(at + bytes - 3);
}

/** Where each page begins and how long it is; one that is cut short is longer than what is there. */
function* pagesOf(list: Buffer, from: number): Generator<readonly [at: number, length: number]> {
	for (let at = from; at < list.length; ) {
		const isSub = (list[at]! & HAS_SUBPAGE) > 0;
		const length = isSub
			? 4 + (list.length < at + 4 ? 0 : list.readUInt16BE(at + 2))
			: 2 + (list[at + 1] ?? 0);
		yield [at, length];
		at += length;
	}
}

function wrongPages(state: ModeState, list: Buffer, from: number): Sense | undefined {
	for (const [at, length] of pagesOf(list, from)) {
		if (at + length > list.length) return illegal(Asc.listLength);
		const page = MODE_PAGES.find(({ code }) => code === (list[at]! & (HAS_SUBPAGE | 0x3f)));
		if (page === undefined) return invalidParameter(at);
		const current = page.current(state);
		if (length !== current.length) return invalidParameter(at + 1);
		const changeable = page.changeable(state);
		for (let byte = 2; byte < length; byte++)
			if (((list[at + byte]! ^ current[byte]!) & ~changeable[byte]!) !== 0)
				return invalidParameter(at + byte);
	}
	return undefined;
}

export const MODE_ROWS: readonly Row[] = [
	{ usage: "15110000ff00", operation: { start: select6 } },
	{ usage: "1a08ffffff00", operation: { start: sense6 } },
	{ usage: "55110000000000ffff00", operation: { start: select10 } },
	{ usage: "5a18ffff000000ffff00", operation: { start: sense10 } },
];
