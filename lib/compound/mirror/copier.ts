/**
 * Copies what a member lacks: region by region, in slices, each locked while it is copied, so that what is written meanwhile comes before
 * it or after it and is on both. Ranges of zeros stay, or become, ranges that take no space. Called by `returns.ts`.
 */

import { type BlockDevice, PromisedRequest } from "../../block/device.js";
import { BlockOp } from "../../block/request.js";
import { StorageStatus } from "../../errors.js";
import type { Memory } from "../../wire/memory.js";
import { RangeLock } from "./core.js";
import type { Ledger } from "./ledger.js";
import { type Member, mayRead, type Outcome } from "./member.js";
import type { Allocate } from "./metadata.js";
import type { Pace, Rest } from "./pace.js";
import { zeroBytes } from "./zeros.js";

/** Copied under one lock. */
export const SLICE_BYTES = 128 * 1024;
/** Looked at under one lock, where nothing has to be copied. */
const RUN_BYTES = 64 * 1024 * 1024;
/** What looking at a run of zeros counts for, to the pace. */
const LOOK_BYTES = 4096;
/** A member is flushed after so many regions, or runs of zeros; then they are its own. */
const REGIONS_PER_FLUSH = 64;

/** `partly`: something could not be read, and is still missing. `lost`: the member has failed. */
export type CopyEnd = "done" | "partly" | "lost" | "stopped";

export interface CopierOptions {
	readonly ledger: Ledger;
	readonly dataBytes: number;
	readonly regionBytes: number;
	/** The mirror with its ordering, for locks, and without it, for reading what is locked. */
	readonly ordered: BlockDevice;
	readonly core: BlockDevice;
	readonly pace: Pace;
	readonly rest: Rest;
	readonly allocate: Allocate;
}

export class Copier {
	readonly #options: CopierOptions;
	readonly #memory: Memory;
	/** Copied, and not yet known to be stable. */
	#copied: number[] = [];

	constructor(options: CopierOptions) {
		this.#options = options;
		this.#memory = options.allocate(SLICE_BYTES);
	}

	/** Copies until `member` lacks nothing, or nothing that can be read. */
	async copy(member: Member): Promise<CopyEnd> {
		this.#copied = [];
		for (let pass = member.behind.size; ; pass = member.behind.size) {
			const end = await this.#pass(member);
			if (end !== undefined) return end;
			if (member.behind.size === 0) return "done";
			if (member.behind.size === pass) return "partly";
		}
	}

