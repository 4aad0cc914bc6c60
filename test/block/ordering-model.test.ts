// The ordering layer held against its rule, in histories of chance: a request is below exactly when nothing earlier that conflicts with
// it is left.

import fc from "fast-check";
import t from "tap";
import { OrderingLayer } from "../../lib/block/ordering.js";
import { pairsOf } from "../../lib/block/ranges.js";
import { BlockOp, type BlockRequest } from "../../lib/block/request.js";
import { turn } from "../../lib/turn.js";
import { describe, ManualDevice } from "./devices.js";
import { type Arrival, requestOf } from "./ordering-arrivals.js";

/** Requests with more ranges than this wait for more than they must, but never for what is not between their first and last. */
const EXACT_RANGES = 64;

/** The rule itself: slow, and plain. Requests in order of arrival; says which of them must be below. */
class Oracle {
	readonly left: BlockRequest[] = [];

	constructor(
		readonly alignBytes: number,
		readonly device: ManualDevice,
	) {}

	#ranges({ ranges, offsetBytes, lengthBytes }: BlockRequest, whole: boolean): number[][] {
		const isWhole = ranges === null || (whole && ranges.length > 2 * EXACT_RANGES);
		const pairs = isWhole ? [[offsetBytes, lengthBytes] as const] : [...pairsOf(ranges)];
		return pairs.map(([offset, length]) => [
			Math.floor(offset / this.alignBytes),
			Math.ceil((offset + length) / this.alignBytes),
		]);
	}

	/** `whole`: long lists count as all that is between their first and their last range. */
	#conflict(a: BlockRequest, b: BlockRequest, whole: boolean): boolean {
		if (a.op === BlockOp.read && b.op === BlockOp.read) return false;
		const others = this.#ranges(b, whole);
		return this.#ranges(a, whole).some(([start = 0, end = 0]) =>
			others.some(([first = 0, last = 0]) => start < last && first < end),
		);
	}

	/** Completes one request below. What becomes free by that must come down in order of arrival. */
	complete(index: number): void {
		const request = this.device.pending[index];
		if (request === undefined) return;
		this.left.splice(this.left.indexOf(request), 1);
		const before = this.device.pending.length - 1;
		// (In a turn of its own: in one that is spent long lists end later.)
		turn.begin();
		this.device.done(index);
		const released = this.device.pending.slice(before).map((other) => this.left.indexOf(other));
		if (released.some((place, i) => i > 0 && place < (released[i - 1] ?? 0)))
			throw new Error("released in disorder");
	}

	#free(whole: boolean): BlockRequest[] {
		return this.left.filter((request, i) =>
			this.left.slice(0, i).every((earlier) => !this.#conflict(earlier, request, whole)),
		);
	}

	check(): void {
		const may = this.#free(false);
		const must = this.left.some(({ ranges }) => (ranges?.length ?? 0) > 2 * EXACT_RANGES)
			? this.#free(true)
			: may;
		const { pending } = this.device;
		const isRight =
			pending.every((request) => may.includes(request)) && must.every((request) => pending.includes(request));
		if (!isRight) throw new Error(`below: ${this.device.below}; should be: ${may.map(describe)}`);
	}
}

/** Plays histories of arrivals, and of completions by chance, and holds the layer against the rule after each. */
function histories(
	arrival: fc.Arbitrary<Arrival>,
	completions: number,
	maxLength: number,
	few: number,
): void {
	const event = fc.oneof({ weight: 6, arbitrary: arrival }, { weight: completions, arbitrary: fc.nat() });
	fc.assert(
		fc.property(
			fc.array(event, { maxLength, size: "max" }),
			fc.constantFrom(512, 4096),
			(events, alignBytes) => {
				const device = new ManualDevice();
				const layer = new OrderingLayer(device, { alignBytes, few });
				const oracle = new Oracle(alignBytes, device);
				for (const event of events) {
					if (typeof event === "number") {
						oracle.complete(event % Math.max(1, device.pending.length));
					} else {
						const request = requestOf(event);
						oracle.left.push(request);
						layer.submit(request.begin());
					}
					oracle.check();
				}
				while (device.pending.length > 0) {
					oracle.complete(0);
					oracle.check();
				}
				if (oracle.left.length > 0 || layer.waiting > 0) throw new Error("requests were forgotten");
			},
		),
		{ numRuns: 50 },
	);
}

t.test("a request is below exactly when nothing earlier that conflicts with it is left", async (t) => {
	// Few places, so that ranges overlap; far ones that share an entry of the table of zones; wide ones; and lists.
	const arrival = fc.record<Arrival>({
		op: fc.constantFrom(BlockOp.read, BlockOp.write, BlockOp.trim),
		sector: fc.constantFrom(0, 1, 2, 3, 5, 127, 128, 129, 128 * 1024, 128 * 1024 + 1, 128 * 3072),
		sectorCount: fc.constantFrom(1, 2, 3, 16, 200, 4096, 300_000),
		ranges: fc.constantFrom(1, 1, 2, 3),
		apart: fc.constantFrom(1, 2, 9, 128 * 256),
	});
	for (const few of [32, 3, 0]) {
		histories(arrival, 3, 80, few);
		t.pass(`50 histories, ${few} compared one by one`);
	}
});

t.test("so it is with many under way, and with long lists, which may wait for their gaps too", async (t) => {
	const arrival = fc.record<Arrival>({
		op: fc.constantFrom(BlockOp.read, BlockOp.read, BlockOp.write, BlockOp.trim),
		sector: fc.nat({ max: 120 }),
		sectorCount: fc.constantFrom(1, 1, 2, 3, 16),
		ranges: fc.constantFrom(1, 1, 2, 5, 64, 65, 200),
		apart: fc.constantFrom(1, 2, 9),
	});
	for (const few of [32, 0]) {
		histories(arrival, 2, 90, few);
		t.pass(`50 histories, ${few} compared one by one`);
	}
});
