// Two hosts and one pool in a store: one is killed, stopped, cut off, or hands over, and the other one goes on with all that was stable.
import t from "tap";
import { PromisedRequest } from "../../../lib/block/device.js";
import { BlockOp } from "../../../lib/block/request.js";
import { StorageStatus } from "../../../lib/errors.js";
import { MemoryFolder, type Stage } from "../memory-folder.js";
import type { Host } from "./keeper-world.js";
import { type Opened, TwoHosts } from "./two-hosts.js";

async function flush({ device }: Stage): Promise<StorageStatus> {
	const promised = new PromisedRequest();
	promised.request.op = BlockOp.flush;
	return (await promised.run(device)).status;
}

t.test("one is killed, and the other one has all that was flushed in less than 10 seconds", async (t) => {
	const two = new TwoHosts("store");
	const { all } = two;
	const [one, other] = [all.host("1"), all.host("2")];
	const first = await all.time.until(two.make(one, new MemoryFolder()));
	for (let page = 0; page < 50; page++)
		t.equal(await all.time.until(first.stage.write(page, page + 1)), StorageStatus.ok);
	t.equal(await all.time.until(flush(first.stage)), StorageStatus.ok);
	one.life.isKilled = true;
	const killedMs = all.time.now();
	const second = await all.time.until(two.open(other, new MemoryFolder()));
	t.same(await all.time.until(second.stage.readAll(0, 49)), [1, 50]);
	t.ok(all.time.now() - killedMs < 10_000, `${all.time.now() - killedMs} ms`);
	t.equal(await all.time.until(second.stage.write(0, 99)), StorageStatus.ok);
	await all.time.until(second.close());
});

t.test(
	"who was stopped and wakes answers nothing any more, not even what no file is asked for",
	async (t) => {
		const two = new TwoHosts("store");
		const { all } = two;
		const [one, other] = [all.host("1"), all.host("2")];
		const first = await all.time.until(two.make(one, new MemoryFolder()));
		await all.time.until(first.stage.write(0, 1));
		t.equal(await all.time.until(flush(first.stage)), StorageStatus.ok);
		one.life.stop(60_000);
		const second = await all.time.until(two.open(other, new MemoryFolder()));
		t.equal(await all.time.until(second.stage.write(0, 2)), StorageStatus.ok);
		// Before its clock has had a turn.
		const asked = Promise.all([flush(first.stage), first.stage.read(0), first.stage.write(0, 3)]);
		let isAnswered = false;
		void asked.then(() => {
			isAnswered = true;
		});
		await all.pass(10_000);
		t.equal(isAnswered, false, "it waits until it knows");
		const { closed } = StorageStatus;
		t.same(await all.time.until(asked), [closed, -closed, closed]);
		t.match(first.keepers.keeper?.end, { message: "head: host 2 has the pool now, by epoch 2" });
		t.same(await all.time.until(second.stage.readAll(0)), [2]);
		await all.time.until(second.close());
	},
);

t.test("who is cut off waits, and goes on if nobody came", async (t) => {
	const two = new TwoHosts("host");
	const { all } = two;
	const one = all.host("1");
	const { stage, close } = await all.time.until(two.make(one, new MemoryFolder()));
	await all.time.until(stage.write(0, 1));
	one.line.cut(20_000);
	await all.pass(7_000);
	const asked = Promise.all([stage.write(0, 2), stage.read(1), flush(stage)]);
	let isAnswered = false;
	void asked.then(() => {
		isAnswered = true;
	});
	await all.pass(10_000);
	t.equal(isAnswered, false);
	t.same(await all.time.until(asked), [StorageStatus.ok, 0, StorageStatus.ok]);
	t.same(await all.time.until(stage.readAll(0)), [2]);
	await all.time.until(close());
});

t.test(
	"what is on one host alone is not lost without a word, and is there when that host is again",
	async (t) => {
		const two = new TwoHosts("host");
		const { all } = two;
		const [one, other] = [all.host("1"), all.host("2")];
		const local = new MemoryFolder();
		const first = await all.time.until(two.make(one, local));
		t.equal(await all.time.until(first.stage.write(0, 7)), StorageStatus.ok);
		one.life.isKilled = true;
		const refused = two.open(other, new MemoryFolder());
		await t.rejects(all.time.until(refused), /gold: up to \d+ bytes .* are only on that host/);
		const beganMs = all.time.now();
		const again = await all.time.until(two.open(all.host("3"), local));
		t.ok(all.time.now() - beganMs < 1_000, `${all.time.now() - beganMs} ms`);
		t.same(await all.time.until(again.stage.readAll(0)), [7]);
		await all.time.until(again.close());
		const last = await all.time.until(two.open(other, new MemoryFolder()));
		t.same(await all.time.until(last.stage.readAll(0)), [7]);
		await all.time.until(last.close());
	},
);

t.test("one hands over to the other, which need not wait for the lease", async (t) => {
	const two = new TwoHosts("host");
	const { all } = two;
	const [one, other] = [all.host("1"), all.host("2")];
	const first = await all.time.until(two.make(one, new MemoryFolder()));
	await all.time.until(first.stage.write(5, 6));
	const opening = two.open(other, new MemoryFolder());
	await all.pass(100);
	const heir = two.waiting.get(other)?.heir;
	t.type(heir, "object");
	const beganMs = all.time.now();
	const closing = first.close(heir);
	const second = await all.time.until(opening);
	await all.time.until(closing);
	t.ok(all.time.now() - beganMs < 3_000, `${all.time.now() - beganMs} ms`);
	t.equal(second.keepers.keeper?.epoch, 2);
	t.match(first.keepers.keeper?.end, { message: "head: host 2 has the pool now, by epoch 2" });
	t.same(await all.time.until(second.stage.readAll(5)), [6]);
	await all.time.until(second.close());
});

/** What initiators know the volume by. */
function identityOf({ stage: { pool } }: Opened): string {
	const { serial, wwn } = pool.administration.volume("web");
	return `${serial} ${wwn}`;
}

for (const killedMs of [3, 6, 9, 12, 15, 20, 30, 60, 500])
	t.test(
		`after a loss initiators find other disks, though its host is killed ${killedMs} ms later`,
		async (t) => {
			const two = new TwoHosts("host");
			const { all } = two;
			const [one, other, last] = [all.host("1"), all.host("2"), all.host("3")];
			const first = await all.time.until(two.make(one, new MemoryFolder()));
			const before = identityOf(first);
			// It is in the store by then.
			await all.pass(60_000);
			t.equal(await all.time.until(first.stage.write(0, 7)), StorageStatus.ok);
			one.life.isKilled = true;
			const taken = async (host: Host): Promise<Opened> => {
				const local = new MemoryFolder();
				// (What was not brought to the store again is lost again.)
				for (;;)
					try {
						return await all.time.until(two.open(host, local));
					} catch (error) {
						t.match(error, { message: /are only on that host/ });
						two.wordOf(host).say(2 ** 40);
					}
			};
			await t.rejects(all.time.until(two.open(other, new MemoryFolder())), /are only on that host/);
			two.wordOf(other).say(2 ** 40);
			two.open(other, new MemoryFolder()).catch(() => {});
			await all.pass(killedMs);
			other.life.isKilled = true;
			const third = await taken(last);
			const now = identityOf(third);
			t.not(now, before);
			t.same(await all.time.until(third.stage.readAll(0)), [0]);
			await all.time.until(third.close());
			const again = await all.time.until(two.open(all.host("4"), new MemoryFolder()));
			t.equal(identityOf(again), now, "they stay that");
			await all.time.until(again.close());
		},
	);
