/**
 * Where pages are, asked of the map: of the pool's volumes as they are, of a snapshot, of a volume at a moment. Each fills one entry again
 * and again. Made by `pool.ts` for whoever reads.
 */

import type { Image } from "./catalog.js";
import { Entry, type Found } from "./map/entry.js";
import type { MapLayers } from "./map/layers.js";
import type { NodeWaiter } from "./map/store.js";
import type { PageLookup } from "./page-lookup.js";

abstract class EntryLookup implements PageLookup {
	protected readonly entry = new Entry();

	constructor(protected readonly layers: MapLayers) {}

	get position(): number {
		return this.entry.position;
	}

	get crc(): number {
		return this.entry.crc;
	}

	abstract find(line: number, page: number, waiter: NodeWaiter | null): Found;
}

/** Volumes, as they are. */
export class LayersLookup extends EntryLookup {
	find(line: number, page: number, waiter: NodeWaiter | null): Found {
		return this.layers.lookUp(line, page, this.entry, waiter);
	}
}

/** One volume, by whatever line it is asked for, at a moment: as layers of its own have it. */
export class MomentLookup extends EntryLookup {
	constructor(
		layers: MapLayers,
		readonly line: number,
	) {
		super(layers);
	}

	find(_line: number, page: number, waiter: NodeWaiter | null): Found {
		return this.layers.lookUp(this.line, page, this.entry, waiter);
	}
}

/** A snapshot: its tree, or, as long as that is being made, what it is made of. */
export class ImageLookup extends EntryLookup {
	constructor(
		layers: MapLayers,
		readonly image: Image,
	) {
		super(layers);
	}

	find(_line: number, page: number, waiter: NodeWaiter | null): Found {
		const { root, of } = this.image;
		if (root === null) return this.layers.lookUpFrozen(of.line, page, this.entry, waiter);
		return this.layers.tree.lookUp(root, page, this.entry, waiter);
	}
}
