/**
 * A transport in memory for tests of the command set: commands go to a target as CDBs with their data, and come back with status, data and
 * sense. What transports must keep to is checked here.
 */

import assert from "node:assert";
import type { BlockDevice } from "../../lib/block/device.js";
import { DeviceLayer } from "../../lib/block/layer.js";
import { MemoryDevice } from "../../lib/block/memory.js";
import type { BlockOp, BlockRequest } from "../../lib/block/request.js";
import { Disk, makeIdentity } from "../../lib/disk.js";
import { StorageStatus } from "../../lib/errors.js";
import { Nexus } from "../../lib/scsi/nexus.js";
import { portName } from "../../lib/scsi/port-group.js";
import { ScsiStatus, TaskAttribute } from "../../lib/scsi/protocol.js";
import type { Sense } from "../../lib/scsi/sense.js";
import { ScsiTarget } from "../../lib/scsi/target.js";
import { ScsiTask, type TaskHost } from "../../lib/scsi/task.js";
import { LogicalUnit } from "../../lib/scsi/unit.js";
import { ROOM_BYTES_MAX, type Room, Rooms } from "../../lib/stream/rooms.js";
import { turn } from "../../lib/turn.js";
import { heapMemory } from "../../lib/wire/memory.js";

export const MIB = 1024 * 1024;
const TARGET = "iqn.2026-11.org.example:test";

export interface Answer {
	readonly status: ScsiStatus;
	readonly sense: Sense | null;
	/** What came for the initiator. */
	readonly data: Buffer;
	readonly transferBytes: number;
	readonly isAborted: boolean;
}

export interface CommandOptions {
	readonly lun?: number;
	readonly dataOut?: Uint8Array;
	/** Bytes that the initiator has, if that is not what it sends. */
	readonly dataOutBytes?: number;
	readonly dataInBytes?: number;
	readonly attribute?: TaskAttribute;
	readonly tag?: number;
}

/** A command that is under way. */
export interface Sent {
	readonly task: ScsiTask;
	readonly answer: Promise<Answer>;
	/** Hands over the next `bytes` of its data. */
	give(bytes: number): void;
}

/** An initiator on a nexus of its own. */
export class TestHost implements TaskHost {
	roomsHeld = 0;
	waitsForRoom = false;
	mayRead = true;
	readonly rooms: Rooms;
	readonly nexus: Nexus;
	readonly done: { op: BlockOp; bytes: number }[] = [];
	readonly starving = new Set<ScsiTask>();
	/** Bytes that are handed over at once. */
	chunkBytes = ROOM_BYTES_MAX;
	readonly #target: ScsiTarget;
	readonly #data = new Map<ScsiTask, Buffer[]>();
	readonly #ends = new Map<ScsiTask, (answer: Answer) => void>();
	#tag = 0;

	constructor(target: ScsiTarget, name = "one", budgetBytes = 16 * MIB) {
		this.#target = target;
		this.rooms = new Rooms(heapMemory, budgetBytes);
		const initiator = {
			device: `iqn.1993-08.org.debian:${name}`,
			port: `iqn.1993-08.org.debian:${name},i,0x1`,
		};
		this.nexus = new Nexus(initiator, { name: portName(target.name, 1), relative: 1 });
		target.begin(this.nexus);
		for (const lun of target.luns()) while (target.unit(lun)?.attention(this.nexus) !== undefined);
	}

	/** Commands that have not ended. */
	get underWay(): number {
		return this.#ends.size;
	}

	send(cdb: Uint8Array | string, options: CommandOptions = {}): Sent {
		const task = new ScsiTask();
		const { dataOut = new Uint8Array(0) } = options;
		task.host = this;
		task.nexus = this.nexus;
		task.lun = options.lun ?? 0;
		task.cdb.set(typeof cdb === "string" ? Buffer.from(cdb.replaceAll(" ", ""), "hex") : cdb);
		task.attribute = options.attribute ?? TaskAttribute.simple;
		task.tag = options.tag ?? ++this.#tag;
		task.dataOutBytes = options.dataOutBytes ?? dataOut.length;
		task.dataInBytes = options.dataInBytes ?? 0;
		task.begin();
		this.#data.set(task, []);
		const answer = new Promise<Answer>((resolve) => this.#ends.set(task, resolve));
		let given = 0;
		const give = (bytes: number): void => {
			for (let left = bytes; left > 0 && task.awaitedBytes > 0; ) {
				const length = Math.min(left, task.awaitedBytes, this.chunkBytes);
				this.#give(task, dataOut.subarray(given, given + length));
				given += length;
				left -= length;
			}
		};
		turn.begin();
		this.#target.execute(task);
		return { task, answer, give };
	}

	#give(task: ScsiTask, bytes: Uint8Array): void {
		const room = this.rooms.take(this, bytes.length);
		assert(room !== undefined, "the test has no room for its data");
		// (Lent: whoever needs it later has to keep it.)
		const lent = heapMemory(bytes.length);
		lent.bytes.set(bytes);
		if (task.dataOut(room, lent, 0, bytes.length)) this.rooms.give(room);
		lent.bytes.fill(0xdd);
	}

