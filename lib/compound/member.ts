/**
 * A disk as a part of another one: what a compound device asks of it goes through the disk's own limit, and counts as what is asked of that disk,
 * so that it has figures, and faults, of its own. The disk is not closed with the compound. Made by `lib/daemon/openers.ts`.
 */

import type { CloseEnd } from "../block/close.js";
import type { BlockDevice, DeviceInfo } from "../block/device.js";
import type { DeviceListener } from "../block/listeners.js";
import { BlockOp, type BlockRequest, type RequestLayer } from "../block/request.js";
import type { Disk, ErrorCause } from "../disk.js";
import { StorageStatus, unreachable } from "../errors.js";
import { SECTOR_BYTES } from "../wire/sector.js";

export class Member implements BlockDevice, RequestLayer {
	constructor(readonly disk: Disk) {}

	get info(): DeviceInfo {
		return this.disk.device.info;
	}

	submit(request: BlockRequest): void {
		this.disk.underWay += 1;
		request.push(this);
		this.disk.device.submit(request);
	}

	below(request: BlockRequest): void {
		const { disk } = this;
		const { op, status, lengthBytes } = request;
		disk.underWay -= 1;
		if (status === StorageStatus.ok) disk.stats.did(op, lengthBytes);
		else this.#failed(request);
		request.resume();
	}

	#failed({ op, status, errno, failedOffsetBytes }: BlockRequest): void {
		const { disk } = this;
		disk.stats.failed();
		const cause = causeOf(status);
		if (cause === null) return;
		disk.stats.causes[cause] += 1;
		if (FAILING.includes(status)) disk.faults += 1;
		else if (!PASSING.includes(status)) return;
		const lba = op === BlockOp.flush ? 0 : Math.floor(failedOffsetBytes / SECTOR_BYTES);
		disk.onFault?.(disk, op, status, errno, lba);
	}

	setWriteCache(enabled: boolean): boolean {
		return this.disk.device.setWriteCache(enabled);
	}

	cancel(request: BlockRequest): void {
		this.disk.device.cancel(request);
	}

	listen(listener: DeviceListener): () => void {
		return this.disk.device.listen(listener);
	}

	/** The disk stays open: whoever has opened it closes it. */
	async close(): Promise<CloseEnd> {
		return "closed";
	}
}

/** What casts doubt on its storage. */
const FAILING: readonly StorageStatus[] = [
	StorageStatus.mediumError,
	StorageStatus.unreachable,
	StorageStatus.syncFailed,
];
/** What the operator wants to know of as well, and may pass. */
const PASSING: readonly StorageStatus[] = [StorageStatus.noSpace, StorageStatus.writeProtected];

function causeOf(status: StorageStatus): ErrorCause | null {
	switch (status) {
		case StorageStatus.mediumError:
		case StorageStatus.unreachable:
			return "medium";
		case StorageStatus.syncFailed:
			return "sync";
		case StorageStatus.noSpace:
			return "space";
		case StorageStatus.writeProtected:
		case StorageStatus.readOnly:
			return "protected";
		case StorageStatus.outOfRange:
			return "range";
		case StorageStatus.unsupported:
			return "refused";
		case StorageStatus.closed:
		case StorageStatus.cancelled:
			return "closed";
		case StorageStatus.ok:
			return null;
		default:
			return unreachable(status);
	}
}
