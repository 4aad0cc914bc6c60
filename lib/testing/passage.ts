/**
 * One request on its way through a strict layer (`strict-layer.ts`): `above` is the one that came, `below` the one that goes on
 * instead. Compares what comes back with what went down, hands the result up, and makes traps of the fields of `below`.
 */

import { EXTENT_FLAGS } from "../block/extents.js";
import { RANGES_MAX } from "../block/ranges.js";
import { BlockOp, BlockRequest, OP_TRAITS, operationName, type RequestOwner } from "../block/request.js";
import { StorageStatus, storageStatusName } from "../errors.js";

export interface PassageOwner {
	breach(breach: string): void;
	/** Complete below: to be handed up. */
	over(passage: Passage): void;
}

/** What a device may change and has to put back. */
const RESTORED = ["op", "offsetBytes", "lengthBytes", "fua", "mayUnmap", "mayBorrow", "anotherCopy"] as const;
/** What nobody may look at afterwards. */
const TRAPS = [
	...RESTORED,
	"ranges",
	"extents",
	"extentCount",
	"maySync",
	"memory",
	"memoryOffset",
	"isLent",
	"room",
	"roomOffset",
	"guard",
	"status",
	"errno",
	"failedOffsetBytes",
	"synced",
	"borrowedAddress",
	"next",
	"storageHandle",
] as const;
/** How even a request may end that had to be refused: nobody may have looked at it. */
const ALWAYS: readonly StorageStatus[] = [
	StorageStatus.closed,
	StorageStatus.syncFailed,
	StorageStatus.cancelled,
	StorageStatus.unreachable,
];
/** How a request may end that was not refused and has no bytes, when nothing is wrong with the device as a whole. */
const OF_NOTHING: readonly StorageStatus[] = [StorageStatus.ok, StorageStatus.unsupported, ...ALWAYS];

export class Passage implements RequestOwner {
	readonly below: BlockRequest;
	mayBeCancelled = false;
	readonly #owner: PassageOwner;
	readonly #refused: StorageStatus | undefined;
	/** Of a write: its bytes when it came. */
	readonly #bytes: Uint8Array | null;
	readonly #ranges: Float64Array | null;
	#completions = 0;

	constructor(
		readonly above: BlockRequest,
		refused: StorageStatus | undefined,
		owner: PassageOwner,
	) {
		this.#owner = owner;
		this.#refused = refused;
		this.#checkAsked();
		this.below = new BlockRequest(this);
		copyFields(above, this.below);
		// Whoever moves the ranges moves these.
		this.#ranges = above.ranges === null ? null : above.ranges.slice();
		this.below.ranges = above.ranges === null ? null : above.ranges.slice();
		this.below.extents = above.extents === null ? null : new Float64Array(above.extents.length);
		// (A guard may change them.)
		const hasOwnBytes = above.op === BlockOp.write && above.guard === null;
		this.#bytes = hasOwnBytes && refused === undefined ? bytesOf(above).slice() : null;
	}

	/** The request for the device below. */
	start(): BlockRequest {
		return this.below.begin();
	}

