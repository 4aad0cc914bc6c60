// A host's seat at a pool that two hosts serve: where its volumes are asked, while the pool goes to and fro, openings fail, and nobody has it.
import t from "tap";
import { OperatorError, StorageStatus } from "../../lib/errors.js";
import { NoVolumeError } from "../../lib/pool/catalog.js";
import type { LostTail } from "../../lib/pool/store/superblock.js";
import { ID, IDENTITY, owned, Stage, write } from "./seat-stage.js";

const lost = (epoch: number): LostTail => ({ epoch, host: ID, bytes: 4096, seconds: 1, image: {} });

t.test("a volume goes where the pool goes, with what was not answered", async (t) => {
	const stage = new Stage();
	const { seat } = stage;
	seat.saw(owned(3));
	const { device, identity } = await seat.use("web");
	t.strictSame(identity, IDENTITY);
	t.strictSame(stage.opened, ["there web"]);
	t.equal(device.tenure?.mayAnswer, false, "an initiator of AoE is the owner's");
	const first = write(device);
	const there = stage.last;
	t.strictSame(there.below, ["write 0+512"]);
	seat.cameHere();
	there.done(0, StorageStatus.closed);
	await stage.turns();
	t.strictSame(stage.opened, ["there web", "here web"]);
	t.ok(there.closed);
	t.strictSame(stage.last.below, ["write 0+512"]);
	stage.last.done();
	t.equal((await first).status, StorageStatus.ok);
	t.equal(device.tenure?.mayAnswer, true);
	seat.wentThere(owned(5));
	await stage.turns();
	t.strictSame(stage.opened.slice(2), ["there web"]);
	t.equal(device.tenure?.mayAnswer, false);
	t.strictSame(stage.serves, [true, false]);
	await device.close();
	t.ok(seat.isUnused);
	t.ok(stage.last.closed);
});

t.test(
	"what can't be opened is tried again, with pauses that grow, until it can or is not wanted",
	async (t) => {
		const stage = new Stage();
		const { seat, clock } = stage;
		seat.saw(owned(3));
		const { device } = await seat.use("web");
		stage.fails = "no connection";
		seat.wentThere(owned(4));
		for (let second = 0; second < 30; second++) {
			await stage.turns();
			clock.pass(1000);
		}
		const tries = stage.opened.length;
		t.ok(tries > 10 && tries < 45, `${tries} tries`);
		const waiting = write(device);
		stage.fails = undefined;
		clock.pass(1000);
		await stage.turns();
		stage.last.done();
		t.equal((await waiting).status, StorageStatus.ok);
		stage.fails = "no connection";
		seat.wentThere(owned(5));
		await stage.turns();
		await device.close();
		const { length } = stage.opened;
		clock.pass(60_000);
		await stage.turns();
		t.equal(stage.opened.length, length, "nobody wants it");
	},
);

t.test("a handover that comes to nothing is a pause", async (t) => {
	const stage = new Stage();
	const { seat } = stage;
	const opening = seat.use("web");
	const { device } = await opening;
	t.strictSame(stage.opened, ["here web"]);
	const here = stage.last;
	const under = write(device);
	let during: Promise<{ readonly status: StorageStatus }> | undefined;
	const moving = seat.handingOver(async () => {
		during = write(device);
		t.equal(seat.isMoving, true);
		t.equal(device.tenure?.mayAnswer, false);
		throw new OperatorError("no other host waits for it");
	});
	here.done();
	await t.rejects(moving, { message: "no other host waits for it" });
	t.equal((await under).status, StorageStatus.ok);
	t.equal(seat.isHere, true);
	here.done();
	t.equal((await during)?.status, StorageStatus.ok);
});

t.test("a disk of this host has a volume alone, and others have it beside it", async (t) => {
	const stage = new Stage();
	const { seat } = stage;
	const { device } = await seat.use("web");
	await t.rejects(seat.use("web"), { message: 'volume "web": is in use already' });
	const { device: theirs } = await seat.use("web", "two");
	t.strictSame(stage.opened, ["here web"], "it is opened once");
	await device.close();
	t.equal(stage.last.closed, false);
	await theirs.close();
	t.ok(stage.last.closed);
	const leaving = await seat.use("logs");
	const [again] = await Promise.all([seat.use("logs", "two"), leaving.device.close()]);
	const writing = write(again.device);
	stage.last.done();
	t.equal((await writing).status, StorageStatus.ok, "who comes as the last one leaves has it");
});

t.test("a volume that is another disk than it was is not gone on with, wherever that is found", async (t) => {
	const stage = new Stage();
	const { seat, clock } = stage;
	seat.saw(owned(3));
	const { device } = await seat.use("web");
	stage.last.listeners.replaced();
	t.strictSame(stage.replaced, ["web"], "it has gone back to a snapshot while the line was broken");
	stage.identity = { serial: "b2", wwn: "3000000000000002" };
	const asking = write(device);
	const before = stage.last;
	seat.wentThere(owned(5));
	before.done(0, StorageStatus.closed);
	await stage.turns();
	t.strictSame(stage.opened, ["there web", "there web"]);
	t.strictSame(stage.replaced, ["web", "web"], "or the next owner has another one of its name");
	t.strictSame([stage.last.below, stage.last.closed], [[], true], "which is asked for nothing");
	stage.identity = IDENTITY;
	seat.wentThere(owned(7));
	await stage.turns();
	stage.last.done();
	t.equal((await asking).status, StorageStatus.ok, "who is not cut off goes on with what it was");
	await device.close();
	stage.devices[0]?.listeners.replaced();
	t.equal(stage.replaced.length, 2, "nobody is told of what is closed");
	t.equal(clock.step(), false, "no timer is left");
});

t.test("what was given up is told once, and what is older than what is known is not believed", async (t) => {
	const { seat } = new Stage();
	t.strictSame(
		seat.saw(owned(3, { lost: [lost(2)] })),
		{ isLoss: false },
		"who has just come knows nothing of it",
	);
	t.strictSame(seat.saw(owned(3, { lost: [lost(2)] })), { isLoss: false });
	t.strictSame(seat.saw(owned(5, { lost: [lost(2), lost(4)] })), { isLoss: true });
	t.strictSame(seat.saw(owned(5, { lost: [lost(4)] })), { isLoss: false });
	t.strictSame(seat.saw(owned(3, { lost: [lost(9)] })), { isLoss: false });
	seat.wentThere(null);
	t.equal(seat.at, undefined, "where nobody knows who has it nobody is asked");
});

t.test("who is asked for more by others hands it over, and not again at once", async (t) => {
	const stage = new Stage();
	const { seat, clock } = stage;
	const { device } = await seat.use("web", "two");
	for (let look = 0; look < 300; look++) {
		const writes = Array.from({ length: 20 }, () => write(device));
		stage.last.allDone();
		await Promise.all(writes);
		clock.pass(100);
		await stage.turns();
	}
	t.ok(stage.handOvers >= 2 && stage.handOvers <= 6, `${stage.handOvers} times in half a minute`);
	seat.end();
	t.equal(clock.step(), false, "no timer is left");
});

t.test("one that was renamed or removed while it was out of reach is not waited for", async (t) => {
	const stage = new Stage();
	const { seat } = stage;
	seat.saw(owned(3));
	await seat.use("web");
	stage.fails = new NoVolumeError('store:gold: has no volume "web"');
	seat.cameHere();
	await stage.turns();
	t.strictSame(stage.replaced, ["web"]);
	t.strictSame(stage.opened, ["there web", "here web"]);
});
