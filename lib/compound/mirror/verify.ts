/**
 * Compares the members of a mirror that are in sync, slice by slice under a lock, at the pace of copies; where they differ, the others get
 * what most of them have, or what one of them has, if that is asked for. Called by the mirror, for a stretch after the other.
 */

import type { BlockDevice } from "../../block/device.js";
import { StorageStatus } from "../../errors.js";
import type { Memory } from "../../wire/memory.js";
import { SLICE_BYTES } from "./copier.js";
import { RangeLock } from "./core.js";
import type { Ledger } from "./ledger.js";
import { isGone, type Member, mayRead, withEach } from "./member.js";
import type { Allocate } from "./metadata.js";
import type { Pace, Rest } from "./pace.js";
import { zeroBytes } from "./zeros.js";

/** What differs is told in blocks of so many bytes. */
const BLOCK_BYTES = 4096;
/** So many ranges are told one by one; all of them, and their bytes, are counted. */
const RANGES_TOLD = 100;
/** What looking at zeros counts for, to the pace. */
const LOOK_BYTES = 4096;

export interface VerifyOptions {
	/** Where to begin: what an earlier report has reached. Default: 0. */
	readonly fromBytes?: number;
	/** Where members differ, the others get what more than half of those have that could be read. */
	readonly byMajority?: boolean;
	/** Where members differ, and no majority decides, the others get what this one has: an index. */
	readonly repairFrom?: number;
	/** Ends it after the slice that it is at. */
	readonly signal?: AbortSignal;
}

export interface DifferentRange {
	readonly offsetBytes: number;
	readonly lengthBytes: number;
	/** Whom the others are compared with: who is right, if that is known, and else the first one that could be read. An index. */
	readonly from: number;
	/** Who differs from that one: indexes. */
	readonly members: readonly number[];
	/** They have what that one has now. */
	readonly isRepaired: boolean;
}

export interface VerifyReport {
	/** The first hundred. */
	readonly ranges: DifferentRange[];
	rangeCount: number;
	comparedBytes: number;
	differentBytes: number;
	repairedBytes: number;
	/** In slices that could not be read from all members in sync, or of which there was only one. */
	unknownBytes: number;
	/** All before this has been looked at. */
	reachedBytes: number;
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

/** Of a block in which members differ. */
interface Verdict {
	readonly from: Member;
	readonly differing: readonly Member[];
	/** The others shall have what `from` has. */
	readonly isDecided: boolean;
}

export class Verifier {
	readonly #options: VerifierOptions;
	readonly #wanted: VerifyOptions;
	readonly #memories: Memory[];
	readonly #report: VerifyReport;

	constructor(options: VerifierOptions, wanted: VerifyOptions) {
		this.#options = options;
		this.#wanted = wanted;
		this.#memories = options.ledger.members.map(() => options.allocate(SLICE_BYTES));
		this.#report = {
			ranges: [],
			...{ rangeCount: 0, comparedBytes: 0, differentBytes: 0, repairedBytes: 0, unknownBytes: 0 },
			...{ reachedBytes: wanted.fromBytes ?? 0, isComplete: false },
		};
	}

