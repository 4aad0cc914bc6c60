// How a pool in an object store gets another owner: after the lease, at once, by an operator's word, or handed over.
import t from "tap";
import { OperatorError } from "../../../lib/errors.js";
import type { HeadKeeper } from "../../../lib/pool/store/head-keeper.js";
import { LEASE_MS, LeaseWatch } from "../../../lib/pool/store/lease.js";
import { asJson, EMPTY_IMAGE } from "../../../lib/pool/store/stored-image.js";
import { Held, Refused } from "../../../lib/pool/store/takeover.js";
import { type Host, KeeperWorlds } from "./keeper-world.js";

/** The owner has promised something, and is no more. */
async function promised(all: KeeperWorlds): Promise<Host> {
	const one = all.host("1");
	const keeper = await all.create(one);
	await all.time.until(keeper.promise(5_000_000, keeper.superblock.writtenUs - 2.5e6));
	one.life.isKilled = true;
	return one;
}

t.test("there has to be a pool", async (t) => {
	const all = new KeeperWorlds();
	await t.rejects(all.taken(all.host("1")), { message: "head: there is no pool" });
});

t.test("another host has it in less than 10 seconds, and not before the lease is over", async (t) => {
	const all = new KeeperWorlds();
	const one = all.host("1");
	const keeper = await all.create(one);
	const waiting = all.taken(all.host("2"));
	await all.pass(7 * LEASE_MS);
	t.equal(keeper.mayAcknowledge, true, "not while it beats");
	one.life.isKilled = true;
	const killedMs = all.time.now();
	const { keeper: next } = await waiting;
	const ms = all.time.now() - killedMs;
	t.ok(ms > LEASE_MS / 2 && ms < 8_000, `${ms} ms`);
	t.equal(next.epoch, 2);
	t.equal(next.superblock.hostSince, 2);
});

t.test("who does not wait hears who has it", async (t) => {
	const all = new KeeperWorlds();
	await all.create(all.host("1"));
	const held = await all.time.until(all.acquire(all.host("2"), { waits: false }));
	if (!(held instanceof Held)) throw new Error("it is had");
	t.equal(held.messageAbout("store:gold"), "store:gold: is owned by host 1, waiting");
	t.equal(held.superblock.epoch, 1);
});

t.test("who asks again goes on waiting where he was", async (t) => {
	const all = new KeeperWorlds();
	const one = all.host("1");
	await all.create(one);
	one.life.isKilled = true;
	const [other, watch] = [all.host("2"), new LeaseWatch()];
	const held = await all.time.until(all.acquire(other, { waits: false, watch }));
	t.ok(held instanceof Held && held.remainingMs > LEASE_MS);
	await all.pass(LEASE_MS);
	const { ms } = await all.taken(other, { watch });
	t.ok(ms < 1_000, `${ms} ms`);
});

t.test("waiting ends with its signal", async (t) => {
	const all = new KeeperWorlds();
	await all.create(all.host("1"));
	const ending = new AbortController();
	const waiting = all.acquire(all.host("2"), { signal: ending.signal });
	const reason = new Error("enough");
	all.time.after(1_000, () => ending.abort(reason));
	await t.rejects(all.time.until(waiting), reason);
});

t.test("what was promised is lost by an operator's word alone, and held", async (t) => {
	const all = new KeeperWorlds();
	await promised(all);
	const other = all.host("2");
	const refused = await all.time.until(all.acquire(other));
	if (!(refused instanceof Refused)) throw new Error("nothing is refused");
	t.equal(
		refused.messageAbout("store:gold"),
		"store:gold: up to 5000000 bytes (4.8M) of 3 s that host 1 has acknowledged are only on that host: start it again, or give them up: vblade pool takeover gold --lose 5000000",
	);
	for (const lose of [
		{ epoch: 1, bytes: 4_999_999 },
		{ epoch: 2, bytes: 5_000_000 },
	])
		t.type(await all.time.until(all.acquire(other, { lose })), Refused);
	const { keeper } = await all.taken(other, { lose: { epoch: 1, bytes: 5_000_000 } });
	t.equal(keeper.superblock.promised, null);
	t.strictSame(keeper.superblock.lost, [
		{ epoch: 1, host: "1".repeat(32), bytes: 5_000_000, seconds: 3, image: { upTo: 0 } },
	]);
	await all.time.until(keeper.write(() => ({ lost: [] })));
	t.strictSame(all.top.lost, []);
});

