/**
 * READ VERIFY SECTOR(S): reads the sectors and throws them away. In slices, each into the room for the
 * answer, for a frame has no room for all of the 65536 sectors that one command may name. Listed in
 * `disk.ts`.
 */

import { BlockOp } from "../block/request.js";
import { StorageStatus } from "../errors.js";
import type { AtaCommand, Operation } from "./command.js";
import { SECTOR_BYTES } from "./opcodes.js";
import { type Form, isOnDisk, roomSectors, sectorsAsked, submit, takeTurns } from "./operation.js";
import { abort, storageFailed } from "./reply.js";
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
		if (command.request.status !== StorageStatus.ok) {
			storageFailed(disk, command);
			return;
		}
		command.step += command.request.lengthBytes / SECTOR_BYTES;
		if (command.step === sectorsAsked(command, this.form)) command.answer();
		else takeTurns(this.#next, disk, command);
	}

	/** Reads the next slice; `command.step` sectors have been read. */
	readonly #next = (disk: DiskState, command: AtaCommand): void => {
		const sectors = Math.min(sectorsAsked(command, this.form) - command.step, roomSectors(command));
		const { request } = command;
		request.useRoom();
		request.offsetBytes = (command.lba + command.step) * SECTOR_BYTES;
		submit(disk, command, BlockOp.read, sectors * SECTOR_BYTES);
	};
}
