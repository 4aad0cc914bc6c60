/**
 * READ VERIFY SECTOR(S): reads the sectors and throws them away. In slices, each into the room for the
 * answer, for a frame has no room for all of the 65536 sectors that one command may name. Listed in
 * `disk.ts`.
 */

import type { BlockDevice } from "../block/device.js";
import { type Part, Parts, type Split, type Splitter } from "../block/parts.js";
import { BlockOp } from "../block/request.js";
import { StorageStatus } from "../errors.js";
import { SECTOR_BYTES } from "../wire/sector.js";
import type { AtaCommand, Operation } from "./command.js";

import { type Form, isOnDisk, roomSectors, sectorsAsked } from "./operation.js";
import { abort, storageFailed } from "./reply.js";
import type { DiskState } from "./state.js";

export class ReadVerify implements Operation, Splitter<AtaCommand> {
	readonly #slices = new Parts<AtaCommand>(this);

	constructor(readonly form: Form) {}

	start(disk: DiskState, command: AtaCommand): void {
		if (roomSectors(command) === 0) {
			abort(disk, command);
			return;
		}
		const sectors = sectorsAsked(command, this.form);
		if (!isOnDisk(disk, command, this.form, sectors)) return;
		const { request } = command;
		request.useRoom();
		request.op = BlockOp.read;
		request.offsetBytes = command.lba * SECTOR_BYTES;
		request.lengthBytes = sectors * SECTOR_BYTES;
		this.#slices.split(request.begin(), command);
	}

	/** The next slice; `cursor` bytes are in those before it. */
	next(split: Split<AtaCommand>, slice: Part<AtaCommand>): BlockDevice {
		const { whole, context: command, cursor } = split;
		const disk = command.disk!;
		const bytes = Math.min(whole.lengthBytes - cursor, roomSectors(command) * SECTOR_BYTES);
		slice.take(cursor, bytes);
		// Nobody looks at what was there before.
		slice.request.memoryOffset = whole.memoryOffset;
		split.cursor += bytes;
		split.noMore = split.cursor === whole.lengthBytes;
		disk.standby = false;
		return disk.device;
	}

	finished(disk: DiskState, command: AtaCommand): void {
		if (command.request.status === StorageStatus.ok) command.answer();
		else storageFailed(disk, command);
	}
}