	async verify(): Promise<VerifyReport> {
		const { dataBytes, ordered, pace, rest } = this.#options;
		const report = this.#report;
		while (report.reachedBytes < dataBytes) {
			const at = report.reachedBytes;
			const lengthBytes = Math.min(SLICE_BYTES, dataBytes - at);
			const lock = new RangeLock();
			if (rest.isOver || this.#wanted.signal?.aborted === true) return report;
			if (!(await lock.take(ordered, at, lengthBytes))) return report;
			let looked = false;
			try {
				looked = await this.#slice(at, lengthBytes);
			} finally {
				lock.letGo();
			}
			report.reachedBytes = at + lengthBytes;
			await pace.spend(looked ? LOOK_BYTES : lengthBytes);
		}
		report.isComplete = true;
		return report;
	}

	/** Compares a slice; true if that took no reading, because all of it is known to be zeros. */
	async #slice(offsetBytes: number, lengthBytes: number): Promise<boolean> {
		const { ledger } = this.#options;
		const members = ledger.members.filter(({ inSync }) => inSync);
		const zeros = await Promise.all(
			members.map((member) => zeroBytes(ledger, member, offsetBytes, lengthBytes)),
		);
		if (members.length > 1 && zeros.every((bytes) => bytes >= lengthBytes)) {
			this.#report.comparedBytes += lengthBytes;
			return true;
		}
		const losses = members.map((member) => member.losses);
		const outcomes = await Promise.all(
			members.map((member) => member.read(this.#memories[member.index]!, 0, offsetBytes, lengthBytes)),
		);
		for (const [i, member] of members.entries())
			if (isGone(outcomes[i]!.status)) ledger.lose(member, outcomes[i]!.status);
		// Who has fallen out meanwhile may have read what it has lost: nobody may be made like that.
		const read = members.filter(
			(member, i) =>
				outcomes[i]!.status === StorageStatus.ok && mayRead(member, members) && member.losses === losses[i],
		);
		if (read.length < 2 || read.length < members.length) this.#report.unknownBytes += lengthBytes;
		if (read.length < 2) return false;
		this.#report.comparedBytes += lengthBytes;
		await this.#compare(read, offsetBytes, lengthBytes);
		return false;
	}

	async #compare(members: readonly Member[], offsetBytes: number, lengthBytes: number): Promise<void> {
		for (let at = 0; at < lengthBytes; ) {
			const verdict = this.#verdict(members, at, lengthBytes);
			let end = at + BLOCK_BYTES;
			if (verdict !== null)
				while (end < lengthBytes && isSame(verdict, this.#verdict(members, end, lengthBytes)))
					end += BLOCK_BYTES;
			end = Math.min(end, lengthBytes);
			if (verdict !== null) await this.#differs(verdict, offsetBytes, at, end);
			at = end;
		}
	}

	/** Null: they have the same in the block at `at`. */
	#verdict(members: readonly Member[], at: number, lengthBytes: number): Verdict | null {
		const end = Math.min(at + BLOCK_BYTES, lengthBytes);
		const blockOf = ({ index }: Member): Uint8Array => this.#memories[index]!.bytes.subarray(at, end);
		const unlike = (one: Member): Member[] =>
			members.filter((other) => Buffer.compare(blockOf(other), blockOf(one)) !== 0);
		const first = members[0]!;
		if (unlike(first).length === 0) return null;
		const { byMajority = false, repairFrom } = this.#wanted;
		const named = members.find(({ index }) => index === repairFrom);
		const majority = members.find((member) => 2 * unlike(member).length < members.length);
		const right = (byMajority ? majority : undefined) ?? named;
		const from = right ?? majority ?? first;
		return { from, differing: unlike(from), isDecided: right !== undefined };
	}

	async #differs(verdict: Verdict, offsetBytes: number, at: number, end: number): Promise<void> {
		const { from, differing, isDecided } = verdict;
		const lengthBytes = end - at;
		const isRepaired = isDecided && (await this.#repair(verdict, offsetBytes, at, end));
		const report = this.#report;
		report.differentBytes += lengthBytes;
		if (isRepaired) report.repairedBytes += lengthBytes;
		const members = differing.map(({ index }) => index);
		const range = { offsetBytes: offsetBytes + at, lengthBytes, from: from.index, members, isRepaired };
		const last = report.ranges.at(-1);
		const goesOn = last !== undefined && report.ranges.length === report.rangeCount && follows(last, range);
		if (goesOn) {
			report.ranges[report.ranges.length - 1] = {
				...last,
				lengthBytes: last.lengthBytes + lengthBytes,
			};
			return;
		}
		report.rangeCount++;
		if (report.ranges.length < RANGES_TOLD) report.ranges.push(range);
	}

	/** False if one of them could not be written to. */
	async #repair(
		{ from, differing }: Verdict,
		offsetBytes: number,
		at: number,
		end: number,
	): Promise<boolean> {
		// Who has fallen out meanwhile may be another one by now, at which nobody has looked.
		if (!differing.every(({ inSync }) => inSync)) return false;
		const memory = this.#memories[from.index]!;
		const writes = await withEach(differing, (member) =>
			member.write(memory, at, offsetBytes + at, end - at),
		);
		for (const [i, member] of differing.entries()) {
			const { status } = writes[i]!;
			if (status !== StorageStatus.ok) this.#options.ledger.lose(member, status);
			else member.repairs++;
		}
		const isDone = writes.every(({ status }) => status === StorageStatus.ok);
		// Who does not answer may write it later, whatever it is then.
		if (!isDone) this.#memories[from.index] = this.#options.allocate(SLICE_BYTES);
		return isDone && (await this.#settle(differing));
	}

	/** What was written again is said to be when it is stable: no mark says that they might differ there after a loss of power. */
	async #settle(members: readonly Member[]): Promise<boolean> {
		const flushes = await withEach(members, (member) => member.flush());
		let isStable = true;
		for (const [i, member] of members.entries()) {
			const { status } = flushes[i]!;
			if (status === StorageStatus.ok) continue;
			this.#options.ledger.flushFailed(member, status);
			isStable = false;
		}
		return isStable;
	}
}

function isSame(one: Verdict, other: Verdict | null): boolean {
	return (
		other !== null &&
		one.from === other.from &&
		one.isDecided === other.isDecided &&
		one.differing.length === other.differing.length &&
		one.differing.every((member, i) => member === other.differing[i])
	);
}

/** Both can be told as one range. */
function follows(last: DifferentRange, next: DifferentRange): boolean {
	return (
		last.offsetBytes + last.lengthBytes === next.offsetBytes &&
		last.from === next.from &&
		last.isRepaired === next.isRepaired &&
		last.members.join() === next.members.join()
	);
}
