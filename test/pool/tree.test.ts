// Trees held against plain tables, in histories of chance: what is found in each root, old ones too; what has died, pages and
// nodes, each once; and how many nodes a question takes.

import t, { type Test } from "tap";
import type { Dead, LeftSink } from "../../lib/pool/map/dead.js";
import { Entry, FLAG_ZERO, Found } from "../../lib/pool/map/entry.js";
import { Merge } from "../../lib/pool/map/merge.js";
import { OverlayOrder } from "../../lib/pool/map/order.js";
import { Overlay } from "../../lib/pool/map/overlay.js";
import { EMPTY_ROOT, type Root } from "../../lib/pool/map/ref.js";
import { Tree } from "../../lib/pool/map/tree.js";
import { DeadWalk } from "../../lib/pool/map/walk.js";
import { Random } from "../../lib/random.js";
import { checksum, finish, MemoryNodes } from "./memory-nodes.js";

/** Where pages are: what is far apart makes high trees. */
const BASES = [0, 60, 8_180, 2 ** 20 - 30, 2 ** 31 - 10, 2 ** 45];
const SPAN = 150;
const VOLUMES = [3, 2 ** 32 - 2];
const MEMORY_BYTES = 1024 * 1024;

/** One volume as it should be: positions of its mapped pages. */
type Pages = Map<number, number>;

/** Two volumes with their trees, and what should be in them. */
class World implements LeftSink {
	readonly store = new MemoryNodes();
	readonly tree = new Tree(this.store, checksum, MEMORY_BYTES);
	readonly roots = new Map<number, Root>(VOLUMES.map((volume) => [volume, EMPTY_ROOT]));
	readonly pages = new Map<number, Pages>(VOLUMES.map((volume) => [volume, new Map()]));
	readonly kept: { root: Root; pages: Pages }[] = [];
	/** Births of all pages that are not dead. */
	readonly alive = new Set<number>();
	readonly subtrees: DeadWalk[] = [];
	overlay: Overlay;
	position = 8;

	constructor(
		readonly t: Test,
		readonly random: Random,
	) {
		this.overlay = new Overlay(20_000, 1, this);
	}

	died({ birth, death, sectors }: Dead): void {
		const isRight = this.alive.delete(birth) && death > birth && death <= this.position;
		if (!isRight || sectors !== 1 + (birth % 512))
			this.t.fail(`${birth} died at ${death}, ${sectors} sectors`);
	}

	nodeDied(_volume: number, place: number, bytes: number): void {
		const stored = this.store.stored.get(place);
		if (stored?.length !== bytes + 103) this.t.fail(`a node of ${bytes} bytes at ${place}`);
		this.store.stored.delete(place);
	}

	subtreeDied(volume: number, subtree: Root, death: number): void {
		this.subtrees.push(new DeadWalk(subtree, volume, death, this.tree, this));
	}

	/** Writes, zeroes and trims. */
	change(steps: number): void {
		const { random, overlay } = this;
		for (let step = 0; step < steps; step++) {
			const volume = random.pick([3, 2 ** 32 - 2]);
			const pages = this.pages.get(volume)!;
			const page = BASES[random.below(BASES.length)]! + random.below(SPAN);
			this.position += 1 + random.below(1000);
			const choice = random.below(40);
			if (choice === 0) {
				const to = page + (random.chance(0.1) ? 2 ** 44 : random.below(3 * SPAN));
				for (const each of [...pages.keys()]) if (each >= page && each < to) pages.delete(each);
				overlay.trim(volume, page, to, this.position);
				continue;
			}
			const flags = choice < 8 ? FLAG_ZERO : 0;
			const { position } = this;
			overlay.insert(
				volume,
				page,
				Object.assign(new Entry(), { position, sectors: 1 + (position % 512), flags, crc: position ^ 5 }),
			);
			if (flags === 0) {
				this.alive.add(position);
				pages.set(page, position);
			} else pages.delete(page);
		}
	}

	/** Merges all that is new, and walks what has died. */
	checkpoint(): void {
		const order = new OverlayOrder(this.overlay);
		while (!order.step(1000));
		for (const volume of VOLUMES) {
			const merge = new Merge(this.tree, this.roots.get(volume)!, volume, this.overlay, order, this);
			finish(this.store, () => merge.step(1 + this.random.below(300), null));
			this.roots.set(volume, merge.root);
		}
		for (const walk of this.subtrees.splice(0)) {
			finish(this.store, () => walk.step(1 + this.random.below(300), null));
			this.t.equal(walk.done, walk.subtree.mapped);
		}
		while (!this.overlay.recycle(1000));
	}

