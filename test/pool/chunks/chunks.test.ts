// A pool on disks: they come and go while it is used, and what may not be used is refused in one line.
import t from "tap";
import type { BlockDevice } from "../../../lib/block/device.js";
import { DeviceLayer } from "../../../lib/block/layer.js";
import { BlockOp, type BlockRequest } from "../../../lib/block/request.js";
import { StorageStatus } from "../../../lib/errors.js";
import { HEAD_AT } from "../../../lib/pool/chunks/label.js";
import { Pool } from "../../../lib/pool/pool.js";
import { Random } from "../../../lib/random.js";
import { Stage, show } from "../memory-folder.js";
import { emptied, nextTurn, TestDisks } from "./disks.js";

const FILE_PAGES = 16_384;

/** What it is asked for fails where `fails` says so. */
class Failing extends DeviceLayer {
	constructor(
		device: BlockDevice,
		readonly fails: (request: BlockRequest) => boolean,
	) {
		super(device);
	}

	protected handle(request: BlockRequest): void {
		if (this.fails(request)) request.complete(StorageStatus.mediumError);
		else this.device.submit(request);
	}

	below(request: BlockRequest): void {
		request.resume();
	}
}

async function newStage(disks: TestDisks, among?: readonly string[]) {
	const world = disks.world(1, among);
	const pool = await Pool.create(world);
	await pool.administration.create("web", 256 * 2 ** 20, 4096);
	return { stage: await Stage.of(pool), pool, disks: world.disks };
}

/** Writes so much that a file more is needed. */
async function fill(stage: Stage, from: number, value: number): Promise<void> {
	for (let page = from; page < from + FILE_PAGES; page += 256)
		await stage.write(page, ...new Array<number>(256).fill(value));
}

t.test("what was written is there when it is opened again, wherever it lies", async (t) => {
	const disks = TestDisks.of({ a: 2, b: 2 });
	const { stage, disks: parts } = await newStage(disks);
	await fill(stage, 0, 1);
	await stage.write(20_000, 7);
	t.strictSame(
		parts.states.map(({ usedBytes }) => usedBytes / 2 ** 26),
		[1, 1],
		"files are spread",
	);
	await stage.close();
	const again = await Pool.open(disks.world(2));
	t.strictSame(await show(again, "web", 0, 16_383, 20_000, 20_001), [1, 1, 7, 0]);
	await again.close();
});

t.test("a disk is added, and another one is emptied and taken away, while it is written to", async (t) => {
	const disks = TestDisks.of({ a: 2, b: 2, c: 3 });
	const { stage, pool, disks: parts } = await newStage(disks, ["a", "b", "c"].slice(0, 2));
	await stage.close();
	const world = disks.world(2);
	const again = await Pool.open(world);
	const open = await Stage.of(again);
	t.not(again, pool);
	await t.rejects(world.disks.add("d", false), /disk "d": is not configured for the pool, or not open/);
	await t.rejects(world.disks.add("a", false), /disk "a": is a part of the pool already/);
	await fill(open, 0, 1);
	await world.disks.add("c", false);
	again.age();
	await world.disks.remove("a");
	t.equal(world.disks.states.find(({ disk }) => disk === "a")?.state, "leaving");
	let value = 2;
	const left = emptied(world.disks, "a");
	let isOver = false;
	void left.then(() => {
		isOver = true;
	});
	for (; !isOver; value = 2 + ((value + 1) % 200)) {
		const page = (value * 97) % FILE_PAGES;
		await nextTurn();
		t.equal(await open.write(page, value), 0);
		if ((await open.read(page)) !== value) t.fail(`page ${page} is not what was written`);
	}
	t.strictSame(
		world.disks.states.map(({ disk }) => disk),
		["b", "c"],
	);
	await open.write(5, 99);
	await open.close();
	disks.present.delete("a");
	const last = await Pool.open(disks.world(3));
	t.strictSame(await show(last, "web", 5, 16_383), [99, 1]);
	await last.close();
	t.equal(parts.states.length, 2);
});

