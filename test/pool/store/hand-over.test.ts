// A pool in a store is handed over by a host that has it to one that waits, while both are there; either may be killed, and not every host that waits could have it.
import t from "tap";
import { PromisedRequest } from "../../../lib/block/device.js";
import { BlockOp } from "../../../lib/block/request.js";
import { StorageStatus } from "../../../lib/errors.js";
import { isLong } from "../../support/long.js";
import { MemoryFolder, type Stage } from "../memory-folder.js";
import { TwoHosts } from "./two-hosts.js";

/** It is killed so long after it began to hand over, at most. */
const KILL_MOST_MS = 400;
const KILL_STEP_MS = 10;
/** In a usual run some of these moments, others each time. */
const [FIRST_KILL_MS, KILL_PAUSE_MS] = isLong
	? [0, KILL_STEP_MS]
	: [Math.floor(Math.random() * 5) * KILL_STEP_MS, 5 * KILL_STEP_MS];

async function flush({ device }: Stage): Promise<StorageStatus> {
	const promised = new PromisedRequest();
	promised.request.op = BlockOp.flush;
	return (await promised.run(device)).status;
}

t.test("it is handed over to who waits, and who is alone keeps it", async (t) => {
	const two = new TwoHosts("host");
	const { all } = two;
	const [one, other] = [all.host("1"), all.host("2")];
	const first = await all.time.until(two.make(one, new MemoryFolder()));
	t.equal(await all.time.until(first.stage.write(0, 1)), StorageStatus.ok);
	await t.rejects(all.time.until(two.handOver(first)), {
		message: "no other host waits for it that could have it",
	});
	t.equal(all.top.asks, undefined, "nobody is asked any more");
	t.equal(await all.time.until(first.stage.write(1, 2)), StorageStatus.ok);
	t.equal(await all.time.until(flush(first.stage)), StorageStatus.ok);
	const opening = two.open(other, new MemoryFolder());
	await all.pass(1_000);
	t.match(await all.time.until(two.handOver(first)), { to: other.owner.name, epoch: 2, isOpen: true });
	const second = await all.time.until(opening);
	t.same(await all.time.until(second.stage.readAll(0, 1)), [1, 2]);
	t.equal(all.top.lost, undefined, "nothing is lost");
	t.strictSame(two.taken, ["handed over by host 1, by epoch 2"]);
	t.equal(await all.time.until(second.stage.write(0, 3)), StorageStatus.ok);
	await all.time.until(second.close());
});

t.test("of several who wait that one has it which the owner has named", async (t) => {
	const two = new TwoHosts("store");
	const { all } = two;
	const [one, other, third] = [all.host("1"), all.host("2"), all.host("3")];
	const first = await all.time.until(two.make(one, new MemoryFolder()));
	t.equal(await all.time.until(first.stage.write(0, 1)), StorageStatus.ok);
	two.open(other, new MemoryFolder(), 100).catch(() => {});
	await all.pass(1_000);
	await t.rejects(all.time.until(two.handOver(first, third.owner.name)), {
		message: "the host that is meant does not wait for it, or could not have it",
	});
	t.match(all.top, { epoch: 1, asks: undefined, asksOf: undefined });
	const opening = two.open(third, new MemoryFolder());
	await all.pass(1_000);
	t.match(await all.time.until(two.handOver(first, third.owner.name)), {
		to: third.owner.name,
		isOpen: true,
	});
	const second = await all.time.until(opening);
	t.match(all.top, { epoch: 2, owner: { name: third.owner.name } });
	t.same(await all.time.until(second.stage.readAll(0)), [1]);
	other.life.isKilled = true;
	await all.time.until(second.close());
});

