/**
 * Compares the members of a mirror that are in sync, slice by slice under a lock, at the pace of copies; where they differ, the others get
 * what one of them has, if that is asked for. Called by the mirror.
 */

import type { BlockDevice } from "../../block/device.js";
import { StorageStatus } from "../../errors.js";
import type { Memory } from "../../wire/memory.js";
import { SLICE_BYTES } from "./copier.js";
import { RangeLock } from "./core.js";
import type { Ledger } from "./ledger.js";
import type { Member } from "./member.js";
import type { Allocate } from "./metadata.js";
import type { Pace, Rest } from "./pace.js";

/** What differs is told in blocks of so many bytes. */
const BLOCK_BYTES = 4096;
/** So many ranges are told one by one; the bytes of all of them are counted. */
const RANGES_TOLD = 1000;
/** What looking at zeros counts for, to the pace. */
const LOOK_BYTES = 4096;

export interface VerifyOptions {
	/** Where members differ, the others get what this one has: an index. Nothing is changed, if not said. */
	readonly repairFrom?: number;
	readonly signal?: AbortSignal;
	/** Called after each slice. */
	readonly progress?: (doneBytes: number, ofBytes: number) => void;
}

export interface DifferentRange {
	readonly offsetBytes: number;
	readonly lengthBytes: number;
	/** Who differs from the first one that could be read: indexes. */
	readonly members: readonly number[];
}

export interface VerifyReport {
	/** The first thousand. */
	readonly ranges: DifferentRange[];
	comparedBytes: number;
	differentBytes: number;
	repairedBytes: number;
	/** In slices that could not be read from at least two members, so that nothing is known of them. */
	unknownBytes: number;
	/** It came to the end. */
	isComplete: boolean;
}

export interface VerifierOptions {
	readonly ledger: Ledger;
	readonly dataBytes: number;
	readonly ordered: BlockDevice;
	readonly pace: Pace;
	readonly rest: Rest;
	readonly allocate: Allocate;
}

export class Verifier {
	readonly #options: VerifierOptions;
	readonly #memories: readonly Memory[];
	readonly #report: VerifyReport = {
		ranges: [],
		comparedBytes: 0,
		differentBytes: 0,
		repairedBytes: 0,
		unknownBytes: 0,
		isComplete: false,
	};

	constructor(options: VerifierOptions) {
		this.#options = options;
		this.#memories = options.ledger.members.map(() => options.allocate(SLICE_BYTES));
	}

	async verify({ repairFrom, signal, progress }: VerifyOptions): Promise<VerifyReport> {
		const { dataBytes, ordered, pace, rest } = this.#options;
		for (let at = 0; at < dataBytes; at += SLICE_BYTES) {
			const lengthBytes = Math.min(SLICE_BYTES, dataBytes - at);
			const lock = new RangeLock();
			if (rest.isOver || signal?.aborted === true || !(await lock.take(ordered, at, lengthBytes)))
				return this.#report;
			let looked = false;
			try {
				looked = await this.#slice(at, lengthBytes, repairFrom);
			} finally {
				lock.letGo();
			}
			progress?.(at + lengthBytes, dataBytes);
			await pace.spend(looked ? LOOK_BYTES : lengthBytes);
		}
		this.#report.isComplete = true;
		return this.#report;
	}

	/** Compares a slice; true if that took no reading, because all of it is known to be zeros. */
	async #slice(offsetBytes: number, lengthBytes: number, repairFrom: number | undefined): Promise<boolean> {
		const members = this.#options.ledger.members.filter(({ inSync }) => inSync);
		const zeros = await Promise.all(members.map((member) => member.zeroBytes(offsetBytes, lengthBytes)));
		if (members.length > 1 && zeros.every((bytes) => bytes >= lengthBytes)) {
			this.#report.comparedBytes += lengthBytes;
			return true;
		}
		const outcomes = await Promise.all(
			members.map((member) => member.read(this.#memories[member.index]!, 0, offsetBytes, lengthBytes)),
		);
		const read = members.filter((_, i) => outcomes[i]!.status === StorageStatus.ok);
		if (read.length < 2 || read.length < members.length) this.#report.unknownBytes += lengthBytes;
		if (read.length < 2) return false;
		this.#report.comparedBytes += lengthBytes;
		await this.#compare(read, offsetBytes, lengthBytes, repairFrom);
		return false;
	}

	async #compare(
		members: readonly Member[],
		offsetBytes: number,
		lengthBytes: number,
		repairFrom: number | undefined,
	): Promise<void> {
		const source = members.find(({ index }) => index === repairFrom);
		for (let at = 0; at < lengthBytes; ) {
			const differing = this.#differing(members, at, lengthBytes);
			let end = at + BLOCK_BYTES;
			while (
				differing.length > 0 &&
				end < lengthBytes &&
				this.#differing(members, end, lengthBytes).join() === differing.join()
			)
				end += BLOCK_BYTES;
			end = Math.min(end, lengthBytes);
			if (differing.length > 0) {
				this.#tell({ offsetBytes: offsetBytes + at, lengthBytes: end - at, members: differing });
				if (source !== undefined) await this.#repair(members, source, offsetBytes, at, end);
			}
			at = end;
		}
	}

	/** Whose block at `at` is not that of the first one. */
	#differing(members: readonly Member[], at: number, lengthBytes: number): number[] {
		const end = Math.min(at + BLOCK_BYTES, lengthBytes);
		const blockOf = ({ index }: Member): Uint8Array => this.#memories[index]!.bytes.subarray(at, end);
		const first = blockOf(members[0]!);
		return members.filter((member) => Buffer.compare(blockOf(member), first) !== 0).map(({ index }) => index);
	}

	#tell(range: DifferentRange): void {
		this.#report.differentBytes += range.lengthBytes;
		if (this.#report.ranges.length < RANGES_TOLD) this.#report.ranges.push(range);
	}

	async #repair(
		members: readonly Member[],
		source: Member,
		offsetBytes: number,
		at: number,
		end: number,
	): Promise<void> {
		const memory = this.#memories[source.index]!;
		const others = members.filter((member) => member !== source);
		const writes = await Promise.all(
			others.map((member) => member.write(memory, at, offsetBytes + at, end - at)),
		);
		for (const [i, member] of others.entries()) {
			const { status } = writes[i]!;
			if (status !== StorageStatus.ok) this.#options.ledger.lose(member, status);
			else member.repairs++;
		}
		if (writes.every(({ status }) => status === StorageStatus.ok)) this.#report.repairedBytes += end - at;
	}
}
