// Who has a pool in an object store: makes it, beats, writes several changes at once, acknowledges while its lease runs, and is fenced.
import t from "tap";
import { OperatorError } from "../../../lib/errors.js";
import { HeadKeeper } from "../../../lib/pool/store/head-keeper.js";
import { LEASE_MS } from "../../../lib/pool/store/lease.js";
import { IMAGE_MAX_BYTES } from "../../../lib/pool/store/superblock.js";
import { FencedError } from "../../../lib/pool/store/superblock-swaps.js";
import { FIRST, KeeperWorlds } from "./keeper-world.js";

t.test("a pool is made once", async (t) => {
	const all = new KeeperWorlds();
	const [one, other] = [all.host("1"), all.host("2")];
	t.equal(await all.time.until(HeadKeeper.look(one.head)), null);
	const keeper = await all.create(one);
	t.equal(keeper.mayAcknowledge, true);
	await t.rejects(all.create(other), { message: "head: is a pool already" });
	t.match(await all.time.until(HeadKeeper.look(other.head)), {
		epoch: 1,
		owner: one.owner,
		image: FIRST.image,
	});
});

t.test("one that was made without an answer is found, and not made again", async (t) => {
	const all = new KeeperWorlds();
	all.backend.faults = { lostAnswer: 1 };
	const making = all.create(all.host("1"));
	all.time.after(30_000, () => {
		all.backend.faults = {};
	});
	t.equal((await making).epoch, 1);
	t.equal(all.backend.values.length, 1);
});

t.test("changes that wait are put together, and each is there when it resolves", async (t) => {
	const all = new KeeperWorlds();
	const keeper = await all.create(all.host("1"));
	const add = (): Promise<void> => keeper.write(({ image }) => ({ image: { upTo: Number(image.upTo) + 1 } }));
	const before = all.backend.values.length;
	await all.time.until(Promise.all(Array.from({ length: 50 }, add)));
	t.equal(all.top.image.upTo, 50);
	t.ok(all.backend.values.length - before <= 2, `${all.backend.values.length - before} swaps`);
	t.equal(keeper.superblock.image.upTo, 50);
});

t.test("whose changes make no sense is told so, and holds up nobody", async (t) => {
	const all = new KeeperWorlds();
	const keeper = await all.create(all.host("1"));
	const bug = new Error("a bug");
	const outcomes = Promise.allSettled([
		keeper.write(() => ({ image: { upTo: 1 } })),
		keeper.write(() => {
			throw bug;
		}),
		keeper.write(() => ({ image: { text: "x".repeat(IMAGE_MAX_BYTES) } })),
		keeper.write(() => ({ serve: "both" })),
	]);
	const [first, second, third, fourth] = await all.time.until(outcomes);
	t.equal(first.status, "fulfilled");
	t.strictSame(second, { status: "rejected", reason: bug });
	t.match(third, { status: "rejected", reason: OperatorError });
	t.equal(fourth.status, "fulfilled");
	t.match(all.top, { image: { upTo: 1 }, serve: "both" });
});

t.test("it beats three times in a lease, and no more", async (t) => {
	const all = new KeeperWorlds();
	const keeper = await all.create(all.host("1"));
	const before = all.backend.values.length;
	await all.pass(10 * LEASE_MS);
	const beats = all.backend.values.length - before;
	t.ok(beats >= 29 && beats <= 30, `${beats} beats in 10 leases`);
	t.equal(keeper.mayAcknowledge, true);
});

t.test("answers that are lost cost nothing but time", async (t) => {
	const all = new KeeperWorlds();
	const keeper = await all.create(all.host("1"));
	all.backend.faults = { lostAnswer: 0.4, late: 0.1, refusal: 0.1 };
	for (let i = 1; i <= 30; i++)
		await all.time.until(keeper.write(({ image }) => ({ image: { upTo: Number(image.upTo) + 1 } })));
	t.equal(all.top.image.upTo, 30);
	t.equal(all.top.epoch, 1);
});