t.test("a disk that can't be added is none of them, whatever becomes of it, and they go on", async (t) => {
	const disks = TestDisks.of({ a: 2, b: 2, c: 2 });
	let [fails, isDead] = [false, false];
	disks.wrap = (device, name) =>
		new Failing(device, ({ op, offsetBytes }) => {
			if (op !== BlockOp.write) return false;
			return name === "c" ? isDead : fails && name === "a" && offsetBytes < HEAD_AT;
		});
	const { stage, pool, disks: parts } = await newStage(disks, ["a", "b"]);
	await stage.close();
	const world = disks.world(2, ["a", "b", "c"]);
	const again = await Pool.open(world);
	t.not(again, pool);
	fails = true;
	await t.rejects(world.disks.add("c", false), /disk a: /);
	[fails, isDead] = [false, true];
	const open = await Stage.of(again);
	t.equal(await open.write(1, 5), 0);
	await again.checkpoint();
	t.strictSame(
		world.disks.states.map(({ disk }) => disk),
		["a", "b"],
	);
	t.equal(await open.write(2, 6), 0);
	await open.close();
	const last = await Pool.open(disks.world(3, ["a", "b"]));
	t.strictSame(await show(last, "web", 1, 2), [5, 6]);
	await last.close();
	t.equal(parts.states.length, 2);
});

t.test("one that is being emptied when it ends goes on when it is opened, unless it is kept", async (t) => {
	const disks = TestDisks.of({ a: 4, b: 4 });
	const { stage, disks: parts } = await newStage(disks);
	await fill(stage, 0, 1);
	await parts.remove("a");
	await stage.close();
	const world = disks.world(2);
	const again = await Pool.open(world);
	t.equal(world.disks.states.length, 2);
	await world.disks.keep("a");
	t.strictSame(
		world.disks.states.map(({ state }) => state),
		["in use", "in use"],
	);
	await world.disks.remove("a");
	await again.close();
	const next = disks.world(3);
	const third = await Pool.open(next);
	await emptied(next.disks, "a");
	t.strictSame(await show(third, "web", 0, 16_383), [1, 1]);
	await t.rejects(next.disks.remove("b"), /disk "b": is the only one that the pool has/);
	await third.close();
});

t.test("one is not emptied for which the others have no room", async (t) => {
	const disks = TestDisks.of({ a: 1, b: 1 });
	const { stage, disks: parts } = await newStage(disks);
	await fill(stage, 0, 1);
	await t.rejects(parts.remove("a"), /disk "a": 1 file of 64 MiB would have to go .* room for 0/);
	await stage.close();
});

t.test("what may not be used is refused", async (t) => {
	const random = new Random(1);
	const disks = TestDisks.of({ a: 1, b: 1 });
	const { stage } = await newStage(disks);
	await stage.write(0, 1);
	await stage.close();
	const older = disks.crash(random, () => 1);
	const now = older.crash(random, () => 1);
	const again = await Pool.open(now.world(2));
	await again.close();
	const refused = (why: RegExp, ...some: (readonly [string, TestDisks, string])[]): Promise<unknown> => {
		const mixed = new TestDisks(new Map(some.map(([name, from, as]) => [name, from.disks.get(as)!])));
		return t.rejects(Pool.open(mixed.world(3)), why);
	};
	await refused(/far: what is on disk "b" is missing/, ["a", now, "a"]);
	await refused(/disk "b": is an older copy/, ["a", now, "a"], ["b", older, "b"]);
	await refused(/disk "b": has the same part of the pool as disk "a"/, ["a", now, "a"], ["b", now, "a"]);
	const other = TestDisks.of({ a: 1, b: 1 });
	await (await newStage(other)).stage.close();
	await refused(/has a part of another pool/, ["a", now, "a"], ["b", other, "b"]);
	await refused(/far: is no pool/, ["c", TestDisks.of({ c: 1 }), "c"]);
	await t.rejects(Pool.create(now.world(4)), /disk a: has a part of a pool on it/);
	await t.rejects(
		Pool.create(TestDisks.of({ a: 0 }).world()),
		/disk a: has 8388608 bytes; a pool takes at least/,
	);
	const last = await Pool.create(now.world(5), { force: true });
	await last.close();
});