t.test("the host that has it loses nothing, and waits only for one who may be there", async (t) => {
	const all = new KeeperWorlds();
	await promised(all);
	const { keeper, ms } = await all.taken(all.host("3", "1"), { isGone: true });
	t.ok(ms < 100, `${ms} ms`);
	t.match(keeper.superblock, { epoch: 2, hostSince: 1, promised: { bytes: 5_000_000 } });
	t.equal(keeper.covers(5_000_000), true);
	const again = new KeeperWorlds();
	await promised(again);
	const { ms: waitedMs } = await again.taken(again.host("3", "1"));
	t.ok(waitedMs > LEASE_MS, `${waitedMs} ms`);
});

t.test("that a process of another host is gone is nobody's to say", async (t) => {
	const all = new KeeperWorlds();
	const one = all.host("1");
	await all.create(one);
	one.life.isKilled = true;
	const { ms } = await all.taken(all.host("2"), { isGone: true });
	t.ok(ms > LEASE_MS, `${ms} ms`);
});

t.test("one who has ended in order is not waited for", async (t) => {
	const all = new KeeperWorlds();
	const keeper = await all.create(all.host("1"));
	await all.time.until(keeper.close());
	t.equal(keeper.mayAcknowledge, false);
	await t.rejects(
		keeper.write(() => ({})),
		{ message: "head: closed" },
	);
	const { keeper: next, ms } = await all.taken(all.host("2"));
	t.ok(ms < 100, `${ms} ms`);
	t.equal(next.superblock.isGivenBack, undefined);
});

t.test("one who comes again is waited for, and promises what he owes until then", async (t) => {
	const all = new KeeperWorlds();
	const keeper = await all.create(all.host("1"));
	await all.time.until(keeper.promise(1, 0));
	keeper.owes = () => null;
	await all.time.until(keeper.close({ comesAgain: true }));
	t.match(all.top, { promised: null, isGivenBack: undefined });
	const same = await all.time.until(all.acquire(all.host("3", "1"), { isGone: true, waits: false }));
	t.match(same, { epoch: 2 }, "at once");
	await all.time.until((same as HeadKeeper).close({ comesAgain: true }));
	const { ms } = await all.taken(all.host("2"));
	t.ok(ms > LEASE_MS, `${ms} ms`);
});

t.test("one who comes again is not waited for by a store that is away", async (t) => {
	const all = new KeeperWorlds();
	const one = all.host("1");
	const keeper = await all.create(one);
	one.line.cut(1e6);
	await all.time.until(keeper.close({ comesAgain: true, limitMs: 3_000 }));
	t.equal(keeper.end?.message, "head: closed");
});

t.test("what he has promised is with his host all the same", async (t) => {
	const all = new KeeperWorlds();
	const keeper = await all.create(all.host("1"));
	await all.time.until(keeper.promise(1, 0));
	await all.time.until(keeper.close());
	t.type(await all.time.until(all.acquire(all.host("2"))), Refused);
	const { ms } = await all.taken(all.host("3", "1"));
	t.ok(ms < 100, `${ms} ms`);
});

t.test("it is closed within a limit, whatever the store does", async (t) => {
	const all = new KeeperWorlds();
	const one = all.host("1");
	const keeper = await all.create(one);
	one.line.cut(1e6);
	const beganMs = all.time.now();
	await all.time.until(keeper.close({ limitMs: 3_000 }));
	t.ok(all.time.now() - beganMs < 3_100);
});