	check(root: Root, pages: Pages): void {
		const entry = new Entry();
		if (root.mapped !== pages.size) this.t.fail(`${root.mapped} are mapped, not ${pages.size}`);
		for (const base of BASES)
			for (let page = base; page < base + SPAN; page++) {
				let found = this.tree.lookUp(root, page, entry, null);
				for (; found === Found.loading; found = this.tree.lookUp(root, page, entry, null))
					this.store.answer();
				const position = pages.get(page);
				const isRight = found === (position === undefined ? Found.unmapped : Found.mapped);
				if (!isRight || (position !== undefined && entry.position !== position))
					this.t.fail(`page ${page}: ${found}, ${entry.position}, not ${position}`);
			}
	}
}

for (const answersAtOnce of [true, false])
	t.test(`what is merged is found, nodes read ${answersAtOnce ? "at once" : "later"}`, async (t) => {
		for (let round = 0; round < 8; round++) {
			const random = new Random();
			const world = new World(t, random);
			world.store.answersAtOnce = answersAtOnce;
			for (let checkpoint = 0; checkpoint < 8; checkpoint++) {
				world.change(random.below(1500));
				world.checkpoint();
				for (const volume of VOLUMES) world.check(world.roots.get(volume)!, world.pages.get(volume)!);
			}
			const mapped = VOLUMES.flatMap((volume) => [...world.pages.get(volume)!.values()]);
			t.strictSame([...world.alive].sort(), mapped.sort(), "what is not mapped has died, once");
			for (const volume of VOLUMES) {
				const end = world.position + 1;
				world.position = end;
				world.subtreeDied(volume, world.roots.get(volume)!, end);
			}
			world.checkpoint();
			t.equal(world.alive.size, 0, "all died with the volumes");
			t.equal(world.store.stored.size, 0, "and all nodes, each once");
			if (!t.passing()) t.comment(`seed ${random.seed}`);
			if (!t.passing()) break;
		}
	});

t.test("an old root is read as it was", async (t) => {
	const random = new Random();
	const world = new World(t, random);
	world.nodeDied = () => {};
	world.subtreeDied = () => {};
	world.died = () => {};
	for (let checkpoint = 0; checkpoint < 6; checkpoint++) {
		world.change(800);
		world.checkpoint();
		world.kept.push({ root: world.roots.get(3)!, pages: new Map(world.pages.get(3)) });
	}
	for (const { root, pages } of world.kept) world.check(root, pages);
	t.ok(t.passing(), `seed ${random.seed}`);
});

/** The world after pages of volume 3 were written, with zeros or not, and merged. */
function written(world: World, pages: number[], flags = 0): Root {
	for (const page of pages) {
		const position = ++world.position;
		if (flags === 0) world.alive.add(position);
		const entry = Object.assign(new Entry(), { position, sectors: 1 + (position % 512), flags });
		world.overlay.insert(3, page, entry);
	}
	world.checkpoint();
	return world.roots.get(3)!;
}

t.test("a tree is as high as its pages need, and zeros beyond it leave nothing behind", async (t) => {
	const world = new World(t, new Random());
	const low = written(world, [5]);
	t.equal(low.level, 0, "one leaf");
	t.equal(written(world, [2 ** 40], FLAG_ZERO), low);
	t.equal(world.store.stored.size, 1);
	const high = written(world, [2 ** 20]);
	t.equal(high.level, 3);
	const levels = [1, 2, 3, 4].map(() => {
		world.overlay.trim(3, 2 ** 20, 2 ** 21, ++world.position);
		return written(world, [5]).level;
	});
	t.strictSame(levels, [2, 1, 0, 0], "lower again");
	t.equal(world.tree.lookUp(world.roots.get(3)!, 5, new Entry(), null), Found.mapped);
	t.equal(world.store.stored.size, 1);
	t.equal(world.alive.size, 1);
});

t.test("what was written and then trimmed before a checkpoint is dead after it", async (t) => {
	const deaths: number[][] = [];
	const world = new World(t, new Random());
	world.died = ({ birth, death }) => deaths.push([birth, death]);
	world.overlay.insert(3, 7, Object.assign(new Entry(), { position: 100, sectors: 8 }));
	world.overlay.trim(3, 0, 10, 200);
	world.checkpoint();
	t.ok(world.roots.get(3)?.isEmpty);
	t.strictSame(deaths, [[100, 200]]);
});
