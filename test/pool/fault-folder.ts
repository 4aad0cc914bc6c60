/**
 * A pool's files on a disk of which one request goes wrong, the n-th of those that can go wrong so: it fails, or half of it is done first, or it
 * hangs until somebody has it go on. What was written and not synced may be gone afterwards, as with `crash-folder.ts`. For `fault-run.ts`.
 */

import { constants } from "node:os";
import type { BlockDevice } from "../../lib/block/device.js";
import { DeviceLayer } from "../../lib/block/layer.js";
import { BlockOp, type BlockRequest } from "../../lib/block/request.js";
import { OperatorError, StorageStatus, storageStatusName, unreachable } from "../../lib/errors.js";
import { run } from "../../lib/pool/run.js";
import { CrashFolder } from "./crash-folder.js";

export const FAULTS = ["read", "write", "sync", "full", "torn", "stuck"] as const;
export type FaultKind = (typeof FAULTS)[number];

const { EIO, ENOSPC } = constants.errno;
const SECTOR = 512;

/** Which request it is, and what has become of it. */
export class Fault {
	/** How often it has struck, and which file last. */
	strikes = 0;
	file = "";
	/** Called with what has the request go on that hangs. */
	whenStuck: (goOn: () => void) => void = (goOn) => goOn();
	#left: number;

	/** `isLasting`: all that come after it fail, too, until it is healed. */
	constructor(
		readonly kind: FaultKind,
		left: number,
		readonly isLasting = false,
	) {
		this.#left = left;
	}

	/** From now on, so many requests may pass. */
	arm(left: number): void {
		this.#left = left;
	}

	heal(): void {
		this.arm(Number.POSITIVE_INFINITY);
	}

	/** Whether it is this one. `null`: a file is made. */
	strikesAt(op: BlockOp | null, file: string): boolean {
		if (!this.#concerns(op) || this.#left-- > 0) return false;
		if (!this.isLasting) this.heal();
		this.strikes++;
		this.file = file;
		return true;
	}

	#concerns(op: BlockOp | null): boolean {
		switch (this.kind) {
			case "read":
				return op === BlockOp.read;
			case "sync":
				return op === BlockOp.flush;
			case "stuck":
				return op !== null;
			case "write":
			case "full":
				return op === null || isChange(op);
			case "torn":
				return op !== null && isChange(op);
			default:
				return unreachable(this.kind);
		}
	}
}

function isChange(op: BlockOp): boolean {
	return op === BlockOp.write || op === BlockOp.trim || op === BlockOp.writeZeroes;
}

class FaultLayer extends DeviceLayer {
	constructor(
		device: BlockDevice,
		readonly fault: Fault,
		readonly file: string,
	) {
		super(device);
	}

	protected handle(request: BlockRequest): void {
		const { fault, device } = this;
		if (!fault.strikesAt(request.op, this.file)) {
			device.submit(request);
			return;
		}
		switch (fault.kind) {
			case "read":
			case "write":
				request.complete(StorageStatus.mediumError, EIO, request.offsetBytes);
				break;
			case "full":
				request.complete(StorageStatus.noSpace, ENOSPC, request.offsetBytes);
				break;
			case "sync":
				request.complete(StorageStatus.syncFailed, EIO, 0);
				break;
			case "torn":
				void this.#tear(request);
				break;
			case "stuck":
				fault.whenStuck(() => device.submit(request));
				break;
			default:
				unreachable(fault.kind);
		}
	}

	async #tear(request: BlockRequest): Promise<void> {
		const { op, offsetBytes, lengthBytes, memory, memoryOffset } = request;
		const half = SECTOR * Math.floor(lengthBytes / SECTOR / 2);
		if (half > 0) await run(this.device, op, offsetBytes, half, memory, this.file, memoryOffset);
		request.complete(StorageStatus.mediumError, EIO, offsetBytes + half);
	}

	below(request: BlockRequest): void {
		request.resume();
	}
}

export class FaultFolder extends CrashFolder {
	constructor(
		{ power, planted, files, filesMax, fillsAhead }: CrashFolder,
		readonly fault: Fault,
	) {
		super(power, planted, files, filesMax, fillsAhead);
	}

	override async open(name: string): Promise<BlockDevice> {
		return new FaultLayer(await super.open(name), this.fault, name);
	}

	override async create(name: string, sizeBytes: number): Promise<BlockDevice> {
		const { fault } = this;
		if (!fault.strikesAt(null, name)) return super.create(name, sizeBytes);
		const status = fault.kind === "full" ? StorageStatus.noSpace : StorageStatus.mediumError;
		throw new OperatorError(`${this.path}/${name}: ${storageStatusName(status)}`);
	}
}
