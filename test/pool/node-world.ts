/**
 * A pool's nodes without a pool, for `node-cleaner.test.ts` and others: segments of nodes in memory, and the cleaner; rows of them as a checkpoint
 * has them; and blobs of chance beside, which say what has to be where.
 */

import { NodeCleaner } from "../../lib/pool/node-cleaner.js";
import { NodeLog } from "../../lib/pool/node-log.js";
import { NodePlaces } from "../../lib/pool/node-places.js";
import { decodeNodeRow, encodeNodeRow } from "../../lib/pool/node-rows.js";
import { Segments } from "../../lib/pool/segments.js";
import type { Random } from "../../lib/random.js";
import { heapMemory, type Memory } from "../../lib/wire/memory.js";
import { MemoryFolder } from "./memory-folder.js";

const SLOTS_MAX = 1024;
/** A leaf at most. */
const BYTES_MAX = 784;

/** Rows as a checkpoint stores them, read again. */
export function reread(segments: Segments, places: NodePlaces): NodePlaces {
	const again = new NodePlaces(segments.slots);
	for (const segment of places.all) again.add(decodeNodeRow(encodeNodeRow(segment), SLOTS_MAX, "memory"));
	return again;
}

export class NodeWorld {
	readonly segments = new Segments(new MemoryFolder());
	nodes: NodeLog;
	cleaner: NodeCleaner;
	/** By place. */
	readonly blobs = new Map<number, { readonly bytes: number; readonly mark: number }>();
	/** Called while something is moved. */
	meanwhile = (): void => {};

	/** `fillBytes` of each segment are used. */
	private constructor(
		readonly random: Random,
		readonly fillBytes: number,
		readonly spareSlots: number,
	) {
		this.nodes = new NodeLog(this.segments, heapMemory, undefined, undefined, { fillBytes });
		this.cleaner = this.#newCleaner();
	}

	static async make(
		random: Random,
		files: number,
		fillBytes: number,
		spareSlots: number,
	): Promise<NodeWorld> {
		const world = new NodeWorld(random, fillBytes, spareSlots);
		for (let file = 0; file < files; file++) await world.segments.grow();
		return world;
	}

	#newCleaner(): NodeCleaner {
		const { segments, nodes, spareSlots } = this;
		return new NodeCleaner({
			places: nodes.places,
			spareSlots,
			slotCount: () => segments.slots.count,
			allocate: heapMemory,
			takeSlot: () => segments.takeSlot(),
			giveSlot: (slot) => segments.slots.emptied(slot),
			read: (slot, offset, length, into) => segments.readSlot(slot, offset, length, into),
			write: (slot, first, end, from) => nodes.writeSlot(slot, first, end, from),
			mayGoOn: async () => this.meanwhile(),
			reserve: async () => () => {},
		});
	}

	/** Each byte of one says what was the end before. */
	append(): void {
		const { random, nodes } = this;
		const bytes = random.pick([40, BYTES_MAX, 2072, 1 + random.below(BYTES_MAX)]);
		const memory = heapMemory(bytes);
		const mark = nodes.gap() % 251;
		memory.bytes.fill(mark);
		const place = nodes.append(memory, bytes, random.chance(0.1) ? 1 : 0);
		this.blobs.set(place, { bytes, mark });
	}

	free(place: number): void {
		this.nodes.free(place, this.blobs.get(place)!.bytes);
		this.blobs.delete(place);
	}

	/** Each that is there with a chance. */
	freeSome(chance: number): void {
		for (const place of [...this.blobs.keys()]) if (this.random.chance(chance)) this.free(place);
	}

	/** What is emptied by now may be used again. */
	async settle(): Promise<void> {
		await this.nodes.flush();
		this.segments.slots.settle(this.segments.slots.checkpoint());
	}

	/** As a checkpoint has it, opened again. */
	async reopen(): Promise<void> {
		await this.settle();
		const places = reread(this.segments, this.nodes.places);
		const { end, fillBytes } = { end: this.nodes.end, fillBytes: this.fillBytes };
		this.nodes = new NodeLog(this.segments, heapMemory, places, end, { fillBytes });
		this.cleaner = this.#newCleaner();
	}

	/** Places where there is something else than there was. */
	wrong(): number[] {
		return [...this.blobs.keys()].filter((place) => !this.#isThere(place));
	}

	#isThere(place: number): boolean {
		const { bytes, mark } = this.blobs.get(place)!;
		let isThere = false;
		const receiver = {
			loaded: (_frame: number, memory: Memory, start: number): number => {
				isThere = memory.bytes.subarray(start, start + bytes).every((byte) => byte === mark);
				return bytes;
			},
			failed: (): void => {},
		};
		this.nodes.load(place, bytes, receiver, 0);
		return isThere;
	}

	get liveBytes(): number {
		let bytes = 0;
		for (const [place, blob] of this.blobs) bytes += Math.ceil(((place % 32) + blob.bytes) / 32) * 32;
		return bytes;
	}

	/** Slots that have nodes. */
	get slots(): number {
		return new Set([...this.nodes.places.all].map(({ slot }) => slot)).size;
	}
}
