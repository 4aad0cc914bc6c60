// Leaves and nodes as bytes: what is written is read again, what was damaged or forged is refused; and the frames that keep them in memory.

import t, { type Test } from "tap";
import { ENTRY_WORDS, Entry, FLAG_ZERO, Found, POSITIONS_MAX, putEntry } from "../../lib/pool/map/entry.js";
import { FAILED, FRAMES_MIN, Frames, LOADING } from "../../lib/pool/map/frames.js";
import type { NodeKind } from "../../lib/pool/map/kind.js";
import { LEAF, LEAF_PAGES, LEAF_WORDS } from "../../lib/pool/map/leaf.js";
import { NODE, NODE_WORDS } from "../../lib/pool/map/node.js";
import {
	crcOf,
	isNone,
	mappedOf,
	NODE_CHILDREN,
	PLACES_MAX,
	placeOf,
	putRef,
	REF_WORDS,
	Root,
	SPAN,
} from "../../lib/pool/map/ref.js";
import type { NodeFault, NodeWaiter } from "../../lib/pool/map/store.js";
import { Tree } from "../../lib/pool/map/tree.js";
import { Random } from "../../lib/random.js";
import { heapMemory, type Memory } from "../../lib/wire/memory.js";
import { checksum, MemoryNodes, wordsOf } from "./memory-nodes.js";

function randomLeaf(random: Random): Int32Array {
	const words = new Int32Array(LEAF_WORDS);
	const entry = new Entry();
	for (let page = random.below(3); page < LEAF_PAGES; page += 1 + random.below(4)) {
		entry.position = 1 + random.below(POSITIONS_MAX - 1);
		entry.sectors = 1 + random.below(512);
		entry.flags = random.below(16) * 2;
		entry.crc = random.below(2 ** 32);
		putEntry(words, page * ENTRY_WORDS, entry);
	}
	return words;
}

function randomNode(random: Random, level: number): Int32Array {
	const words = new Int32Array(NODE_WORDS);
	for (let child = random.below(3); child < NODE_CHILDREN; child += 1 + random.below(4)) {
		const mapped = 1 + random.below(SPAN[level - 1]!);
		putRef(words, child * REF_WORDS, 1 + random.below(PLACES_MAX - 1), mapped, random.below(2 ** 32));
	}
	return words;
}

/** What comes of stored bytes: the form in memory, or why there is none. */
function decoded(kind: NodeKind, { view }: Memory, available: number, level: number): Int32Array | string {
	const length = kind.storedBytes(view, 0, available, level);
	const words = new Int32Array(kind.words).fill(-1);
	return length === 0 ? "no node" : (kind.decode(view, 0, words, 0, level) ?? words);
}

t.test("what is written is read again, and nothing that is cut or of another level", async (t) => {
	const random = new Random();
	for (let level = 0; level <= 6; level++) {
		const kind = level === 0 ? LEAF : NODE;
		const words = level === 0 ? randomLeaf(random) : randomNode(random, level);
		const memory = heapMemory(kind.storedBytesMax);
		const length = kind.encode(words, 0, level, wordsOf(memory));
		t.equal(length, kind.bytesOf(words, 0));
		t.strictSame(decoded(kind, memory, kind.storedBytesMax, level), words, `seed ${random.seed}`);
		for (const short of [0, 7, 15, length - 1]) t.equal(decoded(kind, memory, short, level), "no node");
		for (const other of [level - 1, level + 1]) t.equal(decoded(kind, memory, length, other), "no node");
	}
	const full = new Int32Array(NODE_WORDS).fill(1);
	for (const [level, kind] of [LEAF, NODE].entries())
		t.equal(kind.encode(full, 0, level, wordsOf(heapMemory(kind.storedBytesMax))), kind.storedBytesMax);
});

t.test("forged bytes are refused or make sense, and are not read beyond", async (t) => {
	const random = new Random();
	for (let round = 0; round < 4000; round++) {
		const level = random.below(3);
		const kind = level === 0 ? LEAF : NODE;
		const memory = heapMemory(kind.storedBytesMax);
		const length = kind.encode(
			level === 0 ? randomLeaf(random) : randomNode(random, level),
			0,
			level,
			wordsOf(memory),
		);
		for (let i = random.below(4); i >= 0; i--)
			memory.bytes[random.below(random.pick([24, length]))] = random.below(256);
		const words = decoded(kind, memory, length, level);
		if (typeof words === "string") continue;
		for (let child = 0; level > 0 && child < NODE_CHILDREN; child++) {
			const at = child * REF_WORDS;
			const mapped = mappedOf(words, at);
			if (isNone(words, at) ? mapped > 0 : mapped === 0 || mapped > SPAN[level - 1]!)
				t.fail(`${mapped} mapped`);
		}
	}
	t.ok(t.passing(), `seed ${random.seed}`);
});

t.test("a leaf may not have pages without a position or without data", async (t) => {
	const entry = Object.assign(new Entry(), { position: 8, sectors: 8 });
	for (const [wrong, reason] of [
		[{ position: 0, sectors: 2 }, "a page has no position"],
		[{ flags: FLAG_ZERO }, "a page is mapped and has no data"],
	] as const) {
		const words = new Int32Array(LEAF_WORDS);
		putEntry(words, 0, Object.assign(new Entry(), entry, wrong));
		const memory = heapMemory(LEAF.storedBytesMax);
		LEAF.encode(words, 0, 0, wordsOf(memory));
		t.equal(decoded(LEAF, memory, LEAF.storedBytesMax, 0), reason);
	}
});