t.test("without an answer it acknowledges while the lease runs, and goes on by itself", async (t) => {
	const all = new KeeperWorlds();
	const host = all.host("1");
	const keeper = await all.create(host);
	const told: string[] = [];
	keeper.listen({ paused: (why) => told.push(why), resumed: () => told.push("resumed") });
	host.line.cut(20_000);
	await all.pass(3_000);
	t.equal(keeper.mayAcknowledge, true);
	await all.pass(3_000);
	t.equal(keeper.mayAcknowledge, false);
	t.equal(keeper.leaseRemainingMs, 0);
	t.match(told, [/head: .*within/]);
	let called = 0;
	keeper.whenMay(() => {
		called += 1;
		t.equal(keeper.mayAcknowledge, true);
	});
	t.equal(called, 0);
	await all.pass(20_000);
	t.equal(called, 1);
	t.match(told, [/./, "resumed"]);
	t.equal(keeper.trouble, null);
	t.equal(keeper.epoch, 1);
});

t.test("who was stopped acknowledges nothing until a swap was done, even if nobody came", async (t) => {
	const all = new KeeperWorlds();
	const host = all.host("1");
	const keeper = await all.create(host);
	host.life.stop(30_000);
	all.time.stall(29_999);
	t.equal(keeper.mayAcknowledge, false);
	await all.pass(1_000);
	t.equal(keeper.mayAcknowledge, true);
});

t.test("who wakes when another has it is fenced for good", async (t) => {
	const all = new KeeperWorlds();
	const [one, other] = [all.host("1"), all.host("2")];
	const keeper = await all.create(one);
	const lost: FencedError[] = [];
	keeper.listen({ lost: (reason) => lost.push(reason) });
	one.life.stop(30_000);
	const { keeper: next } = await all.taken(other);
	t.equal(next.epoch, 2);
	t.equal(keeper.mayAcknowledge || !next.mayAcknowledge, false);
	const writing = t.rejects(
		keeper.write(() => ({})),
		FencedError,
	);
	await all.pass(40_000);
	await writing;
	t.match(lost, [{ message: "head: host 2 has the pool now, by epoch 2" }]);
	t.equal(keeper.end, lost[0]);
	await t.rejects(keeper.promise(1, 0), FencedError);
	let isCalled = false;
	keeper.whenMay(() => {
		isCalled = true;
	});
	t.equal(isCalled, true, "who waits hears that nothing comes of it");
	await keeper.close();
	t.equal(all.top.epoch, 2);
});

t.test("what is owed is promised before it is covered, and not any more when an image has it", async (t) => {
	const all = new KeeperWorlds();
	const keeper = await all.create(all.host("1"));
	t.equal(keeper.covers(0), true);
	t.equal(keeper.covers(1), false);
	await all.time.until(keeper.promise(4096, 7.5));
	t.equal(keeper.covers(4096), true);
	t.equal(keeper.covers(4097), false);
	t.strictSame(all.top.promised, { bytes: 4096, sinceUs: 7 });
	let owed = 9000;
	keeper.owes = ({ image }) =>
		owed > Number(image.upTo) ? { bytes: owed - Number(image.upTo), sinceUs: 8 } : null;
	await all.pass(LEASE_MS + 500);
	t.strictSame(all.top.promised, { bytes: 9000, sinceUs: 8 }, "refreshed by a beat");
	const writing = keeper.write(() => ({ image: { upTo: 9000 } }));
	await all.time.until(Promise.resolve());
	t.equal(keeper.covers(1), false, "nor while it may be there that nothing is promised");
	owed = 9001;
	await all.time.until(writing);
	t.equal(all.top.promised, null);
	t.equal(keeper.covers(1), false);
	await all.time.until(keeper.promise(1, 9));
	t.strictSame(all.top.promised, { bytes: 1, sinceUs: 8 });
});
