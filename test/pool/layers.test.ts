// Overlays on trees as one map: what is written is found at every step of a checkpoint, of volumes, clones and deleted ones, held against
// plain tables.

import t from "tap";
import type { LeftSink } from "../../lib/pool/map/dead.js";
import { Entry, FLAG_ZERO, Found } from "../../lib/pool/map/entry.js";
import { MapLayers } from "../../lib/pool/map/layers.js";
import { SLICE_STEPS } from "../../lib/pool/map/merge.js";
import { Tree } from "../../lib/pool/map/tree.js";
import { Random } from "../../lib/random.js";
import { checksum, finish, MemoryNodes } from "./memory-nodes.js";

const PAGES = 5_000;
const NOBODY: LeftSink = { died: () => {}, nodeDied: () => {}, subtreeDied: () => {} };

/** A map, and what should be in it: of each volume, the position of each page, or 0. */
class World {
	readonly store = new MemoryNodes(false);
	readonly layers: MapLayers;
	readonly volumes = new Map<number, number[]>();
	position = 8;
	#nextVolume = 1;

	constructor(
		readonly random: Random,
		sink = NOBODY,
	) {
		this.layers = new MapLayers(new Tree(this.store, checksum, 2 ** 20), 3_000, random.below(2 ** 31), sink);
	}

	add(source?: number): void {
		const volume = this.#nextVolume++;
		this.layers.addVolume(volume, source === undefined ? undefined : this.layers.roots.get(source));
		this.volumes.set(volume, [...(this.volumes.get(source ?? 0) ?? new Array<number>(PAGES).fill(0))]);
	}

	change(): void {
		const { random, layers } = this;
		this.position += 8;
		for (const [volume, pages] of this.volumes) {
			const page = random.below(PAGES);
			if (layers.isFull) return;
			if (random.chance(0.005)) {
				const to = page + random.below(PAGES);
				layers.trim(volume, page, to, this.position);
				pages.fill(0, page, to);
				this.position += 8;
			} else {
				const flags = random.chance(0.2) ? FLAG_ZERO : 0;
				const { position } = this;
				layers.insert(volume, page, Object.assign(new Entry(), { position, sectors: 8, flags }));
				pages[page] = flags === 0 ? position : 0;
			}
		}
	}

	/** What is wrong with some pages of each volume. */
	wrong(count: number): string[] {
		const wrong: string[] = [];
		const entry = new Entry();
		for (const [volume, pages] of this.volumes)
			for (let i = 0; i < count; i++) {
				const page = this.random.below(PAGES);
				let found = this.layers.lookUp(volume, page, entry, null);
				for (; found === Found.loading; found = this.layers.lookUp(volume, page, entry, null))
					this.store.answer();
				const position = found === Found.mapped ? entry.position : 0;
				if (position !== pages[page]) wrong.push(`${volume}:${page} is at ${position}, not ${pages[page]}`);
			}
		return wrong;
	}

	checkpoint(): void {
		this.layers.freeze();
		finish(this.store, () => this.layers.step(SLICE_STEPS, null));
	}

	/** What `layers.mapped` has to be. */
	get mapped(): number {
		return [...this.layers.roots.values()].reduce((sum, { mapped }) => sum + mapped, 0);
	}
}

t.test("every page is found, at every step of a checkpoint", async (t) => {
	const random = new Random();
	const world = new World(random);
	world.add();
	world.add();
	for (let step = 0; step < 20_000; step++) {
		world.change();
		if (!world.layers.isBusy && random.chance(0.002)) world.layers.freeze();
		else if (world.layers.isBusy && world.layers.step(1 + random.below(500), null) === "waiting")
			world.store.answer();
		const wrong = step % 20 === 0 ? world.wrong(5) : [];
		if (wrong.length > 0) t.fail(wrong.join("\n"));
	}
	t.strictSame(world.wrong(PAGES), [], `seed ${random.seed}`);
	t.throws(() => {
		world.layers.freeze();
		world.layers.freeze();
	}, "one at a time");
});

t.test("a clone has what its source had, and each its own afterwards", async (t) => {
	const world = new World(new Random());
	world.add();
	for (let step = 0; step < 2_000; step++) world.change();
	world.checkpoint();
	world.add(1);
	for (let step = 0; step < 1_000; step++) world.change();
	t.strictSame(world.wrong(PAGES), []);
	world.checkpoint();
	t.strictSame(world.wrong(PAGES), []);
	t.not(world.layers.roots.get(1)?.place, world.layers.roots.get(2)?.place);
	t.ok(world.layers.mapped > 0);
	t.equal(world.layers.mapped, world.mapped);
});

t.test("of thousands of volumes that were not written a checkpoint looks at so many in a step", async (t) => {
	const { layers } = new World(new Random());
	for (let volume = 1; volume <= 3_000; volume++) layers.addVolume(volume);
	layers.freeze();
	let steps = 0;
	while (layers.isBusy && layers.step(100, null) === "more") steps++;
	t.ok(steps >= 30, `${steps} steps`);
});

t.test("a deleted volume's pages die where it was deleted, and then it has no root", async (t) => {
	const deaths: number[] = [];
	let subtrees = 0;
	const world = new World(new Random(), {
		...NOBODY,
		died: ({ death }) => deaths.push(death),
		subtreeDied: (_volume, { mapped }, death) => {
			subtrees += mapped;
			deaths.push(death);
		},
	});
	world.add();
	for (let step = 0; step < 1_000; step++) world.change();
	world.checkpoint();
	const mapped = world.layers.roots.get(1)!.mapped;
	deaths.length = 0;
	world.layers.deleteVolume(1, 10_000_000);
	t.equal(world.layers.lookUp(1, 5, new Entry(), null), Found.unmapped);
	world.checkpoint();
	t.equal(subtrees, mapped, "in one piece");
	t.ok(deaths.every((death) => death === 10_000_000));
	t.equal(world.layers.roots.size, 0);
	t.equal(world.layers.mapped, 0);
	t.strictSame(world.layers.deleted, []);
	t.equal(world.layers.room, 3_000);
});
