// A pool in a store goes from one host to the other, in order or after a loss, with what its own store had not got given up: its replica, which may have had that, follows whoever
// has the pool, and not all is brought to it anew.
import t, { type Test } from "tap";
import { MemoryFolder } from "../memory-folder.js";
import { TakenOver, TestHost } from "./replica-takeover.js";

const ROUNDS = 4;
const MANY = 500;
/** A small part of what the pool has. */
const SOME_BYTES = 2 ** 19;

t.setTimeout(230_000);

async function play(t: Test, seed: number): Promise<void> {
	const run = new TakenOver(seed);
	const { random } = run;
	await run.begin(true);
	await run.fill();
	t.ok(await run.shipped(), `seed ${seed}: the replica has all`);
	await run.pass(60);
	for (let round = 0; round < ROUNDS; round++) {
		const where = `seed ${seed}, round ${round}`;
		await run.write(MANY);
		await run.pass(random.below(100));
		run.there.backend.isAway = random.chance(0.4);
		await run.write(MANY);
		await run.pass(random.below(40));
		const isKilled = random.chance(0.7);
		for (let times = isKilled ? random.below(4) : 0; times > 0; times--) {
			await run.writeAlone(MANY);
			await run.pass(random.below(30));
		}
		if (isKilled) run.lose();
		else await run.end();
		run.near.isAway = false;
		run.there.backend.isAway = false;
		await run.begin();
		if (random.chance(0.5)) await run.write(MANY);
		t.ok(await run.shipped(), `${where}: it follows`);
		const expected = await run.content();
		t.same(await run.promoted(), expected, where);
		await run.pass(random.below(100));
	}
	await run.end();
}

t.test("its replica follows a pool from host to host", async (t) => {
	for (let seed = 1; seed <= 8; seed++) await play(t, seed);
});

t.test("what both stores have is not brought anew", async (t) => {
	const run = new TakenOver(1);
	await run.begin(true);
	await run.fill();
	// (What the pool cleans by itself is brought, too.)
	await run.pass(600);
	t.ok(await run.shipped());
	await run.write(10);
	await run.pass(60);
	await run.writeAlone(10);
	await run.pass(20);
	run.lose();
	run.near.isAway = false;
	await run.begin();
	t.ok(await run.shipped());
	const { sentBytes } = run.state;
	t.ok(sentBytes > 0 && sentBytes < SOME_BYTES, `${sentBytes} bytes`);
	t.same(await run.promoted(), await run.content());
	await run.end();
});

t.test(
	"what a host knows of the replica counts for nothing when another one, without it, has had the pool meanwhile",
	async (t) => {
		const run = new TakenOver(2);
		const [one, other] = [new TestHost(), new TestHost(false)];
		await run.begin(true, one);
		await run.fill();
		await run.pass(60);
		await run.end();
		// (What it then says of how often it had the pool open does not come to the store: the next one says the same.)
		await run.begin(false, one);
		t.ok(await run.shipped());
		run.lose();
		await run.begin(false, other);
		await run.write(MANY);
		await run.end();
		// (It may have something that was given up: what is there of the pool was moved away.)
		one.own = new MemoryFolder();
		await run.begin(false, one);
		t.ok(await run.shipped());
		t.same(await run.promoted(), await run.content());
		await run.end();
	},
);
