/**
 * What the cleaner (`space/cleaner.ts`) has of a pool: its slots as storage, and the log, in which it says what was moved. Made by `upkeep.ts`.
 */

import { BlockOp } from "../block/request.js";
import type { Memory } from "../wire/memory.js";
import { SECTOR_BYTES } from "../wire/sector.js";
import type { Checkpoints } from "./checkpoints.js";
import type { PoolWorld } from "./folder.js";
import { FILE_SLOTS, SEGMENT_BYTES } from "./format.js";
import { NOTE_BYTES_MAX } from "./gather.js";
import type { Log } from "./log.js";
import { encodeNote } from "./notes.js";
import { bytesOf, PendingNote } from "./pending-note.js";
import { run } from "./run.js";
import type { Segments } from "./segments.js";
import type { CleanerWorld } from "./space/cleaner.js";
import { encodeMove } from "./space/move-form.js";
import type { Move } from "./space/table.js";

export interface CleanerStorageOf {
	readonly world: PoolWorld;
	readonly segments: Segments;
	readonly log: Log;
	readonly checkpoints: Checkpoints;
}

export class CleanerStorage implements CleanerWorld {
	readonly #of: CleanerStorageOf;

	constructor(of: CleanerStorageOf) {
		this.#of = of;
	}

	allocate(byteLength: number): Memory {
		return this.#of.world.allocate(byteLength);
	}

	isLost(slot: number): boolean {
		return this.#of.segments.slots.isLost(slot);
	}

	takeSlot(): number {
		return this.#of.segments.takeSlot();
	}

	read(slot: number, sector: number, sectors: number, into: Memory): Promise<void> {
		return this.#of.segments.readToMove(slot, sector * SECTOR_BYTES, sectors * SECTOR_BYTES, into);
	}

	async write(slot: number, sector: number, sectors: number, from: Memory): Promise<void> {
		const { segments } = this.#of;
		const at = (slot % FILE_SLOTS) * SEGMENT_BYTES + sector * SECTOR_BYTES;
		const name = segments.fileNameOf(slot);
		await run(segments.deviceOfSlot(slot), BlockOp.write, at, sectors * SECTOR_BYTES, from, name);
	}

	async sync(slots: ReadonlySet<number>): Promise<void> {
		const { segments } = this.#of;
		const devices = new Map([...slots].map((slot) => [segments.deviceOfSlot(slot), slot]));
		for (const [device, slot] of devices)
			await run(device, BlockOp.flush, 0, 0, undefined, segments.fileNameOf(slot));
	}

	mayGoOn(): Promise<void> {
		return this.#of.world.nextTurn();
	}

	/** No checkpoint begins meanwhile: what it stores of the table must be of one moment. */
	async say(moves: readonly Move[]): Promise<void> {
		const { checkpoints, log } = this.#of;
		const release = await checkpoints.reserve();
		try {
			let some: Uint8Array[] = [];
			for (const move of moves) {
				const note = encodeNote({ note: "move", move: encodeMove(move) });
				if (bytesOf(some) + note.length > NOTE_BYTES_MAX) {
					await new PendingNote(log, some).done;
					some = [];
				}
				some.push(note);
			}
			await new PendingNote(log, some).done;
		} finally {
			release();
		}
	}
}
