/** What knows where pages are that are not being gathered: overlays and trees, whose nodes may have to be read first. */

import type { Found } from "./map/entry.js";
import type { NodeWaiter } from "./map/store.js";

export interface PageLookup {
	/** Of a page that was found mapped. */
	readonly position: number;
	readonly crc: number;
	/** With `loading` the waiter is told when to ask again. */
	find(line: number, page: number, waiter: NodeWaiter | null): Found;
}