	/** Sends all of its data. */
	run(cdb: Uint8Array | string, options: CommandOptions = {}): Promise<Answer> {
		const { give, answer } = this.send(cdb, options);
		give(Number.POSITIVE_INFINITY);
		return answer;
	}

	starves(task: ScsiTask): void {
		this.starving.add(task);
		if (this.mayRead) setImmediate(() => this.goOn());
	}

	/** Whoever waits for space to send goes on. */
	goOn(): void {
		turn.begin();
		for (const task of [...this.starving]) {
			this.starving.delete(task);
			task.advance();
		}
	}

	roomFreed(): void {
		this.goOn();
	}

	dataIn(task: ScsiTask, room: Room, offset: number, length: number): void {
		this.reply(task, room.memory.bytes.subarray(offset, offset + length));
		this.rooms.give(room);
	}

	reply(task: ScsiTask, bytes: Uint8Array): void {
		assert(this.#ends.has(task) && !task.isAborted, "data for a task that is over");
		this.#data.get(task)!.push(Buffer.from(bytes));
	}

	did(_task: ScsiTask, op: BlockOp, bytes: number): void {
		this.done.push({ op, bytes });
	}

	ended(task: ScsiTask): void {
		const resolve = this.#ends.get(task);
		assert(resolve !== undefined, "a task ends twice");
		this.#ends.delete(task);
		this.starving.delete(task);
		const data = Buffer.concat(this.#data.get(task)!);
		assert(data.length <= task.dataInBytes, "more data than the initiator takes");
		this.#data.delete(task);
		const { status, sense, transferBytes, isAborted } = task;
		assert((status === ScsiStatus.checkCondition) === (sense !== null), "sense data without its status");
		resolve({ status, sense, data, transferBytes, isAborted });
	}
}

export class Under {
	readonly target = new ScsiTarget(TARGET);
	readonly disk: Disk;
	readonly unit: LogicalUnit;

	constructor(device: BlockDevice = new MemoryDevice(64 * MIB)) {
		this.disk = new Disk("web", makeIdentity("web", "1"), device);
		this.unit = LogicalUnit.of(this.disk);
		this.target.add(0, this.unit);
	}

	host(name?: string, budgetBytes?: number): TestHost {
		return new TestHost(this.target, name, budgetBytes);
	}
}

/** Requests are done when the test says so, in whatever order it says. */
export class Manual extends DeviceLayer {
	/** Those of which nothing has begun. */
	readonly held: BlockRequest[] = [];
	readonly #begun: BlockRequest[] = [];

	protected handle(request: BlockRequest): void {
		request.park();
		this.held.push(request);
	}

	go(index = 0): void {
		this.begin(index);
		this.finish();
	}

	/** From now on it can't be taken back. */
	begin(index: number): void {
		this.#begun.push(...this.held.splice(index, 1));
	}

	finish(): void {
		for (const request of this.#begun.splice(0)) this.device.submit(request);
	}

	override cancel(request: BlockRequest): void {
		const index = this.held.indexOf(request);
		if (index < 0) return;
		this.held.splice(index, 1);
		request.complete(StorageStatus.cancelled);
	}

	below(request: BlockRequest): void {
		request.resume();
	}
}

/** A CDB of 10 bytes with LBA and a number of blocks where most have them. */
export function cdb10(opcode: number, lba: number, blocks: number, flags = 0): Buffer {
	const cdb = Buffer.alloc(10);
	cdb[0] = opcode;
	cdb[1] = flags;
	cdb.writeUInt32BE(lba, 2);
	cdb.writeUInt16BE(blocks, 7);
	return cdb;
}

export function cdb16(opcode: number, lba: number | bigint, blocks: number, flags = 0): Buffer {
	const cdb = Buffer.alloc(16);
	cdb[0] = opcode;
	cdb[1] = flags;
	cdb.writeBigUInt64BE(BigInt(lba), 2);
	cdb.writeUInt32BE(blocks, 10);
	return cdb;
}
