/**
 * When a write counts as done. `ack`: when it is on stable storage, because Linux's AoE driver never sends a
 * flush and takes an answer as durable. `flush`: as soon as the device has it; flushes and forced unit access
 * really sync. `none`: never syncs. Composed by `stack.ts` as the top layer of a blade's storage; hands on to
 * the layers below, of which `OrderingLayer` must be one.
 *
 * Group commit: a write that the device below has completed waits here for a flush that starts after that. At
 * most one flush per device is under way; what completes meanwhile waits for the next one. A flush is not
 * started while writes are under way below that were submitted before the first one in its batch completed: a
 * burst of writes, completed at once or one by one, costs one flush. Later writes it does not wait for, or a
 * steady stream would hold it up for ever; they are covered if they complete before it starts. Nor does it wait
 * for anything while a long change is under way, which may take minutes, as may a write that overlaps it: what a
 * flush has to cover is complete when it starts, to wait for more only saves flushes. `GroupCommit` starts the
 * flushes when the pump drains storage, that is, after all frames of a batch have been looked at.
 *
 * A device may sync a write itself, in the same go, where that is as quick (`maySync`, `synced`): a file does so with all
 * writes that wait for its disk while its syncs are short. Then nothing is left to do here.
 *
 * A sync that failed is never tried again: the kernel may have dropped the data and would call the next sync
 * a success. The writes that depended on it and every later change and flush fail, until the process is
 * started again.
 */

import { StorageStatus, unreachable } from "../errors.js";
import type { BlockDevice } from "./device.js";
import type { Committer, GroupCommit } from "./group-commit.js";
import { BlockOp, BlockRequest, type RequestOwner } from "./request.js";
import { RequestList } from "./request-list.js";
import { type DurabilityMode, WriteCacheLayer } from "./write-cache.js";

export interface DurabilityOptions {
	readonly mode: DurabilityMode;
}

/** What is between a write that waits and the flush that it waits for. */
const Step = {
	/** Nobody waits. */
	idle: 0,
	/** Writes of the same burst are still under way below. */
	gathering: 1,
	/** The flush starts when the pump drains storage. */
	queued: 2,
	/** The flush is under way. */
	syncing: 3,
} as const;
type Step = (typeof Step)[keyof typeof Step];

/** How a flush ends of which nothing has been tried. */
const UNTRIED: readonly StorageStatus[] = [
	StorageStatus.closed,
	StorageStatus.cancelled,
	StorageStatus.unreachable,
];

/** In the token of a change: it asked for forced unit access; it is long. The lowest bit is its generation. */
const FUA = 2;
const LONG = 4;

/** A trim or a writing of zeroes is long from so many bytes on: below that it takes no longer than a write may. */
const LONG_BYTES = 1024 * 1024;

export class DurabilityLayer extends WriteCacheLayer implements Committer, RequestOwner {
	/** Link of the list in `GroupCommit`. */
	nextToCommit: Committer | null = null;

	readonly #commits: GroupCommit;
	/** The flush that is sent to the device below; one at a time. */
	readonly #sync = new BlockRequest(this);
	#step: Step = Step.idle;
	/** Complete below; for the next flush. */
	readonly #waiting = new RequestList();
	/** The first of those that the flush under way is for. */
	#covered: BlockRequest | null = null;
	/**
	 * Changes under way below, of two generations. New ones belong to `#generation`; the flush that
	 * is being gathered for waits until none of the other generation is left.
	 */
	readonly #underWay: [number, number] = [0, 0];
	#generation: 0 | 1 = 0;
	/** Long changes under way below: while there are any, nothing is waited for. */
	#longUnderWay = 0;
	#syncFailed = false;
	#syncErrno = 0;

	constructor(device: BlockDevice, commits: GroupCommit, options: DurabilityOptions) {
		super(device, options.mode);
		this.#commits = commits;
		this.#sync.op = BlockOp.flush;
	}

	protected handle(request: BlockRequest): void {
		const { op } = request;
		if (op === BlockOp.read || op === BlockOp.extents) {
			this.device.submit(request);
			return;
		}
		if (this.#syncFailed) {
			request.complete(StorageStatus.syncFailed, this.#syncErrno);
			return;
		}
		switch (op) {
			case BlockOp.flush:
				this.#flush(request);
				return;
			case BlockOp.write:
			case BlockOp.writeZeroes:
			case BlockOp.trim:
				this.#change(request);
				return;
			default:
				unreachable(op);
		}
	}

	#flush(request: BlockRequest): void {
		if (this.mode === "none") {
			request.complete(StorageStatus.ok);
		} else if (!this.device.info.writeCache) {
			this.device.submit(request);
		} else {
			this.started();
			this.#wait(request);
		}
	}

