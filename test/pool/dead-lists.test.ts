// Lists of what has died, of any length: little of them is in memory, they go on where a checkpoint has them, and each page is told of once.

import t from "tap";
import { crc32c } from "../../lib/crc32c.js";
import { OperatorError } from "../../lib/errors.js";
import { DeadLists } from "../../lib/pool/dead-lists.js";
import { Descent } from "../../lib/pool/descent.js";
import { SEGMENT_BYTES } from "../../lib/pool/format.js";
import { spareChunks, spareParts } from "../../lib/pool/map/chain.js";
import { Dead } from "../../lib/pool/map/dead.js";
import { chainsOf } from "../../lib/pool/map/lineage-census.js";
import { encodeLineage } from "../../lib/pool/map/lineage-form.js";
import { lineageIn } from "../../lib/pool/map/lineage-read.js";
import { SLICE_STEPS } from "../../lib/pool/map/merge.js";
import { uniqueSectors } from "../../lib/pool/map/takings.js";
import { Tree } from "../../lib/pool/map/tree.js";
import { atOnce } from "../../lib/pool/map/turns.js";
import { NodeLog } from "../../lib/pool/node-log.js";
import { Segments } from "../../lib/pool/segments.js";
import { heapMemory } from "../../lib/wire/memory.js";
import { made } from "./made-up-nodes.js";
import { MemoryFolder, poke } from "./memory-folder.js";
import { reread } from "./node-world.js";

const LINE = 1;
const MEMORY_PAGES = 4096;
const SECTORS = 8;
/** What has died: so many pages at a time, which make a list of several parts. */
const MANY = 60_000;

class World {
	readonly folder = new MemoryFolder();
	readonly segments = new Segments(this.folder);
	readonly nodes = new NodeLog(this.segments, heapMemory);
	readonly tree = new Tree(this.nodes, (bytes, from, to) => crc32c(bytes, from, to), 2 ** 20);
	readonly freed = new Set<number>();
	again = 0;
	/** Most that was told of in one turn. */
	most = 0;
	#inTurn = 0;
	descent = this.#newDescent();
	position = 1_000_000;

	static async make(): Promise<World> {
		const world = new World();
		for (let file = 0; file < 2; file++) await world.segments.grow();
		world.descent.begins(LINE);
		return world;
	}

	#newDescent(): Descent {
		const { segments, nodes } = this;
		const space = {
			free: (position: number) => this.#freed(position),
			freeNode: () => {},
			freePart: ({ place, count }: { place: number; count: number }) => nodes.free(place, 16 * count),
			gap: () => nodes.gap(),
		};
		const of = { segments, nodes, allocate: heapMemory, memoryPages: MEMORY_PAGES };
		return new Descent(space, new DeadLists(of));
	}

	#freed(position: number): void {
		if (this.freed.has(position)) this.again++;
		this.freed.add(position);
		this.most = Math.max(this.most, ++this.#inTurn);
	}

	readonly nextTurn = async (): Promise<void> => {
		this.#inTurn = 0;
	};

	/** Pages that were born one after the other die in that order. */
	die(count: number): void {
		const born = this.position;
		this.position += count * SECTORS * 2;
		for (let i = 0; i < count; i++) {
			const [birth, death] = [born + i * SECTORS, this.position - (count - i)];
			this.descent.died(Object.assign(new Dead(), { volume: LINE, birth, sectors: SECTORS, death }));
		}
	}

	async work(): Promise<void> {
		await this.nextTurn();
		await this.descent.work(this.tree, this.nextTurn);
		await this.descent.settle(this.nextTurn);
	}

	get inMemory(): number {
		const { pages, pagePoints } = this.descent;
		return [...chainsOf(pages, pagePoints.all)].reduce((sum, chain) => sum + chain.inMemory, 0);
	}

	/** As a checkpoint has it, opened again. */
	reopen(): void {
		const { pages, pagePoints, nodes, nodePoints, walks, floor } = this.descent;
		const bytes = Buffer.concat([...encodeLineage(pages, pagePoints.all)]);
		const others = Buffer.concat([...encodeLineage(nodes, nodePoints.all)]);
		this.descent = this.#newDescent();
		const { pageSink, nodeSink } = this.descent;
		const state = { pages: atOnce(lineageIn(bytes, pageSink)), nodes: atOnce(lineageIn(others, nodeSink)) };
		atOnce(this.descent.restoring({ ...state, walks, floor }));
		for (const point of this.descent.pagePoints.all) {
			const place = this.descent.nodePoints.all[0]!.position;
			this.descent.keeps({ line: LINE, position: point.position - 1 }, point.position, { place, sectors: 0 });
		}
	}
}

