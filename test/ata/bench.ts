/**
 * What the ATA tests stand on: a command that counts its answers, and a device that keeps sectors in a map,
 * writes down every request and fails where it is told to. Neither shares a constant with `lib/ata/`:
 * registers are given in hex.
 */

import { AtaCommand, type CommandOwner } from "../../lib/ata/command.js";
import { AtaDisk } from "../../lib/ata/disk.js";
import { type BlockDevice, type DeviceInfo, deviceInfo, refuse } from "../../lib/block/device.js";
import { pairsOf } from "../../lib/block/ranges.js";
import { BlockOp, type BlockRequest } from "../../lib/block/request.js";
import { Disk, type DiskIdentity } from "../../lib/disk.js";
import { StorageStatus } from "../../lib/errors.js";
import { heapMemory } from "../../lib/wire/memory.js";
import { LIMIT_MS } from "../support/limit.js";

/** What a command comes to: status and error register in one number. */
export const OK = 0x4000;
export const ABRT = 0x4104;
export const IDNF = 0x4110;
export const UNC = 0x4140;
export const FAULT = 0x6104;

/** Bytes of room before the data in every memory, so that a forgotten offset shows. */
export const OFFSET = 36;
const OP_NAMES = new Map<BlockOp, string>(Object.entries(BlockOp).map(([name, op]) => [op, name]));

export interface Registers {
	command: number;
	feature?: number;
	count?: number;
	lba?: number;
	/** Sets W, and is the data that comes along. */
	data?: Uint8Array;
	writeFlag?: boolean;
	extended?: boolean;
	/** Bytes that the answer may have; 8192 unless said. */
	roomBytes?: number;
	mayBorrow?: boolean;
}

export class TestCommand implements CommandOwner {
	readonly command = new AtaCommand(this);
	answers = 0;
	#answered: () => void = () => {};

	fill(registers: Registers): this {
		const { command } = this;
		command.command = registers.command;
		command.feature = registers.feature ?? 0;
		command.count = registers.count ?? 0;
		command.lba = registers.lba ?? 0;
		command.extended = registers.extended ?? true;
		const data = registers.data ?? new Uint8Array(0);
		command.writeFlag = registers.writeFlag ?? data.length > 0;
		command.dataOutBytes = data.length;
		command.dataInCapacityBytes = registers.roomBytes ?? 8192;
		command.dataInMayBorrow = registers.mayBorrow ?? true;
		const { request } = command;
		request.memory = heapMemory(OFFSET + data.length);
		request.memory.bytes.set(data, OFFSET);
		request.memoryOffset = OFFSET;
		request.room = heapMemory(OFFSET + command.dataInCapacityBytes);
		request.room.bytes.fill(0xee);
		request.roomOffset = OFFSET;
		this.answers = 0;
		return this;
	}

	/** Executes and waits for the answer, and a turn longer: a second answer is an error. */
	async run(disk: AtaDisk): Promise<this> {
		const answered = new Promise<void>((resolve) => {
			this.#answered = resolve;
		});
		let limit: NodeJS.Timeout | undefined;
		const late = new Promise<never>((_, reject) => {
			limit = setTimeout(() => reject(new Error("no answer")), LIMIT_MS);
		});
		disk.execute(this.command);
		await Promise.race([answered, late]);
		clearTimeout(limit);
		await new Promise((resolve) => setImmediate(resolve));
		if (this.answers !== 1) throw new Error(`${this.answers} answers`);
		return this;
	}

	answered(): void {
		this.answers += 1;
		this.#answered();
	}

	/** The data of the answer. */
	get data(): Buffer {
		return Buffer.from(this.room.subarray(0, this.dataInBytes));
	}

	/** The room for it. */
	get room(): Uint8Array {
		return this.command.request.room.bytes.subarray(OFFSET);
	}

	/** Status and error register in one number: 0x4000 is plain success. */
	get result(): number {
		return this.replyStatus * 0x100 + this.replyError;
	}

	get replyStatus(): number {
		return this.command.replyStatus;
	}

	get replyError(): number {
		return this.command.replyError;
	}

	get replyCount(): number {
		return this.command.replyCount;
	}

	get replyLba(): number {
		return this.command.replyLba;
	}

	get dataInBytes(): number {
		return this.command.dataInBytes;
	}

	get borrowedAddress(): number {
		return this.command.request.borrowedAddress;
	}

	get mayBorrow(): boolean {
		return this.command.request.mayBorrow;
	}
}

export interface Seen {
	op: string;
	lba: number;
	sectors: number;
	fua: boolean;
}