	/**
	 * Hands a change down. The device is not asked for forced unit access: the flush afterwards is
	 * worth as much, and one serves many. But it may sync a write itself where that costs no more.
	 */
	#change(request: BlockRequest): void {
		this.started();
		this.#underWay[this.#generation]++;
		const long = isLong(request);
		if (long) this.#longUnderWay++;
		request.push(this, this.#generation | (request.fua ? FUA : 0) | (long ? LONG : 0));
		request.maySync = this.#needsSync(request);
		request.fua = false;
		this.device.submit(request);
	}

	below(request: BlockRequest, token: number): void {
		request.fua = (token & FUA) !== 0;
		this.#underWay[(token & 1) as 0 | 1]--;
		if ((token & LONG) !== 0) this.#longUnderWay--;
		if (request.status === StorageStatus.syncFailed) this.#failSync(request.errno);
		if (request.status !== StorageStatus.ok) {
			this.ended();
			request.resume();
		} else if (this.#syncFailed) {
			this.#finish(request);
		} else if (!request.synced && this.#needsSync(request)) {
			this.#wait(request);
		} else {
			this.#finish(request);
		}
		this.#queueWhenGathered();
	}

	/** Decided when the write is complete below: the write cache may have been switched off meanwhile. */
	#needsSync(request: BlockRequest): boolean {
		if (this.mode === "none" || !this.device.info.writeCache) return false;
		return this.acksWhenStable || (request.fua && request.op !== BlockOp.trim);
	}

	/** A flush that has not begun can be taken back. What has been changed waits for nothing but its sync, and has taken effect. */
	override cancel(request: BlockRequest): void {
		if (request.op !== BlockOp.flush || !this.#waiting.remove(request)) {
			super.cancel(request);
			return;
		}
		this.ended();
		request.complete(StorageStatus.cancelled);
	}

	#wait(request: BlockRequest): void {
		this.#waiting.add(request);
		if (this.#step === Step.idle) this.#gather();
	}

	/**
	 * The next batch begins: all that is under way now belongs to it, what is submitted from now on to the
	 * one after it.
	 */
	#gather(): void {
		this.#step = Step.gathering;
		this.#generation = this.#generation === 0 ? 1 : 0;
		this.#queueWhenGathered();
	}

	#queueWhenGathered(): void {
		const others = this.#generation === 0 ? 1 : 0;
		if (this.#step !== Step.gathering) return;
		if (this.#underWay[others] > 0 && this.#longUnderWay === 0) return;
		this.#step = Step.queued;
		this.#commits.queue(this);
	}

	/** Starts the flush for all that wait. Called by `GroupCommit`. */
	commit(): void {
		if (this.#waiting.isEmpty) {
			// All that waited was taken back; the device may be closed by now.
			this.#step = Step.idle;
			return;
		}
		this.#step = Step.syncing;
		this.#covered = this.#waiting.takeAll();
		this.sync(this.#sync.begin());
	}

	/** Hands the flush down; apart, so that a test can see what happens without it. */
	protected sync(flush: BlockRequest): void {
		this.device.submit(flush);
	}

	/** The flush is over. */
	finished({ status, errno }: BlockRequest): void {
		const covered = this.#covered;
		this.#step = Step.idle;
		// Closed or out of reach: whoever waited for it is told, and with that all is said; the next one may succeed.
		const wasTried = !UNTRIED.includes(status);
		if (status !== StorageStatus.ok && wasTried) this.#failSync(errno);
		this.#finishAll(covered, wasTried ? StorageStatus.ok : status, wasTried ? 0 : errno);
		if (this.#syncFailed) this.#finishAll(this.#waiting.takeAll());
		else if (this.#step === Step.idle && !this.#waiting.isEmpty) this.#gather();
	}

	#finishAll(first: BlockRequest | null, status: StorageStatus = StorageStatus.ok, errno = 0): void {
		for (let request = first; request !== null; ) {
			// Its owner may use the request again at once.
			const next = request.next;
			request.next = null;
			this.#finish(request, status, errno);
			request = next;
		}
	}

	#failSync(errno: number): void {
		if (this.#syncFailed) return;
		this.#syncFailed = true;
		this.#syncErrno = errno;
		this.degraded({ kind: "syncFailed", errno });
	}

	#finish(request: BlockRequest, status: StorageStatus = StorageStatus.ok, errno = 0): void {
		this.ended();
		if (this.#syncFailed) request.complete(StorageStatus.syncFailed, this.#syncErrno);
		else request.complete(status, errno);
	}
}

function isLong({ op, lengthBytes }: BlockRequest): boolean {
	return op !== BlockOp.write && lengthBytes >= LONG_BYTES;
}
