// A disk at the other end of a link on which others answer for its address, or announce it: what the right target serves goes on.

import t from "tap";
import { configLength } from "../../lib/aoe/config.js";
import type { BlockDevice, Tenure } from "../../lib/block/device.js";
import { DeviceLayer } from "../../lib/block/layer.js";
import { MemoryDevice } from "../../lib/block/memory.js";
import { BlockOp, type BlockRequest } from "../../lib/block/request.js";
import { StorageStatus } from "../../lib/errors.js";
import { request } from "../nbd/remote-bench.js";
import { type Far, INTERVAL_MS, OUR_TARGET_MAC } from "./far-bench.js";
import { LabTarget } from "./harness.js";

import { at, Ill, isAta, LIMIT_MS, MIB, ROGUE_MAC } from "./ill.js";

/** Somebody says all the time that he serves the address. */
function announceAgain(far: Far, mac: number, everyMs: number): () => void {
	let isOver = false;
	const frame = far.announcement(mac);
	const again = (): void => {
		if (isOver) return;
		far.link.arrive(frame, 0, frame.length);
		far.pump.run();
		far.clock.after(everyMs, again);
	};
	again();
	return () => {
		isOver = true;
	};
}

t.test("somebody who announces the address without an end does not disturb", async (t) => {
	const { far, disk, ask } = await Ill.open((_frame, deliver) => deliver());
	const end = announceAgain(far, ROGUE_MAC, 1);
	for (let i = 0; i < 100; i++) {
		t.equal(await ask(at(4096 * (i % 16), BlockOp.write, i)), StorageStatus.ok);
		await far.pass(20);
	}
	t.equal(disk.state.losses, 0);
	end();
	await far.until(disk.close());
});

t.test("a target that does so itself makes requests fail, late, and is asked seldom", async (t) => {
	const { ill, far, disk, ask } = await Ill.open((_frame, deliver) => deliver());
	const end = announceAgain(far, OUR_TARGET_MAC, 10);
	const before = ill.frames;
	t.equal(await ask(at(0)), StorageStatus.unreachable);
	t.ok(ill.frames - before < 2000, `${ill.frames - before} frames`);
	end();
	await far.pass(4 * INTERVAL_MS);
	t.equal(await ask(at(0)), StorageStatus.ok);
	await far.until(disk.close());
});

/** Another target at the same address, which answers sooner. */
function rogueOn(far: Far, device: BlockDevice): LabTarget {
	const rogue = new LabTarget(far.ether.link(far.pump, { mtu: far.mtu, mac: ROGUE_MAC }), far.clock, 4);
	rogue.serve(9, 0, device);
	const { schedule } = far;
	far.schedule = (deliver, frame, from, to) => {
		if (from.mac === OUR_TARGET_MAC) far.clock.after(100, () => schedule(deliver, frame, from, to));
		else deliver();
	};
	return rogue;
}

/** A disk that several hosts have, one after the other. */
class Had extends DeviceLayer {
	constructor(
		device: BlockDevice,
		readonly epoch: number,
	) {
		super(device);
	}

	override get tenure(): Tenure {
		return { mayAnswer: true, epoch: this.epoch, isNew: false };
	}

	protected handle(request: BlockRequest): void {
		this.device.submit(request);
	}

	below(request: BlockRequest): void {
		request.resume();
	}
}

t.test(
	"another target at the address, with another disk, which answers sooner, is not taken for it",
	async (t) => {
		const { far, disk, ask } = await Ill.open((_frame, deliver) => deliver());
		rogueOn(far, new MemoryDevice(2 * MIB));
		for (let i = 0; i < 3; i++) {
			far.link.setUp(false);
			far.link.setUp(true);
			t.equal(await ask(at(0, BlockOp.write, i)), StorageStatus.ok);
		}
		t.match(disk.state, { state: "connected", losses: 3 });
		await far.until(disk.close());
	},
);

t.test("nor is it while the right one is away: that is an outage, which ends", async (t) => {
	const { far, disk, ask } = await Ill.open((_frame, deliver) => deliver());
	rogueOn(far, new MemoryDevice(2 * MIB));
	far.crash();
	const waiting = ask(at(4096));
	await far.pass(LIMIT_MS / 2);
	t.match(disk.state, { state: "unreachable", waiting: 1 });
	far.start();
	t.equal(await waiting, StorageStatus.ok);
	await far.until(disk.close());
});