	async #pass(member: Member): Promise<CopyEnd | undefined> {
		for (let at = 0; ; ) {
			if (this.#options.rest.isOver) return "stopped";
			if (!member.isTarget) return "lost";
			const region = member.behind.next(at);
			if (region < 0 || this.#copied.length >= REGIONS_PER_FLUSH) {
				if (!(await this.#settle(member))) return "lost";
				if (region < 0) return undefined;
			}
			const zeros = await this.#skipZeros(member, region);
			if (zeros === 0 && (await this.#region(member, region))) this.#copied.push(region);
			at = region + Math.max(1, zeros);
		}
	}

	/** What was copied becomes stable, and is no longer missing. */
	async #settle(member: Member): Promise<boolean> {
		const copied = this.#copied;
		this.#copied = [];
		if (copied.length === 0) return true;
		const { status } = await member.flush();
		if (status !== StorageStatus.ok) this.#options.ledger.lose(member, status);
		// Who was lost meanwhile lacks again what was written since.
		if (!member.isTarget) return false;
		for (const region of copied) member.behind.delete(region);
		return true;
	}

	/** How many regions from `region` on have nothing to be copied: they are zeros on both sides. */
	async #skipZeros(member: Member, region: number): Promise<number> {
		const { regionBytes, dataBytes, ordered, pace } = this.#options;
		const most = Math.max(1, Math.floor(RUN_BYTES / regionBytes));
		let count = 1;
		while (count < most && region + count < member.behind.count && member.behind.has(region + count)) count++;
		const start = region * regionBytes;
		const zeros = await this.#zerosOnBoth(member, start, Math.min(count * regionBytes, dataBytes - start));
		const isToTheEnd = start + zeros === dataBytes;
		const found = isToTheEnd ? Math.ceil(zeros / regionBytes) : Math.floor(zeros / regionBytes);
		if (found === 0) return 0;
		const lengthBytes = Math.min(found * regionBytes, dataBytes - start);
		const lock = new RangeLock();
		if (!(await lock.take(ordered, start, lengthBytes))) return 0;
		const still = await this.#zerosOnBoth(member, start, lengthBytes);
		lock.letGo();
		if (still >= lengthBytes) for (let i = 0; i < found; i++) this.#copied.push(region + i);
		await pace.spend(LOOK_BYTES);
		return still >= lengthBytes ? found : 0;
	}

	async #zerosOnBoth(member: Member, offsetBytes: number, lengthBytes: number): Promise<number> {
		const zeros = await this.#zerosOnSource(offsetBytes, lengthBytes);
		return zeros === 0 ? 0 : zeroBytes(this.#options.ledger, member, offsetBytes, zeros);
	}

	async #zerosOnSource(offsetBytes: number, lengthBytes: number): Promise<number> {
		const { ledger } = this.#options;
		const source = ledger.members.find((member) => mayRead(member, ledger.members));
		return source === undefined ? 0 : zeroBytes(ledger, source, offsetBytes, lengthBytes);
	}

	/** Copies a region; false if some of it can't be. */
	async #region(member: Member, region: number): Promise<boolean> {
		const { regionBytes, dataBytes, rest } = this.#options;
		const end = Math.min((region + 1) * regionBytes, dataBytes);
		for (let at = region * regionBytes; at < end; at += SLICE_BYTES) {
			if (rest.isOver || !member.isTarget) return false;
			if (!(await this.#slice(member, at, Math.min(SLICE_BYTES, end - at)))) return false;
		}
		return true;
	}

	async #slice(member: Member, offsetBytes: number, lengthBytes: number): Promise<boolean> {
		const lock = new RangeLock();
		if (!(await lock.take(this.#options.ordered, offsetBytes, lengthBytes))) return false;
		let isDone = false;
		try {
			isDone = await this.#copySlice(member, offsetBytes, lengthBytes);
		} finally {
			lock.letGo();
		}
		await this.#options.pace.spend(lengthBytes);
		return isDone;
	}

	async #copySlice(member: Member, offsetBytes: number, lengthBytes: number): Promise<boolean> {
		const { ledger, core } = this.#options;
		const zeros = await this.#zerosOnSource(offsetBytes, lengthBytes);
		let outcome: Outcome;
		if (zeros < lengthBytes) {
			const asked = new PromisedRequest();
			asked.request.op = BlockOp.read;
			asked.request.offsetBytes = offsetBytes;
			asked.request.lengthBytes = lengthBytes;
			asked.request.memory = this.#memory;
			if ((await asked.run(core)).status !== StorageStatus.ok) return false;
		}
		if (zeros >= lengthBytes || isZeros(this.#memory.bytes, lengthBytes)) {
			if ((await zeroBytes(ledger, member, offsetBytes, lengthBytes)) >= lengthBytes) return true;
			outcome = await member.zero(offsetBytes, lengthBytes);
		} else {
			outcome = await member.write(this.#memory, 0, offsetBytes, lengthBytes);
		}
		if (outcome.status !== StorageStatus.ok) ledger.lose(member, outcome.status);
		return outcome.status === StorageStatus.ok;
	}
}

const ZEROS = Buffer.alloc(SLICE_BYTES);

function isZeros(bytes: Uint8Array, lengthBytes: number): boolean {
	return ZEROS.compare(bytes, 0, lengthBytes, 0, lengthBytes) === 0;
}
