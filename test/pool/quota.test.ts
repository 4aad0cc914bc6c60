// The quota of a volume: nothing is mapped beyond it, and nothing is refused within it.
import t from "tap";
import { PromisedRequest } from "../../lib/block/device.js";
import { errnoText } from "../../lib/block/failure-text.js";
import { BlockOp } from "../../lib/block/request.js";
import { StorageStatus } from "../../lib/errors.js";
import { RECORD_ENTRIES } from "../../lib/pool/format.js";
import { openHead } from "../../lib/pool/head-file.js";
import { closeParts, openParts } from "../../lib/pool/opening.js";
import { Pool } from "../../lib/pool/pool.js";
import { Random } from "../../lib/random.js";
import { heapMemory } from "../../lib/wire/memory.js";
import { MemoryFolder, Stage, show, testWorld } from "./memory-folder.js";
import { isoOf } from "./whole-life.js";

const PAGE = 4096;
const MB = 2 ** 20;
const { ok, noSpace } = StorageStatus;

async function run(
	{ device }: Stage,
	op: BlockOp,
	page: number,
	pages: number,
	value = 0,
): Promise<StorageStatus> {
	const promised = new PromisedRequest();
	const memory = heapMemory(PAGE * pages);
	memory.bytes.fill(value);
	Object.assign(promised.request, { op, memory, offsetBytes: PAGE * page, lengthBytes: PAGE * pages });
	const { status, errno } = await promised.run(device);
	if (status === noSpace) t.equal(errnoText(errno), "EDQUOT: the quota is used up", "not as of a full pool");
	return status;
}

t.test("what is over the quota is refused as by a full disk; what is overwritten is not", async (t) => {
	const folder = new MemoryFolder();
	let stage = await Stage.create(folder);
	await stage.pool.administration.set("web", { quotaBytes: 10 * PAGE });
	for (let time = 0; time < 3; time++)
		t.equal(await run(stage, BlockOp.write, 0, 8, 1), ok, "again and again");
	t.equal(await run(stage, BlockOp.write, 6, 8, 2), noSpace, "four too many");
	t.strictSame(await stage.readAll(6, 7, 8), [1, 1, 0], "nothing of it was written");
	t.equal(await run(stage, BlockOp.write, 6, 4, 2), ok);
	t.equal(await run(stage, BlockOp.write, 10, 1, 3), noSpace);
	t.equal(await run(stage, BlockOp.write, 10, 1, 0), ok, "zeros are nothing");
	await stage.close();
	// It stays so when the pool is opened again.
	stage = await Stage.open(folder);
	t.equal(await run(stage, BlockOp.write, 10, 1, 3), noSpace);
	t.equal(await run(stage, BlockOp.write, 0, 10, 4), ok);
	t.equal(await run(stage, BlockOp.trim, 2, 3), ok);
	t.equal(await run(stage, BlockOp.write, 100, 3, 5), ok, "what was trimmed is free at once");
	t.equal(await run(stage, BlockOp.write, 103, 1, 5), noSpace);
	await stage.pool.administration.set("web", { quotaBytes: 11 * PAGE });
	t.equal(await run(stage, BlockOp.write, 103, 1, 5), ok);
	await t.rejects(
		stage.pool.administration.set("web", { quotaBytes: 10 * PAGE }),
		/holds 44K already, more than a quota of 40K/,
	);
	await stage.pool.administration.set("web", { quotaBytes: null });
	t.equal(await run(stage, BlockOp.write, 200, 100, 6), ok);
	t.strictSame(stage.pool.administration.volume("web").settings, {});
	await stage.close();
});