t.test("one that answers nonsense, and first, keeps nobody from finding the right one", async (t) => {
	const { far, disk, ask } = await Ill.open((_frame, deliver) => deliver());
	rogueOn(far, new MemoryDevice(2 * MIB));
	const { schedule } = far;
	far.schedule = (deliver, frame, from, to) => {
		if (from.mac === ROGUE_MAC && !isAta(frame)) configLength.set(frame, 0, 60_000);
		schedule(deliver, frame, from, to);
	};
	far.link.setUp(false);
	far.link.setUp(true);
	t.equal(await ask(at(0)), StorageStatus.ok);
	await far.until(disk.close());
});

t.test("the same disk by another target is the same disk", async (t) => {
	const { far, disk, ask } = await Ill.open((_frame, deliver) => deliver());
	t.equal(await ask(at(0, BlockOp.write, 5)), StorageStatus.ok);
	const { disk: device } = far;
	far.crash();
	rogueOn(far, device);
	const read = at(0);
	t.equal(await ask(read), StorageStatus.ok);
	t.equal(read.memory.bytes[0], 5);
	await far.until(disk.close());
});

t.test("one that is silent is given up soon once another one says that it serves the address", async (t) => {
	for (const announces of [false, true]) {
		const { far, disk, ask } = await Ill.open((_frame, deliver) => deliver());
		t.equal(await ask(at(0, BlockOp.write, 1)), StorageStatus.ok);
		far.crash();
		const waiting = ask(at(0));
		await far.pass(500);
		const frame = far.announcement(ROGUE_MAC);
		if (announces) far.link.arrive(frame, 0, frame.length);
		far.pump.run();
		await far.pass(400);
		t.equal(disk.state.losses, announces ? 1 : 0);
		far.start();
		await far.until(waiting);
		await far.until(disk.close());
	}
});

t.test("one who has the disk by a later epoch is gone on with at once, and nobody else is", async (t) => {
	for (const [epochs, isHeir] of [
		[[3, 4], true],
		[[3, 3], false],
		[[3, 2], false],
	] as const) {
		const { far, disk, ask } = await Ill.open((_frame, deliver) => deliver());
		const { disk: device } = far;
		far.crash();
		far.start(new Had(device, epochs[0]), true);
		t.equal(await ask(at(0, BlockOp.write, 1)), StorageStatus.ok);
		const { losses } = disk.state;
		far.crash();
		const waiting = ask(at(4096, BlockOp.write, 2));
		await far.pass(20);
		rogueOn(far, new Had(device, epochs[1]));
		const frame = far.announcement(ROGUE_MAC);
		far.link.arrive(frame, 0, frame.length);
		far.pump.run();
		await far.pass(100);
		t.equal(disk.state.losses - losses, isHeir ? 1 : 0, `${epochs}`);
		t.equal(disk.state.waiting, isHeir ? 0 : 1, "no time is left for late frames to be lost");
		t.equal(await waiting, StorageStatus.ok);
		// It is known now, and who has had it before is nobody to go back to.
		if (isHeir) far.start(new Had(device, epochs[0]), true);
		await far.pass(1000);
		t.equal(disk.state.losses - losses, 1);
		const read = at(4096);
		t.equal(await ask(read), StorageStatus.ok);
		t.equal(read.memory.bytes[0], 2);
		await far.until(disk.close());
	}
});

t.test("one that is not silent is left for who has the disk by a later epoch", async (t) => {
	const { far, disk, ask } = await Ill.open((_frame, deliver) => deliver());
	const { disk: device } = far;
	far.crash();
	far.start(new Had(device, 1), true);
	t.equal(await ask(at(0)), StorageStatus.ok);
	const { losses } = disk.state;
	const heir = new MemoryDevice(MIB);
	rogueOn(far, new Had(heir, 2));
	const frame = far.announcement(ROGUE_MAC);
	far.link.arrive(frame, 0, frame.length);
	far.pump.run();
	await far.pass(100);
	t.equal(disk.state.losses - losses, 1);
	t.equal(await ask(at(0, BlockOp.write, 7)), StorageStatus.ok);
	const written = at(0);
	await far.until(request(heir, far.pump, written));
	t.equal(written.memory.bytes[0], 7);
	await far.until(disk.close());
});