interface Fault {
	lba: number;
	op: string;
	status: StorageStatus;
	errno: number;
}

export class TestDevice implements BlockDevice {
	info: DeviceInfo;
	readonly sectors = new Map<number, Uint8Array>();
	/** By range: a list of them is one request. */
	readonly seen: Seen[] = [];
	requests = 0;
	readonly cacheSwitches: boolean[] = [];
	fault: Fault | null = null;
	/** Keeps requests until `release`. */
	hold = false;
	/** Address to answer reads that may borrow with. */
	lend = 0;
	refuseCacheSwitch = false;
	#held: BlockRequest[] = [];

	constructor(info: Partial<DeviceInfo> = {}) {
		this.info = deviceInfo({ sizeBytes: 1000 * 512, canTrim: true, writeCache: true, ...info });
	}

	submit(request: BlockRequest): void {
		const { op, fua } = request;
		const name = OP_NAMES.get(op) ?? "?";
		this.requests += 1;
		for (const { lba, sectors } of rangesOf(request)) this.seen.push({ op: name, lba, sectors, fua });
		if (this.hold) this.#held.push(request);
		else this.#serve(request, name);
	}

	/** Parks and serves everything held back. */
	release(): void {
		const held = this.#held;
		this.#held = [];
		for (const request of held) this.#serve(request, OP_NAMES.get(request.op) ?? "?");
	}

	get held(): readonly BlockRequest[] {
		return this.#held;
	}

	#serve(request: BlockRequest, name: string): void {
		const refused = refuse(this.info, request);
		if (refused !== undefined) {
			request.complete(refused);
			return;
		}
		const { fault } = this;
		let failed = false;
		for (const { lba, sectors } of rangesOf(request)) {
			const hit = fault?.op === name && (name === "flush" || within(fault.lba, lba, sectors));
			failed ||= hit;
			for (let i = 0; i < sectors && !hit; i++) this.#sector(request, lba + i, i * 512);
		}
		if (fault !== null && failed) {
			request.complete(fault.status, fault.errno, fault.lba * 512);
			return;
		}
		if (request.mayBorrow && this.lend !== 0) request.borrowedAddress = this.lend;
		request.complete(StorageStatus.ok);
	}

	#sector(request: BlockRequest, lba: number, at: number): void {
		const { bytes } = request.memory;
		const from = request.memoryOffset + at;
		if (request.op === BlockOp.read) bytes.set(this.sectors.get(lba) ?? new Uint8Array(512), from);
		if (request.op === BlockOp.write) this.sectors.set(lba, bytes.slice(from, from + 512));
		if (request.op === BlockOp.trim) this.sectors.delete(lba);
	}

	setWriteCache(enabled: boolean): boolean {
		this.cacheSwitches.push(enabled);
		if (this.refuseCacheSwitch) return false;
		this.info = { ...this.info, writeCache: enabled };
		return true;
	}

	cancel(): void {}

	listen(): () => void {
		return () => {};
	}

	async close(): Promise<"closed"> {
		return "closed";
	}
}

/** What a request is about, in sectors: one range, unless it is a list. */
function rangesOf({ ranges, offsetBytes, lengthBytes }: BlockRequest): { lba: number; sectors: number }[] {
	return [...pairsOf(ranges ?? [offsetBytes, lengthBytes])].map(([offset, length]) => ({
		lba: offset / 512,
		sectors: length / 512,
	}));
}

function within(lba: number, first: number, count: number): boolean {
	return lba >= first && lba < first + count;
}

export const IDENTITY: DiskIdentity = {
	serial: "9.0:0123456789",
	firmware: "1.2.3",
	model: "a model of forty characters, no more no.",
	wwn: 0x3123_4567_89ab_cdefn,
};

export interface Bench {
	disk: AtaDisk;
	device: TestDevice;
	/** Sends a command and gives it back answered. */
	send(registers: Registers): Promise<TestCommand>;
}

export function makeBench(info: Partial<DeviceInfo> = {}, identity = IDENTITY): Bench {
	const device = new TestDevice(info);
	const disk = AtaDisk.of(new Disk("e9.0", identity, device));
	return {
		disk,
		device,
		send: (registers) => new TestCommand().fill(registers).run(disk),
	};
}

/** `count` sectors of bytes that differ from sector to sector. */
export function pattern(count: number, seed = 1): Uint8Array {
	const bytes = new Uint8Array(count * 512);
	for (let i = 0; i < bytes.length; i++) bytes[i] = (i * 7 + (i >>> 9) * 13 + seed) & 0xff;
	return bytes;
}
