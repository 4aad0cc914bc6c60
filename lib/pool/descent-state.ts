/** What a checkpoint has of who descends from whom: written and read by `checkpoint-text.ts` and its neighbours, gone on with by `descent.ts`. */

import type { Walk } from "./dead-walks.js";
import type { DecodedLineage } from "./map/lineage-read.js";

/** What was before is not given back: of a pool of a format that did not keep who wants it. */
export interface Floor {
	readonly position: number;
	readonly place: number;
}

export interface DescentState {
	readonly pages: DecodedLineage;
	readonly nodes: DecodedLineage;
	readonly walks: readonly Walk[];
	readonly floor: Floor;
}
