/**
 * READ VERIFY SECTOR(S): reads the sectors and throws them away. In slices, each into the room for the
 * answer, for a frame has no room for all of the 65536 sectors that one command may name. Listed in
 * `disk.ts`.
 */

import { BlockOp } from "../block/request.js";
import { StorageStatus } from "../errors.js";
import type { AtaCommand } from "./command.js";
import { SECTOR_BYTES } from "./opcodes.js";
import {
	type Form,
	isOnDisk,
	type Operation,
	roomSectors,
	sectorsAsked,
	submit,
	takeTurns,
} from "./operation.js";
import { abort, storageFailed, succeed } from "./reply.js";
import type { DiskState } from "./state.js";

export class ReadVerify implements Operation {
	constructor(readonly form: Form) {}

	start(disk: DiskState, command: AtaCommand): void {
		if (roomSectors(command) === 0) {
			abort(disk, command);
			return;
		}
		if (!isOnDisk(disk, command, this.form, sectorsAsked(command, this.form))) return;
		command.step = 0;
		this.#next(disk, command);
	}

	finished(disk: DiskState, command: AtaCommand): void {
		if (command.status !== StorageStatus.ok) {
			storageFailed(disk, command);
			return;
		}
		command.step += command.lengthBytes / SECTOR_BYTES;
		if (command.step === sectorsAsked(command, this.form)) succeed(command);
		else takeTurns(this.#next, disk, command);
	}

	/** Reads the next slice; `command.step` sectors have been read. */
	readonly #next = (disk: DiskState, command: AtaCommand): void => {
		const sectors = Math.min(sectorsAsked(command, this.form) - command.step, roomSectors(command));
		command.memory = command.dataInMemory;
		command.memoryOffset = command.dataInOffset;
		command.offsetBytes = (command.lba + command.step) * SECTOR_BYTES;
		submit(disk, command, BlockOp.read, sectors * SECTOR_BYTES);
	};
}
