/** EXTENDED COPY by bytes, for tests: lists as SPC-4, 6.4, has them. */

import type { BlockDevice } from "../../lib/block/device.js";
import { MemoryDevice } from "../../lib/block/memory.js";
import { Disk, makeIdentity } from "../../lib/disk.js";
import { LogicalUnit } from "../../lib/scsi/unit.js";
import { type Answer, MIB, type TestHost, Under } from "./support.js";

export const DEVICE_BYTES = 4 * MIB;

export interface Segment {
	readonly source?: number;
	readonly destination?: number;
	readonly blocks: number;
	readonly from: number;
	readonly to: number;
	readonly flags?: number;
	readonly type?: number;
}

/** Names the unit by its NAA designator. */
export function targetOf({ disk }: LogicalUnit, type = 0xe4, blockBytes = 512): Buffer {
	const bytes = Buffer.alloc(32);
	bytes.set([type, 0, 0, 0, 0x01, 0x03, 0, 8]);
	bytes.writeBigUInt64BE(disk.identity.wwn, 8);
	bytes.writeUIntBE(blockBytes, 29, 3);
	return bytes;
}

export function segmentOf({
	source = 0,
	destination = 0,
	blocks,
	from,
	to,
	flags = 0,
	type = 2,
}: Segment): Buffer {
	const bytes = Buffer.alloc(28);
	bytes.set([type, flags, 0, 0x18]);
	bytes.writeUInt16BE(source, 4);
	bytes.writeUInt16BE(destination, 6);
	bytes.writeUInt16BE(blocks, 10);
	bytes.writeBigUInt64BE(BigInt(from), 12);
	bytes.writeBigUInt64BE(BigInt(to), 20);
	return bytes;
}

export function listOf(targets: readonly Buffer[], segments: readonly Buffer[], id = 1, usage = 0): Buffer {
	const head = Buffer.alloc(16);
	head.set([id, usage << 3]);
	head.writeUInt16BE(Buffer.concat(targets).length, 2);
	head.writeUInt32BE(Buffer.concat(segments).length, 8);
	return Buffer.concat([head, ...targets, ...segments]);
}

export function copyCdb(bytes: number): Buffer {
	const cdb = Buffer.alloc(16);
	cdb[0] = 0x83;
	cdb.writeUInt32BE(bytes, 10);
	return cdb;
}

export function copy(host: TestHost, list: Buffer): Promise<Answer> {
	return host.run(copyCdb(list.length), { dataOut: list });
}

export function received(host: TestHost, action: number, id = 1): Promise<Answer> {
	const cdb = Buffer.alloc(16);
	cdb.set([0x84, action, id]);
	cdb.writeUInt32BE(4096, 10);
	return host.run(cdb, { dataInBytes: 4096 });
}

export interface Two {
	readonly under: Under;
	readonly one: LogicalUnit;
	readonly other: LogicalUnit;
	readonly host: TestHost;
}

/** A target with two units, the second of which is LUN 1. */
export function two(
	first: BlockDevice = new MemoryDevice(DEVICE_BYTES),
	second: BlockDevice = new MemoryDevice(DEVICE_BYTES),
): Two {
	const under = new Under(first);
	const other = LogicalUnit.of(new Disk("other", makeIdentity("other", "1"), second));
	under.target.add(1, other);
	return { under, one: under.unit, other, host: under.host() };
}