class Waiter implements NodeWaiter {
	nextWaiter: NodeWaiter | null = null;
	readonly told: (string | undefined)[] = [];

	nodeReady(fault: NodeFault | null): void {
		this.told.push(fault?.message);
	}
}

/** A store with `count` leaves of one page each, and a reference to each. */
function leaves(t: Test, count: number): { store: MemoryNodes; frames: Frames; refs: Int32Array } {
	const store = new MemoryNodes(false);
	const frames = new Frames(LEAF, FRAMES_MIN, store, checksum);
	const refs = new Int32Array(count * REF_WORDS);
	const words = new Int32Array(LEAF_WORDS);
	const memory = heapMemory(LEAF.storedBytesMax);
	for (let i = 0; i < count; i++) {
		putEntry(words, 0, Object.assign(new Entry(), { position: 8 + i, sectors: 8 }));
		const length = LEAF.encode(words, 0, 0, wordsOf(memory));
		putRef(refs, i * REF_WORDS, store.append(memory, length), 1, checksum(memory.bytes, 0, length));
	}
	t.equal(store.stored.size, count);
	return { store, frames, refs };
}

t.test("a node is read once for all who wait; then it is there", async (t) => {
	const { store, frames, refs } = leaves(t, 1);
	const waiters = [new Waiter(), new Waiter()];
	for (const waiter of waiters) t.equal(frames.get(refs, 0, 0, waiter), LOADING);
	t.equal(frames.get(refs, 0, 0, null), LOADING, "nobody needs to wait");
	store.answer();
	t.strictSame(
		waiters.map(({ told }) => told),
		[[undefined], [undefined]],
	);
	const frame = frames.get(refs, 0, 0, null);
	t.equal(frames.words[frame * LEAF_WORDS], 8);
	t.equal(store.loads, 1);
});

t.test(
	"one that is damaged or can't be read is a fault that names its place; it is asked for anew",
	async (t) => {
		const { store, frames, refs } = leaves(t, 1);
		const place = placeOf(refs, 0);
		const good = store.stored.get(place)!;
		const reasons = [
			"it is none, or not of this level",
			"it does not have the checksum that it was written with",
		];
		for (const [byte, reason] of [
			[3, reasons[0]],
			[25, reasons[1]],
		] as const) {
			const damaged = good.slice();
			damaged[byte]! ^= 4;
			store.stored.set(place, damaged);
			const waiter = new Waiter();
			frames.get(refs, 0, 0, waiter);
			store.answer();
			t.strictSame(waiter.told, [`memory, byte ${place}: a node of the map: ${reason}`]);
		}
		store.stored.delete(place);
		store.answersAtOnce = true;
		t.equal(frames.get(refs, 0, 0, null), FAILED);
		t.equal(frames.fault?.message, `memory, byte ${place}: a node of the map: there is nothing`);
		store.stored.set(place, good);
		t.ok(frames.get(refs, 0, 0, null) >= 0);
		t.equal(frames.loads.failed, 3);
	},
);

t.test("a tree says which node failed, above or below", async (t) => {
	const { store, refs } = leaves(t, 1);
	store.answersAtOnce = true;
	const tree = new Tree(store, checksum, 0);
	const root = new Root(refs, 0, 1);
	t.equal(tree.lookUp(root, 0, new Entry(), null), Found.failed);
	t.match(tree.fault?.message, new RegExp(`byte ${root.place}: .*not of this level`));
	t.equal(crcOf(root.ref, 0), crcOf(refs, 0));
});

t.test(
	"what is used stays, what is not goes; and who finds all frames being loaded waits for any",
	async (t) => {
		const { store, frames, refs } = leaves(t, 3 * FRAMES_MIN);
		store.answersAtOnce = true;
		for (let i = 0; i < 3 * FRAMES_MIN; i++) {
			frames.get(refs, i * REF_WORDS, 0, null);
			for (let used = 0; used < 20; used++) frames.use(frames.get(refs, used * REF_WORDS, 0, null));
		}
		t.ok(store.loads <= 3 * FRAMES_MIN + 1, `${store.loads} loads: those in use were read once`);
		store.answersAtOnce = false;
		const others = leaves(t, FRAMES_MIN + 1);
		for (let i = 0; i < FRAMES_MIN; i++) others.frames.get(others.refs, i * REF_WORDS, 0, null);
		const waiter = new Waiter();
		t.equal(others.frames.get(others.refs, FRAMES_MIN * REF_WORDS, 0, waiter), LOADING);
		others.store.answer();
		t.strictSame(waiter.told, [undefined]);
		t.equal(
			others.frames.get(others.refs, FRAMES_MIN * REF_WORDS, 0, waiter),
			LOADING,
			"now it is asked for",
		);
		others.store.answer();
		const frame = others.frames.get(others.refs, FRAMES_MIN * REF_WORDS, 0, waiter);
		t.equal(others.frames.words[frame * LEAF_WORDS], 8 + FRAMES_MIN);
	},
);