t.test("what snapshots hold is not the volume's", async (t) => {
	const stage = await Stage.create(new MemoryFolder());
	await run(stage, BlockOp.write, 0, 8, 1);
	await stage.pool.administration.set("web", { quotaBytes: 8 * PAGE });
	await stage.pool.administration.takeSnapshots([{ volume: "web", name: "a" }]);
	t.equal(await run(stage, BlockOp.write, 0, 8, 2), ok);
	t.equal(await run(stage, BlockOp.trim, 0, 8), ok);
	t.equal(await run(stage, BlockOp.write, 50, 8, 2), ok);
	t.equal(await run(stage, BlockOp.write, 60, 1, 2), noSpace);
	await stage.close();
});

t.test("by chance: never over it, and never refused with room", async (t) => {
	const seed = Math.floor(Math.random() * 1e6);
	const random = new Random(seed);
	const mapSize = { entries: RECORD_ENTRIES + 24, nodeBytes: 2 ** 18 };
	const limit = 300;
	const stage = await Stage.create(new MemoryFolder(), 4 * MB, seed, mapSize);
	await stage.pool.administration.set("web", { quotaBytes: limit * PAGE });
	const mapped = new Set<number>();
	const wrong: string[] = [];
	for (let step = 0; step < 600; step++) {
		const page = random.below(900);
		const pages = 1 + random.below(random.chance(0.1) ? 120 : 4);
		const range = Array.from({ length: pages }, (_, i) => page + i);
		if (random.chance(0.25)) {
			await run(stage, BlockOp.trim, page, pages);
			for (const each of range) mapped.delete(each);
			continue;
		}
		const growth = range.filter((each) => !mapped.has(each)).length;
		const status = await run(stage, BlockOp.write, page, pages, 1 + random.below(255));
		if (status !== (mapped.size + growth <= limit ? ok : noSpace)) wrong.push(`${step}: ${status}`);
		if (status === ok) for (const each of range) mapped.add(each);
		if (random.chance(0.02)) await stage.pool.checkpoint();
	}
	t.strictSame(wrong, [], `seed ${seed}`);
	await stage.close();
});

t.test("who trims and writes at his quota leaves no checkpoint for each in the pool's history", async (t) => {
	const folder = new MemoryFolder();
	const world = testWorld(folder);
	const pool = await Pool.create(world);
	const { administration } = pool;
	await administration.create("web", 64 * PAGE, PAGE);
	const stage = await Stage.of(pool);
	await administration.set("web", { quotaBytes: PAGE });
	const moments: string[] = [];
	for (let turn = 0; turn < 40; turn++) {
		t.equal(await run(stage, BlockOp.trim, 1 - (turn % 2), 1), ok);
		t.equal(await run(stage, BlockOp.write, turn % 2, 1, 1 + turn), ok);
		moments.push(`web@${isoOf(world.now())}`);
	}
	const held = async (): Promise<number[]> => {
		const all: number[] = [];
		for (const [turn, name] of moments.entries()) all.push(...(await show(pool, name, turn % 2)));
		return all;
	};
	t.strictSame(
		await held(),
		Array.from(moments, (_, turn) => 1 + turn),
		"each moment is there all the same",
	);
	await stage.close();
	const again = testWorld(folder);
	const parts = await openParts(again, await openHead(again, false));
	t.ok(parts.kept.length < 8, `${parts.kept.length} checkpoints`);
	await closeParts(parts);
});

t.test("several at once have it together", async (t) => {
	const stage = await Stage.create(new MemoryFolder());
	await stage.pool.administration.set("web", { quotaBytes: 20 * PAGE });
	const asked = Array.from({ length: 40 }, (_, i) => run(stage, BlockOp.write, 3 * i, 1, 1));
	const done = await Promise.all(asked);
	t.equal(done.filter((status) => status === ok).length, 20);
	const trims = Array.from({ length: 20 }, (_, i) => run(stage, BlockOp.trim, 3 * i, 1));
	const more = Array.from({ length: 40 }, (_, i) => run(stage, BlockOp.write, 200 + i, 1, 1));
	await Promise.all([...trims, ...more]);
	await stage.pool.checkpoint();
	t.ok(stage.pool.space.usedBytes(stage.pool.administration.volume("web")) <= 20 * PAGE);
	await stage.close();
});