t.test("an heir has it in less than a second, and nobody else", async (t) => {
	const all = new KeeperWorlds();
	const keeper = await all.create(all.host("1"));
	await all.time.until(keeper.promise(10, 0));
	const heir = all.host("2");
	const [waiting, third] = [all.taken(heir, { pollMs: 50 }), all.taken(all.host("3"), { pollMs: 50 })];
	await all.pass(1_000);
	const beganMs = all.time.now();
	const drain = (): Promise<void> => {
		t.equal(keeper.mayAcknowledge, false, "nothing is acknowledged from then on");
		return keeper.write(() => ({ image: { upTo: 10 }, promised: null }));
	};
	const handing = keeper.handOver({ heir: heir.owner, drain });
	const { keeper: next } = await waiting;
	t.ok(all.time.now() - beganMs < 1_000);
	t.match(next.superblock, { epoch: 2, image: { upTo: 10 }, owner: heir.owner });
	t.equal(await all.time.until(handing), true);
	t.match(keeper.end, { message: "head: host 2 has the pool now, by epoch 2" });
	await all.time.until(next.close());
	t.equal((await third).keeper.epoch, 3);
});

t.test("an heir who does not come is waited for no longer than that", async (t) => {
	const all = new KeeperWorlds();
	const keeper = await all.create(all.host("1"));
	const handing = keeper.handOver({ heir: all.host("2").owner, limitMs: 1_000 });
	const twice = keeper.handOver({ heir: all.host("3").owner });
	await t.rejects(twice, { message: "it is being handed over already" });
	await all.pass(500);
	t.equal(all.top.heir?.name, "host 2");
	t.equal(keeper.mayAcknowledge, false);
	t.equal(await all.time.until(handing), false);
	t.equal(all.top.heir, undefined);
	t.equal(keeper.mayAcknowledge, true);
});

t.test("what has come since nothing is acknowledged any more does not hold up the heir", async (t) => {
	const all = new KeeperWorlds();
	const keeper = await all.create(all.host("1"));
	await all.time.until(keeper.promise(10, 0));
	const heir = all.host("2");
	const waiting = all.taken(heir, { pollMs: 50 });
	// Writes go on to come, and nobody is told that they are done.
	keeper.owes = () => ({ bytes: 5, sinceUs: 0 });
	const drain = (): Promise<void> => keeper.write(() => ({ image: { upTo: 10 } }));
	const handing = keeper.handOver({ heir: heir.owner, drain, limitMs: 1_000 });
	const { keeper: next } = await waiting;
	t.match(next.superblock, { epoch: 2, image: { upTo: 10 }, promised: null });
	t.equal(next.superblock.lost, undefined);
	t.equal(await all.time.until(handing), true);
	await all.time.until(next.close());
});

t.test("nothing that is promised is handed over", async (t) => {
	const all = new KeeperWorlds();
	const keeper = await all.create(all.host("1"));
	await all.time.until(keeper.promise(1, 0));
	const handing = keeper.handOver({ heir: all.host("2").owner, limitMs: 1_000 });
	await all.pass(500);
	t.equal(all.top.heir, undefined);
	t.equal(await all.time.until(handing), false);
	t.equal(keeper.mayAcknowledge, true);
	const failing = new OperatorError("the store is full");
	const drain = (): Promise<void> => Promise.reject(failing);
	await t.rejects(all.time.until(keeper.handOver({ heir: all.host("2").owner, drain })), failing);
	t.equal(keeper.mayAcknowledge, true);
});

t.test("a replica that is promoted goes on without what had come of a cut", async (t) => {
	const all = new KeeperWorlds();
	const keeper = await all.create(all.host("1"));
	const coming = { manifest: null, tail: [{ epoch: 1, first: 1, tables: [4096] }] };
	const whole = { ...EMPTY_IMAGE, next: 2, head: "AA==" };
	const image = asJson({ ...whole, coming });
	const replica = { source: 1, name: "fast", host: "host 9" };
	await all.time.until(keeper.write(() => ({ image, replica })));
	await all.time.until(keeper.close());
	const { keeper: next } = await all.taken(all.host("2"), { promotes: true });
	t.match(next.superblock, { replica: undefined, promoted: { source: 1 } });
	t.strictSame(next.superblock.image, asJson(whole));
});