	#breach(breach: string): void {
		const { op, offsetBytes, lengthBytes } = this.above;
		this.#owner.breach(`${operationName(op)} ${offsetBytes}+${lengthBytes}: ${breach}`);
	}

	#checkAsked(): void {
		const { op, lengthBytes, memory, memoryOffset, isLent, room, roomOffset, extents, guard } = this.above;
		if (!(op in OP_TRAITS)) this.#breach("there is no such operation");
		if (this.#refused !== undefined) return;
		const hasBytes = op === BlockOp.read || op === BlockOp.write;
		if (hasBytes && memoryOffset + lengthBytes > memory.bytes.length) this.#breach("its memory is too short");
		if (op === BlockOp.write && isLent && roomOffset + lengthBytes > room.bytes.length)
			this.#breach("its room to park is too short");
		if (
			guard !== null &&
			(op !== BlockOp.write || guard.memoryOffset + lengthBytes > guard.memory.bytes.length)
		)
			this.#breach("it has a guard without room for what is there");
		if (op === BlockOp.extents && (extents === null || extents.length < 2 || extents.length % 2 !== 0))
			this.#breach("it has no room for an extent");
		if (this.above.ranges !== null) this.#checkRanges(this.above.ranges);
	}

	#checkRanges(ranges: Float64Array): void {
		const { op, offsetBytes, lengthBytes } = this.above;
		if (op !== BlockOp.trim) this.#breach("it has a list of ranges");
		if (ranges.length === 0 || ranges.length > 2 * RANGES_MAX || ranges.length % 2 !== 0)
			this.#breach(`${ranges.length} numbers in its list of ranges`);
		let end = offsetBytes;
		for (let i = 0; i < ranges.length; i += 2) {
			const [offset = Number.NaN, length = Number.NaN] = ranges.subarray(i, i + 2);
			if (!(length > 0 && (i === 0 ? offset === end : offset > end)))
				this.#breach("its ranges are not in order and apart");
			end = offset + length;
		}
		if (end !== offsetBytes + lengthBytes) this.#breach("its ranges end elsewhere");
	}

	/** Complete below. */
	finished(): void {
		this.#completions++;
		if (this.#completions > 1) {
			this.#breach("it is completed twice");
			return;
		}
		this.#checkPutBack();
		this.#checkBytes();
		this.#checkResult();
		if (this.below.op === BlockOp.extents && this.below.status === StorageStatus.ok) this.#checkExtents();
		this.#owner.over(this);
	}

	#checkPutBack(): void {
		for (const field of RESTORED)
			if (!Object.is(this.below[field], this.above[field]))
				this.#breach(`its ${field} is ${this.below[field]} when it comes back`);
		if (this.#ranges?.some((number, i) => this.below.ranges?.[i] !== number))
			this.#breach("its ranges are others when it comes back");
	}

	#checkBytes(): void {
		if (this.#bytes === null) return;
		const { above, below } = this;
		const isParked = above.isLent && !below.isLent;
		if (isParked && (below.memory !== above.room || below.memoryOffset !== above.roomOffset))
			this.#breach("its bytes are said to be parked where there is no room for them");
		// What was lent for a batch may be anything by now.
		if (below.isLent) return;
		if (Buffer.compare(bytesOf(below), this.#bytes) !== 0) this.#breach("its bytes have changed under way");
	}

	#checkResult(): void {
		const { op, lengthBytes, status, errno, failedOffsetBytes, offsetBytes, synced } = this.below;
		const name = storageStatusName(status);
		if (!(Object.values(StorageStatus) as number[]).includes(status)) this.#breach(`it ends with ${name}`);
		if (this.#refused !== undefined && status !== this.#refused && !ALWAYS.includes(status))
			this.#breach(`it ends with ${name}, not with ${storageStatusName(this.#refused)}`);
		if (status === StorageStatus.cancelled && !this.mayBeCancelled) this.#breach("nobody has cancelled it");
		if (!Number.isInteger(errno) || errno < 0) this.#breach(`its errno is ${errno}`);
		const isOk = status === StorageStatus.ok;
		const { changes, hasRange } = OP_TRAITS[op];
		if (synced && !changes) this.#breach("it is synced but changes nothing");
		if (this.below.borrowedAddress !== 0 && !(isOk && op === BlockOp.read && this.below.mayBorrow))
			this.#breach("it is answered with an address");
		if (!hasRange || this.#refused !== undefined) return;
		if (lengthBytes === 0 && !OF_NOTHING.includes(status))
			this.#breach(`it has no bytes and ends with ${name}`);
		if (!isOk && !(failedOffsetBytes >= offsetBytes && failedOffsetBytes <= offsetBytes + lengthBytes))
			this.#breach(`what failed at ${failedOffsetBytes} is not in it`);
	}

	#checkExtents(): void {
		const { lengthBytes, extents, extentCount } = this.below;
		if (extents === null) return;
		if (!(extentCount <= extents.length / 2 && (extentCount > 0 || lengthBytes === 0)))
			this.#breach(`it is answered with ${extentCount} extents`);
		let sum = 0;
		for (let i = 0; i < extentCount; i++) {
			const [length = Number.NaN, flags = Number.NaN] = extents.subarray(2 * i, 2 * i + 2);
			if (!(Number.isInteger(length) && length > 0)) this.#breach(`an extent has ${length} bytes`);
			if ((flags & ~EXTENT_FLAGS) !== 0) this.#breach(`an extent has the flags ${flags}`);
			sum += length;
		}
		if (sum > lengthBytes) this.#breach("its extents are longer than it is");
	}

	/** Lets the request that came go on upwards with the result. */
	handUp(): void {
		const { above, below } = this;
		const { status, errno, failedOffsetBytes } = below;
		above.synced = below.synced;
		above.borrowedAddress = below.borrowedAddress;
		above.extentCount = below.extentCount;
		above.guard = below.guard;
		if (below.extents !== null) above.extents?.set(below.extents);
		for (const field of TRAPS) this.#trap(field);
		above.complete(status, errno, failedOffsetBytes);
	}

	#trap(field: (typeof TRAPS)[number]): void {
		Object.defineProperty(this.below, field, {
			get: () => this.#breach(`its ${field} is looked at when it is over`),
			set: () => this.#breach(`its ${field} is changed when it is over`),
		});
	}
}

function copyFields(from: BlockRequest, to: BlockRequest): void {
	for (const field of RESTORED) Object.assign(to, { [field]: from[field] });
	to.maySync = from.maySync;
	to.memory = from.memory;
	to.memoryOffset = from.memoryOffset;
	to.isLent = from.isLent;
	to.room = from.room;
	to.roomOffset = from.roomOffset;
	to.guard = from.guard;
}

function bytesOf({ memory, memoryOffset, lengthBytes }: BlockRequest): Uint8Array {
	return memory.bytes.subarray(memoryOffset, memoryOffset + lengthBytes);
}
