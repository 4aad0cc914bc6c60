/**
 * READ and WRITE in all their forms: the hot path. Each command is one block request on the sectors it names;
 * nothing is allocated. Which transfer protocol a form is for (PIO, DMA, multiple) makes no difference over
 * AoE. Listed in `disk.ts`.
 */

import { BlockOp } from "../block/request.js";
import { StorageStatus } from "../errors.js";
import { SECTOR_BYTES } from "../wire/sector.js";
import type { AtaCommand, Operation } from "./command.js";

import { type Form, isOnDisk, sectorsAsked, submit } from "./operation.js";
import { abort, storageFailed } from "./reply.js";
import type { DiskState } from "./state.js";

export class Read implements Operation {
	readonly kind = BlockOp.read;

	constructor(
		readonly form: Form,
		/** READ MULTIPLE: only while SET MULTIPLE MODE allows it. */
		readonly multiple = false,
	) {}

	start(disk: DiskState, command: AtaCommand): void {
		const sectors = sectorsAsked(command, this.form);
		const bytes = sectors * SECTOR_BYTES;
		if (bytes > command.dataInCapacityBytes || (this.multiple && disk.multipleSectors === 0)) {
			abort(disk, command);
			return;
		}
		if (!isOnDisk(disk, command, this.form, sectors)) return;
		const { request } = command;
		request.useRoom();
		request.mayBorrow = command.dataInMayBorrow;
		request.offsetBytes = command.lba * SECTOR_BYTES;
		submit(disk, command, BlockOp.read, bytes);
	}

	finished(disk: DiskState, command: AtaCommand): void {
		const { request } = command;
		if (request.status !== StorageStatus.ok) {
			storageFailed(disk, command);
			return;
		}
		disk.stats.did(BlockOp.read, request.lengthBytes);
		command.dataInBytes = request.lengthBytes;
		command.replyCount = 0;
		command.answer();
	}
}

export class Write implements Operation {
	readonly kind = BlockOp.write;

	constructor(
		readonly form: Form,
		/** WRITE MULTIPLE: only while SET MULTIPLE MODE allows it. */
		readonly multiple = false,
		/** WRITE ... FUA: answered only when the data is on stable storage, whatever the write cache does. */
		readonly fua = false,
	) {}

	start(disk: DiskState, command: AtaCommand): void {
		const sectors = sectorsAsked(command, this.form);
		const bytes = sectors * SECTOR_BYTES;
		// More data than the count says is let pass: frames may be padded. The room for the answer is where
		// it is parked.
		const complete =
			command.writeFlag && command.dataOutBytes >= bytes && command.dataInCapacityBytes >= bytes;
		if (!complete || (this.multiple && disk.multipleSectors === 0)) {
			abort(disk, command);
			return;
		}
		if (!isOnDisk(disk, command, this.form, sectors)) return;
		const { request } = command;
		request.isLent = true;
		request.fua = this.fua;
		request.offsetBytes = command.lba * SECTOR_BYTES;
		submit(disk, command, BlockOp.write, bytes);
	}

	finished(disk: DiskState, command: AtaCommand): void {
		const { request } = command;
		if (request.status !== StorageStatus.ok) {
			storageFailed(disk, command);
			return;
		}
		disk.stats.did(BlockOp.write, request.lengthBytes);
		command.replyCount = 0;
		command.answer();
	}
}
