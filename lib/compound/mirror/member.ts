/**
 * A member of a mirror: its device, what is known of it, and what it lacks. Made by `open.ts`; changed by `ledger.ts`, which alone says who
 * is in sync, and by `returns.ts`, which has it come back.
 */

import type { BlockDevice } from "../../block/device.js";
import { BlockOp } from "../../block/request.js";
import { StorageStatus } from "../../errors.js";
import type { Memory } from "../../wire/memory.js";
import { type MemberEntry, reservedAt } from "./format.js";
import { Attempt, PendingList } from "./pending.js";
import { Regions } from "./regions.js";

/** A request that succeeded, or the status that it ended with. */
export interface Outcome {
	readonly op: BlockOp;
	readonly status: StorageStatus;
	readonly errno: number;
	/** On stable storage, though nobody asked. */
	readonly synced: boolean;
}

/** One of the member's own requests, as a promise. */
class Run extends Attempt {
	readonly #resolve: (run: Run) => void;

	constructor(resolve: (run: Run) => void) {
		super();
		this.#resolve = resolve;
	}

	protected override ended(): void {
		this.#resolve(this);
	}
}

/** Whether it is read, of these: one that is in doubt is not, as long as there is another one. */
export function mayRead(member: Member, members: readonly Member[]): boolean {
	if (member.doubts === 0 || !member.inSync) return member.inSync;
	return members.every(({ inSync, doubts }) => !inSync || doubts > 0);
}

export function entryOf({ uuid, inSync, confirmed, attempted, lacksSinceMs }: Member): MemberEntry {
	return { uuid, inSync, confirmed, attempted, lacksSinceMs };
}

/** Whether who ends a request like this is not there: who knows what it will have when it is back. Else it could only not do that. */
export function isGone(status: StorageStatus): boolean {
	switch (status) {
		case StorageStatus.ok:
		case StorageStatus.mediumError:
		case StorageStatus.unsupported:
		case StorageStatus.cancelled:
			return false;
		default:
			return true;
	}
}

/** What `work` comes to with each of them, when all are done: whoever has failed meanwhile is in doubt. */
export async function withEach(
	members: readonly Member[],
	work: (member: Member) => Promise<Outcome>,
): Promise<Outcome[]> {
	const doubtful: Member[] = [];
	const outcomes = await Promise.all(
		members.map(async (member) => {
			const outcome = await work(member);
			if (outcome.status !== StorageStatus.ok) {
				member.doubt(outcome.op);
				doubtful.push(member);
			}
			return outcome;
		}),
	);
	for (const member of doubtful) member.doubts--;
	return outcomes;
}

export class Member {
	#device: BlockDevice | null = null;
	#reservedAt = 0;
	/** Is to be its device, of which it has none until all is over that was begun with the one before: what goes on with that step by step must not go on with this. */
	next: BlockDevice | null = null;
	/** 32 hexadecimal digits; what its superblock says, and those of the others. */
	uuid = "";
	/** The configuration has it. One that is known of old, and was taken out of it, is not missed; what it lacks is known when it is back. */
	isNamed = true;
	/** Has all that was acknowledged: is read, and written before anybody is told. Changed by the ledger only. */
	inSync = false;
	/** Is being copied to: gets what is written, too, but nobody reads it. */
	isTarget = false;
	/** Is in sync from the generation on that is being stored. */
	isJoining = false;
	/** Is to be stored as a whole, not only what has changed. */
	needsAll = false;
	/** See `MemberEntry`. */
	confirmed = "";
	attempted = "";
	/** Of its superblock that was written last. */
	sequence = 0;
	/** What it lacks, or may lack. Without meaning while it is in sync. */
	readonly behind: Regions;
	/** Why it takes no part, if the operator has to do something about it. */
	refusal: string | null = null;
	/** How the last request ended that made it fall out, or 0. */
	lostWith: StorageStatus = StorageStatus.ok;
	/** It fell out since it did not answer at all. */
	isSilent = false;
	/** See `MemberEntry`. */
	lacksSinceMs = 0;

	/** Milliseconds that a read takes, as a moving average; 0 until one was measured. */
	latencyMs = 0;
	/** How often it has fallen out. */
	losses = 0;
	reads = 0;
	errors = 0;
	repairs = 0;
	/** What it has failed to do of something that others still do: only when they are done is it decided who falls out. Until then others are read. */
	doubts = 0;
	/** One of these was a flush, of which no client has been told yet: it says once that it has lost something, whoever asks next. */
	hasLost = false;
	/** What it has been asked; all of it must be over before it may come back: it could land on what was copied. */
	readonly pending = new PendingList();

