/**
 * What is kept of lines, as a point among pages and one among nodes, however many want it: snapshots, whatever names them, and whoever reads
 * them. Used by `descent.ts`.
 */

import type { Point } from "./map/point.js";
import type { Points } from "./map/points.js";
import type { Origin } from "./notes.js";

interface Kept {
	readonly page: Point;
	node: Point | null; // until the checkpoint is merged that began with it
	users: number;
}

/** To give one up takes as long as so many pages that die, and as one for each list of its edge. */
const GIVING_UP_STEPS = 64;

export class KeptPoints {
	/** They are others when a pool was opened. */
	readonly #among: { readonly pagePoints: Points; readonly nodePoints: Points };
	readonly #byKey = new Map<string, Kept>();

	constructor(among: { readonly pagePoints: Points; readonly nodePoints: Points }) {
		this.#among = among;
	}

	of(origin: Origin): Kept | undefined {
		return this.#byKey.get(keyOf(origin));
	}

	/** Its pages are before `end`, its nodes before `place`, if that is known. */
	add(origin: Origin, end: number, place: number | undefined): Kept {
		const page = this.#among.pagePoints.keep(origin.line, end);
		const node = place === undefined ? null : this.#among.nodePoints.keep(origin.line, place);
		const kept = { page, node, users: 1 };
		this.#byKey.set(keyOf(origin), kept);
		return kept;
	}

	/** One less wants it. Returns how long that took, in pages. */
	giveUp(origin: Origin): number {
		const kept = this.of(origin);
		if (kept === undefined || --kept.users > 0) return 1;
		this.#byKey.delete(keyOf(origin));
		const { page, node } = kept;
		const lists = page.died.size + (node?.died.size ?? 0);
		this.#among.pagePoints.giveUp(page);
		if (node !== null) this.#among.nodePoints.giveUp(node);
		return GIVING_UP_STEPS + lists;
	}

	/** The same of many. */
	*giveUpAll(origins: readonly Origin[]): Generator<number, number> {
		for (const origin of origins) yield this.giveUp(origin);
		return 0;
	}
}

function keyOf({ line, position }: Origin): string {
	return `${line}@${position}`;
}