t.test("a window of many pages is stored, and comes back where it was when it moves on", async (t) => {
	const world = await World.make();
	for (let round = 0; round < 3; round++) {
		world.die(MANY);
		await world.work();
		t.ok(world.inMemory <= MEMORY_PAGES, `${world.inMemory} pages in memory`);
	}
	t.equal(world.freed.size, 0);
	t.ok(world.nodes.liveBytes >= 16 * (3 * MANY - MEMORY_PAGES), "they are among the nodes");
	for (const half of [MANY / 2, MANY + 7]) {
		world.descent.moveWindow(LINE, 1_000_000 + MANY * SECTORS * 2 - (MANY - half), 0);
		if (half < MANY) await world.work();
		world.reopen();
	}
	await world.work();
	t.equal(world.freed.size, MANY, "the first ones, and none of the next");
	world.descent.moveWindow(LINE, world.position, 0);
	await world.work();
	t.equal(world.freed.size, 3 * MANY);
	t.equal(world.again, 0);
	t.ok(world.most <= SLICE_STEPS, `${world.most} in one turn`);
	t.equal(world.nodes.liveBytes, 0, "nothing of them is left");
});

t.test("a list of any length goes through the same memory", async (t) => {
	const world = await World.make();
	let before = 0;
	const made = (): number => spareChunks.made + spareParts.made;
	for (let round = 0; round < 6; round++) {
		world.die(MANY);
		await world.work();
		world.descent.moveWindow(LINE, world.position, 0);
		await world.work();
		if (round === 1) before = made();
	}
	t.equal(world.freed.size, 6 * MANY);
	t.equal(world.again, 0);
	t.equal(made(), before, "nothing was made any more");
});

t.test("a snapshot that alone has many pages is deleted, however often it is opened meanwhile", async (t) => {
	const world = await World.make();
	const snapshot = { line: LINE, position: world.position + MANY * SECTORS };
	world.descent.keeps(snapshot, snapshot.position + 1, { place: 1, sectors: 0 });
	world.die(MANY);
	world.descent.moveWindow(LINE, world.position, 0);
	await world.work();
	t.equal(world.freed.size, 0);
	world.reopen();
	t.ok(world.inMemory <= MEMORY_PAGES, `${world.inMemory} pages in memory`);
	const [point] = world.descent.pagePoints.all;
	t.equal(uniqueSectors(point!), MANY * SECTORS, "known without a look");
	world.descent.givesUp({ line: LINE, position: point!.position - 1 });
	t.equal(world.freed.size, 0, "that is done in the background");
	world.reopen();
	await world.work();
	t.equal(world.freed.size, MANY);
	t.equal(world.again, 0);
});

t.test("what was trimmed as a whole is in no list: it is walked when the window has passed it", async (t) => {
	const world = await World.make();
	const { tree, root } = made(2 ** 20);
	world.descent.subtreeDied(LINE, root, 2 ** 40);
	await world.work();
	world.reopen();
	t.equal(world.descent.walks.length, 1);
	t.equal(world.freed.size + world.inMemory, 0, "it waits");
	world.descent.moveWindow(LINE, 2 ** 40 + 1, 2 ** 40);
	let turns = 0;
	await world.descent.work(tree, async () => {
		await world.nextTurn();
		// (All of it is a terabyte.)
		world.descent.isHeld = ++turns === 8;
	});
	t.ok(world.freed.size > SLICE_STEPS, `${world.freed.size} came back in some turns`);
	t.ok(world.inMemory <= SLICE_STEPS, `${world.inMemory} are still to be told of`);
	t.ok(world.descent.walks[0]!.next >= world.freed.size, "it goes on from there");
});

t.test("a part of a list that can't be read is told of, with its place", async (t) => {
	const world = await World.make();
	world.die(MANY);
	await world.work();
	await world.nodes.flush();
	const broken = new NodeLog(world.segments, heapMemory, reread(world.segments, world.nodes.places));
	const { slot } = broken.places.of(0)!;
	await poke(world.folder, "log.000000", slot * SEGMENT_BYTES + 512, new Uint8Array(1024).fill(7));
	const of = { segments: world.segments, nodes: broken, allocate: heapMemory };
	const faults: string[] = [];
	const { pages, pagePoints } = world.descent;
	for await (const fault of new DeadLists(of).faults(chainsOf(pages, pagePoints.all))) faults.push(fault);
	t.match(faults, [/^memory\/log\.000000, byte \d+: the pool's checkpoint is damaged here$/]);
});

t.test("what a list has that can't be read is told of when it can, each page once", async (t) => {
	const world = await World.make();
	const { descent } = world;
	world.die(MANY);
	await world.work();
	descent.lists.read = async () => {
		throw new OperatorError("no");
	};
	descent.moveWindow(LINE, world.position, 0);
	await world.work();
	t.ok(world.freed.size < MANY, `${world.freed.size} were in memory`);
	Reflect.deleteProperty(descent.lists, "read");
	descent.lists.retry();
	await world.work();
	t.equal(world.freed.size, MANY);
	t.equal(world.again, 0);
});
