/**
 * Where the newest content of a page is: in the record that is being gathered, in the one on its way, or on storage. Asked by whoever
 * reads a volume.
 */

import type { Memory } from "../wire/memory.js";
import { SECTOR_BYTES } from "../wire/sector.js";
import { ABSENT } from "./gather.js";
import type { Log } from "./log.js";
import { Found } from "./map/entry.js";
import type { NodeWaiter } from "./map/store.js";
import type { PageLookup } from "./page-lookup.js";
import type { StoredReads } from "./stored-reads.js";

export const Where = {
	/** It reads as zeros. */
	hole: 0,
	/** In `memory`, from `memoryOffset` on, for as long as nobody else is asked. */
	memory: 1,
	/** At `position`. */
	stored: 2,
	/** What says where it is, is being read: the waiter is told when to ask again. */
	loading: 3,
	/** That can't be had. */
	failed: 4,
} as const;
export type Where = (typeof Where)[keyof typeof Where];

export class PageStore {
	memory: Memory;
	memoryOffset = 0;
	position = 0;
	crc = 0;

	constructor(
		readonly log: Log,
		readonly map: PageLookup,
		readonly reads: StoredReads,
	) {
		this.memory = log.gather.memory;
	}

	/** Where a page is; the fields above say more. */
	find(volume: number, page: number, waiter: NodeWaiter | null): Where {
		const { gather } = this.log;
		const gathered = gather.find(volume, page);
		if (gathered >= 0) {
			this.memory = gather.memory;
			this.memoryOffset = gathered;
			return Where.memory;
		}
		const { map } = this;
		if (gathered !== ABSENT) return Where.hole;
		const found = map.find(volume, page, waiter);
		if (found === Found.loading) return Where.loading;
		if (found === Found.failed) return Where.failed;
		if (found !== Found.mapped) return Where.hole;
		const flying = this.log.flyingAt(map.position);
		if (flying !== null) {
			this.memory = flying.memory;
			this.memoryOffset = (map.position - flying.position) * SECTOR_BYTES;
			return Where.memory;
		}
		this.position = map.position;
		this.crc = map.crc;
		return Where.stored;
	}
}