t.test("a host with what was given up is nobody's heir, and says what it lacks", async (t) => {
	const two = new TwoHosts("host");
	const { all } = two;
	const [one, other, back] = [all.host("1"), all.host("2"), all.host("3")];
	const local = new MemoryFolder();
	const first = await all.time.until(two.make(one, local));
	// (The volume is in the store by then.)
	await all.pass(60_000);
	t.equal(await all.time.until(first.stage.write(0, 7)), StorageStatus.ok);
	one.life.isKilled = true;
	await t.rejects(all.time.until(two.open(other, new MemoryFolder())), /are only on that host/);
	two.wordOf(other).say(2 ** 40);
	const second = await all.time.until(two.open(other, new MemoryFolder()));
	const waiting = two.open(back, local, 1000);
	waiting.catch(() => {});
	await all.pass(1_000);
	await t.rejects(all.time.until(two.handOver(second)), /no other host waits for it that could have it/);
	t.match(all.top, { epoch: 2, owner: { name: other.owner.name } });
	t.equal(await all.time.until(second.stage.write(0, 8)), StorageStatus.ok, "it goes on where it was");
	await t.rejects(
		all.time.until(two.open(all.host("4"), local, 1)),
		/^gold: is owned by host 2, and can't be had here: another host has gone on with it, and in .* are up to [1-9]\d* bytes/,
	);
	await all.time.until(second.close());
	await all.pass(20_000);
	t.match(all.top, { epoch: 2, isGivenBack: true }, "nor does it take what nobody has");
	const third = await all.time.until(two.open(all.host("5"), new MemoryFolder()));
	await all.time.until(third.keepers.losses.forget(1));
	t.match(await all.time.until(two.handOver(third)), { to: back.owner.name, epoch: 4, isOpen: true });
	const last = await all.time.until(waiting);
	t.same(await all.time.until(last.stage.readAll(0)), [8], "what was forgotten holds up nobody");
	await all.time.until(last.close());
});

t.test("who has said that it waits, and is killed, holds up the owner for a moment only", async (t) => {
	const two = new TwoHosts("host");
	const { all } = two;
	const [one, other] = [all.host("1"), all.host("2")];
	const first = await all.time.until(two.make(one, new MemoryFolder()));
	two.open(other, new MemoryFolder()).catch(() => {});
	await all.pass(1_000);
	two.afterAnswer = () => {
		other.life.isKilled = true;
	};
	await t.rejects(all.time.until(two.handOver(first)), {
		message: "host 2 did not come for it, and it goes on here",
	});
	t.match(all.top, { epoch: 1, heir: undefined, asks: undefined });
	t.equal(await all.time.until(first.stage.write(0, 1)), StorageStatus.ok);
	t.equal(await all.time.until(flush(first.stage)), StorageStatus.ok);
	t.same(await all.time.until(first.stage.readAll(0)), [1]);
	await all.time.until(first.close());
});

for (const victim of ["owner", "heir"] as const)
	t.test(
		`the ${victim} is killed at any moment of a handover, and nothing is lost that was flushed`,
		async (t) => {
			let owners = 0;
			for (let killMs = FIRST_KILL_MS; killMs < KILL_MOST_MS; killMs += KILL_PAUSE_MS) {
				const two = new TwoHosts("store");
				const { all } = two;
				const [one, other, third] = [all.host("1"), all.host("2"), all.host("3")];
				const first = await all.time.until(two.make(one, new MemoryFolder()));
				t.equal(await all.time.until(first.stage.write(0, 7)), StorageStatus.ok);
				t.equal(await all.time.until(flush(first.stage)), StorageStatus.ok);
				two.open(other, new MemoryFolder(), 30).catch(() => {});
				await all.pass(1_000);
				const killed = victim === "owner" ? one : other;
				all.time.after(killMs, () => {
					killed.life.isKilled = true;
				});
				two.handOver(first).catch(() => {});
				await all.pass(8_000);
				if (all.top.epoch > 1) owners++;
				(victim === "owner" ? other : one).life.isKilled = true;
				const last = await all.time.until(two.open(third, new MemoryFolder(), 30));
				t.same(await all.time.until(last.stage.readAll(0)), [7], `after ${killMs} ms`);
				t.equal(await all.time.until(last.stage.write(0, 8)), StorageStatus.ok);
				await all.time.until(last.close());
			}
			t.ok(owners > 0, `${owners} times the heir had it`);
		},
	);