t.test(
	"where a disk is lost, what the others have is there, and all of it when it is found again",
	async (t) => {
		const disks = TestDisks.of({ a: 4, b: 3 });
		const { stage, disks: parts } = await newStage(disks);
		await fill(stage, 0, 1);
		// (The third of the files is on the second disk.)
		await fill(stage, FILE_PAGES, 2);
		await fill(stage, 2 * FILE_PAGES, 3);
		await stage.write(60_000, 7);
		t.ok(parts.states.every(({ usedBytes }) => usedBytes > 0));
		await stage.close();
		disks.present.delete("b");
		await t.rejects(Pool.open(disks.world(2)), /far: what is on disk "b" is missing/);
		disks.isPartial = true;
		const world = disks.world(3);
		const pool = await Pool.open(world);
		t.strictSame(
			world.disks.states.map(({ disk, state }) => `${disk} ${state}`),
			["a in use", "b missing"],
		);
		await t.rejects(world.disks.remove("b"), /disk "b": is missing, and what it has can't be moved/);
		const lost = 40_000;
		const [first, middle, last] = await show(pool, "web", 0, lost, 60_000);
		t.strictSame([first, last], [1, 7]);
		t.ok(middle! < 0, "what the disk had is an error");
		const open = await Stage.of(pool);
		t.equal(await open.write(lost, 9), 0, "and can be written anew");
		t.equal(await open.read(lost), 9);
		await open.close();
		disks.present.add("b");
		const again = await Pool.open(disks.world(4));
		t.strictSame(await show(again, "web", 0, lost, lost + 1, 60_000), [1, 9, 3, 7]);
		await again.close();
	},
);

t.test(
	"a lost disk is given up: nobody waits for it, what it had stays an error, all else goes on",
	async (t) => {
		const disks = TestDisks.of({ a: 4, b: 3, c: 3 });
		const { stage } = await newStage(disks, ["a", "b"]);
		await fill(stage, 0, 1);
		await fill(stage, FILE_PAGES, 2);
		await fill(stage, 2 * FILE_PAGES, 3);
		await stage.close();
		disks.present.delete("b");
		disks.isPartial = true;
		const world = disks.world(2, ["a", "b"]);
		const partial = await Pool.open(world);
		await t.rejects(world.disks.remove("b"), /disk "b": is missing, .* force gives it up for good/);
		await world.disks.remove("b", true);
		const names = ({ disks }: typeof world): readonly string[] => disks.states.map(({ disk }) => disk);
		t.strictSame(names(world), ["a"]);
		await t.rejects(world.disks.remove("b", true), /disk "b": is no part of the pool/);
		const pages = [0, 16_400, 40_000, 49_000];
		const found = await show(partial, "web", ...pages);
		t.ok(found.some((value) => value < 0) && found.some((value) => value > 0), `${found}`);
		await partial.close();
		disks.isPartial = false;
		const again = await Pool.open(disks.world(3, ["a"]));
		t.strictSame(await show(again, "web", ...pages), found);
		await again.close();
		disks.present.add("b");
		const back = disks.world(4, ["a", "b", "c"]);
		const last = await Pool.open(back);
		t.strictSame(names(back), ["a"], "it is none of them although it is there again");
		await back.disks.add("c", false);
		await back.disks.add("b", true);
		last.age();
		t.strictSame(names(back), ["a", "c", "b"]);
		const open = await Stage.of(last);
		for (const page of pages) t.equal(await open.write(page, 9), 0);
		await last.checkpoint();
		await open.close();
		const end = await Pool.open(disks.world(5, ["a", "b", "c"]));
		t.strictSame(await show(end, "web", ...pages), [9, 9, 9, 9]);
		await end.close();
	},
);