	constructor(
		readonly index: number,
		public name: string,
		regionCount: number,
	) {
		this.behind = new Regions(regionCount);
	}

	/** It has failed, and others are not yet done: whoever calls this takes it off `doubts` when they are. */
	doubt(op: BlockOp): void {
		this.doubts++;
		if (op === BlockOp.flush && this.takesPart) this.hasLost = true;
	}

	/** It gets what is written, and what is stored of the mirror. */
	get takesPart(): boolean {
		return (this.inSync || this.isTarget) && this.device !== null;
	}

	/** Its device, or what is to be that: the mirror closes it. */
	get held(): BlockDevice | null {
		return this.next ?? this.#device;
	}

	/** Nothing is under way any more that was begun before. */
	takeNext(): void {
		if (this.next === null) return;
		this.device = this.next;
		this.next = null;
	}

	get device(): BlockDevice | null {
		return this.#device;
	}

	set device(device: BlockDevice | null) {
		this.#device = device;
		this.#reservedAt = reservedAt(device?.info.sizeBytes ?? 0);
	}

	/** Where on its device the reserved part begins. It stays there as long as the mirror is open, though the device may grow. */
	get reservedAt(): number {
		return this.#reservedAt;
	}

	read(memory: Memory, memoryOffset: number, offsetBytes: number, lengthBytes: number): Promise<Outcome> {
		return this.#run(BlockOp.read, offsetBytes, lengthBytes, memory, memoryOffset);
	}

	write(memory: Memory, memoryOffset: number, offsetBytes: number, lengthBytes: number): Promise<Outcome> {
		return this.#run(BlockOp.write, offsetBytes, lengthBytes, memory, memoryOffset);
	}

	/** The range reads as zeros, and takes no space where that is possible. */
	zero(offsetBytes: number, lengthBytes: number): Promise<Outcome> {
		return this.#run(BlockOp.writeZeroes, offsetBytes, lengthBytes);
	}

	/** Nothing to do, if what is complete can't be lost. */
	async flush(): Promise<Outcome> {
		if (this.device?.info.writeCache === false)
			return { op: BlockOp.flush, status: StorageStatus.ok, errno: 0, synced: true };
		return this.#run(BlockOp.flush, 0, 0);
	}

	/** For `zeros.ts`: how many bytes are zeros that it knows of, if it can be asked. */
	async zeroBytes(
		offsetBytes: number,
		lengthBytes: number,
	): Promise<{ readonly status: StorageStatus; readonly bytes: number }> {
		if (this.device === null || !this.device.info.knowsExtents)
			return { status: StorageStatus.unsupported, bytes: 0 };
		const extents = new Float64Array(2);
		const { status, request } = await this.#ask(this.device, ({ request: asked }) => {
			asked.op = BlockOp.extents;
			asked.offsetBytes = offsetBytes;
			asked.lengthBytes = lengthBytes;
			asked.extents = extents;
		});
		const isKnown = status === StorageStatus.ok && request.extentCount > 0 && extents[1] !== 0;
		return { status, bytes: isKnown ? Math.min(extents[0]!, lengthBytes) : 0 };
	}

	async #run(
		op: BlockOp,
		offsetBytes: number,
		lengthBytes: number,
		memory?: Memory,
		memoryOffset = 0,
	): Promise<Outcome> {
		if (this.device === null) return { op, status: StorageStatus.closed, errno: 0, synced: false };
		const run = await this.#ask(this.device, ({ request }) => {
			request.op = op;
			request.offsetBytes = offsetBytes;
			request.lengthBytes = lengthBytes;
			request.maySync = op === BlockOp.write;
			request.mayUnmap = op === BlockOp.writeZeroes;
			if (memory !== undefined) request.memory = memory;
			request.memoryOffset = memoryOffset;
		});
		const { status, isGivenUp, request } = run;
		if (isGivenUp) return { op, status, errno: 0, synced: false };
		return { op, status, errno: request.errno, synced: request.synced };
	}

	#ask(device: BlockDevice, fill: (run: Run) => void): Promise<Run> {
		return new Promise((resolve) => {
			const run = new Run(resolve);
			fill(run);
			run.submit(device, this.pending);
		});
	}
}
