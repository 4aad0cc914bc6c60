/**
 * That everything on a unit is overwritten or erased (SBC-3, 4.11), in the background and in parts, with a rest after each so that it is no burden to
 * other disks. It goes on whatever becomes of the task that has asked for it, and of the initiator, until its disk is fenced; meanwhile the unit is not ready. If it
 * fails the unit can't be used until another one succeeds, or the initiator says that it may, if it had said so before. That it is not done is kept
 * before anything is changed, and so it has failed where a restart or a loss of power has interrupted it. Made with its unit; begun by `sanitize.ts`.
 */

import { PromisedRequest } from "../block/device.js";
import { BlockOp, type BlockRequest } from "../block/request.js";
import { systemClock } from "../clock.js";
import type { Disk } from "../disk.js";
import { StorageStatus } from "../errors.js";
import { nativeMemory } from "../native.js";
import type { Memory } from "../wire/memory.js";
import type { KeptSanitizing } from "./kept.js";
import { failureOf } from "./outcome.js";
import { Asc, SenseKey } from "./protocol.js";
import type { Sense } from "./sense.js";

const MIB = 1024 * 1024;
const OVERWRITE_BYTES = MIB;
const ERASE_BYTES = 1024 * MIB;
const REST_MS = 25;
/** What the end of the progress is told as. */
const PROGRESS_MAX = 65_535;

export const SANITIZE_FAILED: Sense = { key: SenseKey.mediumError, asc: Asc.sanitizeFailed };

/** What is to be done: erased, or written so many times with a block, every other time with all bits inverted. */
export interface Sanitizing {
	readonly block: Uint8Array | null;
	readonly passes: number;
	readonly isInverted: boolean;
	/** If it fails the unit may be used all the same, when somebody says so. */
	readonly mayLeave: boolean;
}

/** Keeps it over a loss of power; undefined: nothing is to be kept. Resolves to false if that is not sure. Never rejects. */
type KeepSanitizing = (kept: KeptSanitizing | undefined) => Promise<boolean>;

export class Sanitization {
	readonly #disk: Disk;
	/** Null: nothing is done; 0 up to 1: so much of it is. */
	#progress: number | null = null;
	#hasFailed = false;
	#mayLeave = false;
	#isStopped = false;
	readonly #keep: KeepSanitizing;

	constructor(disk: Disk, keep: KeepSanitizing) {
		this.#disk = disk;
		this.#keep = keep;
	}

	/** Why the unit can't be used; null: it can, as far as this goes. */
	get sense(): Sense | null {
		const progress = this.#progress;
		if (progress !== null)
			return {
				key: SenseKey.notReady,
				asc: Asc.sanitizing,
				progress: Math.floor(progress * PROGRESS_MAX),
			};
		return this.#hasFailed ? SANITIZE_FAILED : null;
	}

	get isUnderWay(): boolean {
		return this.#progress !== null;
	}

	/** Resolves to false if it may not be used in spite of that, nothing has failed, or it can't be kept that it may. */
	async leaveFailure(): Promise<boolean> {
		if (!this.#hasFailed || !this.#mayLeave || this.isUnderWay) return false;
		if (!(await this.#keep(undefined)) || this.isUnderWay) return false;
		this.#hasFailed = false;
		return true;
	}

	/** Nothing more is changed, though initiators can't ask for that: what is under way has failed. */
	stop(): void {
		this.#isStopped = true;
	}

	/** As it was kept: one that had begun has failed. */
	restore(kept: KeptSanitizing | undefined): void {
		if (this.isUnderWay) return;
		this.#hasFailed = kept !== undefined;
		this.#mayLeave = kept?.mayLeave === true;
	}

	/**
	 * Nothing is under way. `quieten`: makes an end of what is under way on the unit. Resolves to whether all of it is done, and stable; null: nothing is, since it
	 * can't be kept that it was begun.
	 */
	async run(how: Sanitizing, quieten: () => Promise<void>): Promise<boolean | null> {
		const { mayLeave } = how;
		this.#progress = 0;
		this.#isStopped = false;
		if (!(await this.#keep({ mayLeave }))) {
			this.#progress = null;
			return null;
		}
		this.#mayLeave = mayLeave;
		await quieten();
		const isDone = await this.#pass(how);
		// (What is still kept as begun would be found so after the next restart: better to say so now.)
		this.#hasFailed = !isDone || !(await this.#keep(undefined));
		this.#progress = null;
		return !this.#hasFailed;
	}

	async #pass(how: Sanitizing): Promise<boolean> {
		const memory = how.block === null ? null : filledWith(how.block);
		for (let pass = 0; pass < how.passes; pass++) {
			if (pass > 0 && how.isInverted && memory !== null) invert(memory);
			for (let at = 0; at < this.#disk.device.info.sizeBytes; ) {
				const left = this.#disk.device.info.sizeBytes - at;
				const length = Math.min(left, memory === null ? ERASE_BYTES : OVERWRITE_BYTES);
				if (this.#isStopped || !(await this.#change(at, length, memory))) return false;
				at += length;
				this.#progress = (pass + at / (at + left - length)) / how.passes;
				await new Promise<void>((resolve) => systemClock.after(REST_MS, resolve));
			}
		}
		return this.#succeeds(new PromisedRequest(), BlockOp.flush);
	}

	#change(offsetBytes: number, lengthBytes: number, memory: Memory | null): Promise<boolean> {
		const promised = new PromisedRequest();
		Object.assign(promised.request, { offsetBytes, lengthBytes, ...(memory !== null && { memory }) });
		return this.#succeeds(promised, memory === null ? BlockOp.trim : BlockOp.write);
	}

	async #succeeds(promised: PromisedRequest, op: BlockOp): Promise<boolean> {
		promised.request.op = op;
		const { status, errno, failedOffsetBytes }: BlockRequest = await promised.run(this.#disk.device);
		failureOf(this.#disk, op, status, errno, failedOffsetBytes);
		return status === StorageStatus.ok;
	}
}

/** (No more than one part of memory for all of it.) */
function filledWith(block: Uint8Array): Memory {
	const memory = nativeMemory(OVERWRITE_BYTES);
	for (let at = 0; at < OVERWRITE_BYTES; at += block.length) memory.bytes.set(block, at);
	return memory;
}

function invert({ bytes }: Memory): void {
	for (let at = 0; at < bytes.length; at++) bytes[at]! ^= 0xff;
}
