/**
 * What a pool needs of slots that no write gets, and what of that is there already: counted for `space/room.ts`, which says how many slots that
 * makes. Asked by `upkeep.ts`.
 */

import type { Contents } from "./contents.js";
import { SEGMENT_BYTES } from "./format.js";
import type { Log } from "./log.js";
import type { NodeLog } from "./node-log.js";
import type { Segments } from "./segments.js";
import type { Cleaner } from "./space/cleaner.js";
import { checkpointBytes, type Held } from "./space/room.js";
import { NO_SLOT } from "./space/slots.js";

export interface ReserveOf {
	readonly segments: Segments;
	readonly nodes: NodeLog;
	readonly contents: Contents;
	readonly log: Log;
}

/** About: of a segment of the log its row and bitmap, of one of nodes what is packed of that, and a snapshot in text and in both lists. */
const ROW_BYTES = 280;
const NODE_ROW_BYTES = 20_000;
const SNAPSHOT_BYTES = 512;

/** By two checkpoints: the map, and all that they have beside. */
export function storedBytes({ contents, segments, nodes }: ReserveOf): number {
	const { layers, catalog } = contents;
	const rows = ROW_BYTES * segments.table.rows.size + NODE_ROW_BYTES * nodes.places.count;
	return checkpointBytes(layers.capacity, layers.mapped, rows + SNAPSHOT_BYTES * catalog.snapshotCount);
}

/** Of a segment of nodes that is being filled so much has to be left, and room for `stored` bytes. */
const NODE_ROOM_BYTES = SEGMENT_BYTES / 4;

export function heldBy({ log, nodes }: ReserveOf, cleaner: Cleaner, stored: number): Held {
	return {
		hasNext: log.cursor.nextSlot !== NO_SLOT,
		nodeSlots: nodes.places.slotCount,
		targetSectors: cleaner.targetSectors,
		hasNodeRoom: nodes.roomBytes >= Math.max(NODE_ROOM_BYTES, stored),
	};
}
