/**
 * What is below the ordering of a mirror: a device of all members in sync, whose requests never overlap what is under way. Hands reads to
 * `reads.ts`, changes to `changes.ts`, and grants what a copy or a comparison has locked (`RangeLock`). Made by `mirror.ts`.
 */

import type { CloseEnd } from "../../block/close.js";
import { type BlockDevice, type DeviceInfo, deviceInfo, refuse } from "../../block/device.js";
import { type DeviceListener, Listeners } from "../../block/listeners.js";
import { BlockOp, BlockRequest, type RequestOwner } from "../../block/request.js";
import { StorageStatus, unreachable } from "../../errors.js";
import type { Changes } from "./changes.js";
import type { Member } from "./member.js";
import type { Reads } from "./reads.js";

/**
 * Keeps a range for whoever copies or compares it: a request that goes through the ordering of the mirror as if it changed the range, and
 * is not over until it is let go. What is under way there has ended when it is granted; what comes waits.
 */
export class RangeLock implements RequestOwner {
	readonly #request = new BlockRequest(this);
	#resolve: ((granted: boolean) => void) | null = null;

	/** False if the device does not grant it: it is closed. */
	take(device: BlockDevice, offsetBytes: number, lengthBytes: number): Promise<boolean> {
		return new Promise((resolve) => {
			this.#resolve = resolve;
			this.#request.op = BlockOp.writeZeroes;
			this.#request.offsetBytes = offsetBytes;
			this.#request.lengthBytes = lengthBytes;
			device.submit(this.#request.begin());
		});
	}

	/** Called by the core. */
	granted(): void {
		this.#answer(true);
	}

	letGo(): void {
		this.#request.complete(StorageStatus.ok);
	}

	finished(): void {
		this.#answer(false);
	}

	#answer(granted: boolean): void {
		const resolve = this.#resolve;
		this.#resolve = null;
		resolve?.(granted);
	}
}

export class MirrorCore implements BlockDevice {
	#info: DeviceInfo;
	readonly #sizeBytes: number;
	readonly #members: readonly Member[];
	readonly #reads: Reads;
	readonly #changes: Changes;
	readonly #listeners = new Listeners();
	readonly #onClose: () => Promise<CloseEnd>;

	/** `onClose`: closes the members; all requests are over then. */
	constructor(
		sizeBytes: number,
		members: readonly Member[],
		reads: Reads,
		changes: Changes,
		onClose: () => Promise<CloseEnd>,
	) {
		this.#sizeBytes = sizeBytes;
		this.#members = members;
		this.#reads = reads;
		this.#changes = changes;
		this.#onClose = onClose;
		this.#info = jointInfo(sizeBytes, members);
	}

	get info(): DeviceInfo {
		return this.#info;
	}

	/** A member has come, or is another one than before. */
	look(): void {
		const info = jointInfo(this.#sizeBytes, this.#members);
		if (JSON.stringify(info) === JSON.stringify(this.#info)) return;
		this.#info = info;
		this.#listeners.changed();
	}

	/** For what members have to tell. */
	get listeners(): Required<DeviceListener> {
		return this.#listeners;
	}

	submit(request: BlockRequest): void {
		const refused = refuse(this.#info, request);
		if (refused !== undefined) {
			request.complete(refused);
			return;
		}
		if (request.owner instanceof RangeLock) {
			request.owner.granted();
			return;
		}
		const { op } = request;
		switch (op) {
			case BlockOp.read:
			case BlockOp.extents:
				this.#reads.begin(request);
				return;
			case BlockOp.write:
			case BlockOp.trim:
			case BlockOp.writeZeroes:
				if (request.lengthBytes === 0) request.complete(StorageStatus.ok);
				else this.#changes.begin(request);
				return;
			case BlockOp.flush:
				this.#changes.begin(request);
				return;
			default:
				unreachable(op);
		}
	}

	/** All members or none: what one of them can't switch, the mirror can't promise. */
	setWriteCache(enabled: boolean): boolean {
		for (const { device } of this.#members) device?.setWriteCache(enabled);
		this.look();
		return this.#info.writeCache === enabled;
	}

	/** A read may wait in a member's device. What is changed has begun as soon as one member has it. */
	cancel(request: BlockRequest): void {
		if (request.op !== BlockOp.read && request.op !== BlockOp.extents) return;
		for (const { device } of this.#members) device?.cancel(request);
	}

	listen(listener: DeviceListener): () => void {
		return this.#listeners.add(listener);
	}

	close(): Promise<CloseEnd> {
		return this.#onClose();
	}
}

/** What all members that have a device can do, each in the way of whoever does it worst. (Nobody but the mirror writes them, or they would not be alike.) */
function jointInfo(sizeBytes: number, members: readonly Member[]): DeviceInfo {
	const infos = members.flatMap(({ device, refusal }) =>
		device === null || refusal !== null ? [] : [device.info],
	);
	const most = (of: (info: DeviceInfo) => number): number => Math.max(...infos.map(of));
	return deviceInfo({
		sizeBytes,
		logicalBlockBytes: most((info) => info.logicalBlockBytes),
		physicalBlockBytes: most((info) => info.physicalBlockBytes),
		canTrim: infos.every(({ canTrim }) => canTrim),
		trimGranularityBytes: most((info) => info.trimGranularityBytes),
		fastZeroes: infos.every(({ fastZeroes }) => fastZeroes),
		knowsExtents: infos.every(({ knowsExtents }) => knowsExtents),
		writeCache: infos.some(({ writeCache }) => writeCache),
		copies: infos.reduce((sum, { copies }) => sum + copies, 0),
		nonRotational: infos.every(({ nonRotational }) => nonRotational),
		bestTransferBytes: most((info) => info.bestTransferBytes),
		longestTransferBytes: Math.min(...infos.map((info) => info.longestTransferBytes)),
	});
}
