/** Devices and requests that the tests of `lib/block/` share. */

import { constants } from "node:os";
import type { CloseEnd } from "../../lib/block/close.js";
import {
	type BlockDevice,
	type DeviceInfo,
	deviceInfo,
	PromisedRequest,
	refuse,
} from "../../lib/block/device.js";
import { type DeviceListener, Listeners } from "../../lib/block/listeners.js";
import { BlockOp, BlockRequest, operationName, type RequestOwner } from "../../lib/block/request.js";
import { StorageStatus } from "../../lib/errors.js";
import { heapMemory } from "../../lib/wire/memory.js";

export const SECTOR = 512;
export const MIB = 1024 * 1024;

/** A device that keeps what it is given until the test says that it is done. It stores nothing. */
export class ManualDevice implements BlockDevice {
	info: DeviceInfo;
	readonly pending: BlockRequest[] = [];
	/** Everything that arrived, in order: "write 0+512", "flush". */
	readonly log: string[] = [];
	/** What somebody above wanted to take back. */
	readonly cancelled: string[] = [];
	readonly listeners = new Listeners();
	closed = false;

	constructor(info: Partial<DeviceInfo> = {}) {
		this.info = deviceInfo({ sizeBytes: 1024 * MIB, canTrim: true, writeCache: true, ...info });
	}

	submit(request: BlockRequest): void {
		const refused = this.closed ? StorageStatus.closed : refuse(this.info, request);
		if (refused !== undefined) {
			request.complete(refused);
			return;
		}
		this.log.push(describe(request));
		this.pending.push(request);
	}

	/** What is under way, in order of arrival. */
	get below(): string[] {
		return this.pending.map(describe);
	}

	/** Completes the `index`th of the pending requests. */
	done(index = 0, status: StorageStatus = StorageStatus.ok): void {
		const [request] = this.pending.splice(index, 1);
		if (request === undefined) throw new Error(`nothing is pending at ${index}`);
		request.complete(status, status === StorageStatus.ok ? 0 : constants.errno.EIO);
	}

	/** Completes all that is pending now. */
	allDone(): void {
		for (let left = this.pending.length; left > 0; left--) this.done();
	}

	setWriteCache(): boolean {
		return false;
	}

	cancel(request: BlockRequest): void {
		this.cancelled.push(describe(request));
	}

	listen(listener: DeviceListener): () => void {
		return this.listeners.add(listener);
	}

	async close(): Promise<CloseEnd> {
		this.closed = true;
		return "closed";
	}
}

export function describe(request: BlockRequest): string {
	return request.op === BlockOp.flush
		? "flush"
		: `${operationName(request.op)} ${request.offsetBytes}+${request.lengthBytes}`;
}

/** A request whose fate is written down: in `finishedOrder` with its `name`. */
export class Noted implements RequestOwner {
	readonly request = new BlockRequest(this);
	completions = 0;

	constructor(
		readonly name: string,
		readonly finishedOrder: string[],
	) {}

	begin(): BlockRequest {
		return this.request.begin();
	}

	finished(): void {
		this.completions++;
		this.finishedOrder.push(this.name);
	}
}

/** Fills in the request that `owner` has. */
export function fill<T extends { readonly request: BlockRequest }>(
	owner: T,
	op: BlockOp,
	offsetBytes: number,
	lengthBytes: number,
	byte = 0,
): T {
	const { request } = owner;
	request.op = op;
	request.offsetBytes = offsetBytes;
	request.lengthBytes = lengthBytes;
	if (op === BlockOp.extents) request.extents = new Float64Array(32);
	if (op !== BlockOp.read && op !== BlockOp.write) return owner;
	request.memory = heapMemory(lengthBytes);
	request.memory.bytes.fill(byte);
	return owner;
}

/** Submits a request and waits for it. */
export function run(
	device: BlockDevice,
	op: BlockOp,
	offsetBytes = 0,
	lengthBytes = 0,
	byte = 0,
): Promise<BlockRequest> {
	return fill(new PromisedRequest(), op, offsetBytes, lengthBytes, byte).run(device);
}
