// A disk at the other end of a link: the conformance suite, and what it does when frames are lost and late, the target crashes, is away, or comes back as another.

import t from "tap";
import { MemoryDevice } from "../../lib/block/memory.js";
import { BlockOp } from "../../lib/block/request.js";
import type { FarOptions } from "../../lib/client/far-disk.js";
import { StorageStatus } from "../../lib/errors.js";
import type { NbdDevice } from "../../lib/nbd/remote/device.js";
import { Random } from "../../lib/random.js";
import { blockConformance } from "../../lib/testing/block-conformance.js";
import { CrashDevice } from "../../lib/testing/crash-device.js";
import { faultySchedule } from "../../lib/testing/faulty-schedule.js";
import { StrictLayer } from "../../lib/testing/strict-layer.js";
import { heapMemory } from "../../lib/wire/memory.js";
import { contents, Load, request } from "../nbd/remote-bench.js";
import { Far, INTERVAL_MS, RESEND } from "./far-bench.js";

const MIB = 1024 * 1024;

t.test("it is a block device", async (t) => {
	for (const mtu of [1500, 9000]) {
		let far = new Far(new Random(1), new MemoryDevice(2 * MIB), mtu);
		const make = async (readOnly: boolean) => {
			far = new Far(new Random(1), new MemoryDevice(2 * MIB), mtu);
			return new StrictLayer(await far.until(far.open({ readOnly })), { isTop: true });
		};
		await blockConformance(t, `far, MTU ${mtu}`, () => make(false), {
			wait: (promise) => far.until(promise),
			makeReadOnly: () => make(true),
		});
	}
});

const LATE_MS = 900;
/** One that keeps frames in order, and one in which they overtake each other, which no bridge may double then. */
const NETWORKS = [
	{ dropRate: 0.03, duplicateRate: 0.03, delayRate: 0.05, delayMs: LATE_MS, ordered: true },
	{ dropRate: 0.03, delayRate: 0.1, delayMs: LATE_MS },
	{ dropRate: 0.02, corruptRate: 0.02, delayRate: 0.05, delayMs: LATE_MS, latencyMs: 1 },
];

/** What is wrong after a time on a bad network, with a target that crashes; and how often it did. */
async function ordeal(seed: number, network: number, options: Partial<FarOptions> = {}) {
	const random = new Random(seed);
	const far = new Far(random, new CrashDevice(MIB / 8));
	const device = await far.until(far.open(options));
	const faults = faultySchedule({ clock: far.clock, random, ...NETWORKS[network] });
	far.schedule = faults.schedule;
	const load = new Load(device, far.pump, random);
	let crashes = 0;
	await far.until(load.run(60), () => {
		if (!far.isServing || !random.chance(0.002)) return;
		far.crash();
		crashes++;
		far.clock.after(3000 + random.below(INTERVAL_MS * 3), () => far.start());
	});
	far.schedule = (deliver) => deliver();
	await far.until(request(device, far.pump, { op: BlockOp.flush }));
	const problems = [...load.problems];
	if (!(await far.until(contents(device, far.pump))).equals(load.model)) problems.push("it reads otherwise");
	far.crash();
	far.start();
	if (!(await far.until(contents(device, far.pump))).equals(load.model)) problems.push("it is otherwise");
	const { resends } = device.state;
	await far.until(device.close());
	return { problems, crashes, resends, lost: faults.counts.dropped };
}

t.test("nothing that was answered is lost, and nothing old comes back", async (t) => {
	let crashes = 0;
	for (let round = 0; round < 12; round++) {
		const { seed } = new Random();
		const end = await ordeal(seed, round % NETWORKS.length);
		t.same(end.problems, [], `seed ${seed}, network ${round % NETWORKS.length}`);
		t.ok(end.resends > 0 && end.lost > 0, `${end.lost} frames lost, ${end.resends} sent again`);
		crashes += end.crashes;
	}
	t.ok(crashes > 0, `${crashes} crashes`);
});

t.test("who does not wait for late copies has old data back", async (t) => {
	let wrong = 0;
	for (let seed = 1; seed <= 12; seed++)
		wrong += (await ordeal(seed, 1, { frameLifetimeMs: 0 })).problems.length;
	t.ok(wrong > 0, `${wrong} problems`);
});

function at(offsetBytes: number, op: BlockOp = BlockOp.read, fill = 0) {
	const memory = heapMemory(4096);
	memory.bytes.fill(fill);
	return { op, offsetBytes, lengthBytes: 4096, memory };
}

async function opened(device = new CrashDevice(MIB)) {
	const far = new Far(new Random(2), device);
	const disk: NbdDevice = await far.until(far.open());
	const ask = (fields: Parameters<typeof request>[2]) => request(disk, far.pump, fields);
	return { far, disk, ask };
}

t.test("an outage is a pause as long as it is short, and then an error, which heals", async (t) => {
	const { far, disk, ask } = await opened();
	t.match(disk.info, { sizeBytes: MIB, canTrim: true, writeCache: true });
	t.equal((await far.until(ask(at(8192, BlockOp.write, 7)))).status, StorageStatus.ok);
	t.equal((await far.until(ask({ op: BlockOp.flush }))).status, StorageStatus.ok);
	far.crash();
	const waiting = ask(at(8192));
	await far.pass(INTERVAL_MS * (RESEND - 1));
	t.match(disk.state, {
		state: "unreachable",
		waiting: 1,
		losses: 1,
		why: "nobody answers for e9.0 on mem0",
	});
	far.start();
	t.equal((await far.until(waiting)).status, StorageStatus.ok);
	t.match(disk.state, { state: "connected", waiting: 0 });
	far.crash();
	const late = ask(at(8192));
	await far.pass(INTERVAL_MS * (RESEND + 1));
	t.equal((await far.until(late)).status, StorageStatus.unreachable);
	const before = far.clock.now();
	t.equal((await ask(at(8192))).status, StorageStatus.unreachable, "at once");
	t.equal(far.clock.now(), before);
	far.start();
	await far.pass(2 * INTERVAL_MS);
	t.match(disk.state, { state: "connected" });
	t.equal((await far.until(ask(at(8192)))).status, StorageStatus.ok);
	await far.until(disk.close());
});

t.test("an idle target that goes is missed, and what it had answered is there when it is back", async (t) => {
	const { far, disk, ask } = await opened();
	await far.pass(3 * INTERVAL_MS);
	t.match(disk.state, { state: "connected", losses: 0, resends: 0 }, "pings");
	t.equal((await far.until(ask(at(0, BlockOp.write, 9)))).status, StorageStatus.ok);
	far.crash();
	await far.pass(INTERVAL_MS);
	t.match(disk.state, { state: "unreachable", losses: 1 });
	far.start((far.disk as CrashDevice).crash(new Random(1), 0));
	const read = at(0);
	t.equal((await far.until(ask(read))).status, StorageStatus.ok);
	t.equal(read.memory.bytes[0], 9);
	await far.until(disk.close());
});

t.test("one that is back before it is missed says so, and has what it had answered", async (t) => {
	const { far, disk, ask } = await opened();
	t.equal((await far.until(ask(at(0, BlockOp.write, 9)))).status, StorageStatus.ok);
	far.crash();
	far.start((far.disk as CrashDevice).crash(new Random(1), 0), true);
	const read = at(0);
	t.equal((await far.until(ask(read))).status, StorageStatus.ok);
	t.equal(read.memory.bytes[0], 9);
	t.match(disk.state, { losses: 1, why: /announced itself anew/ });
	await far.until(disk.close());
});

t.test("a link that goes down, comes up, or has another MTU is a pause", async (t) => {
	const { far, disk, ask } = await opened();
	far.link.setUp(false);
	const waiting = ask(at(4096, BlockOp.write, 3));
	await far.pass(INTERVAL_MS);
	t.match(disk.state, { state: "unreachable", why: "mem0 is down" });
	far.link.setUp(true);
	t.equal((await far.until(waiting)).status, StorageStatus.ok);
	for (const mtu of [9000, 1500, 600]) {
		far.link.setMtu(mtu);
		t.equal((await far.until(ask(at(8192, BlockOp.write, 5)))).status, StorageStatus.ok, `MTU ${mtu}`);
	}
	t.match(disk.state, { state: "connected", losses: 4 });
	await far.until(disk.close());
});

t.test("one that has become another is not used", async (t) => {
	const { far, disk, ask } = await opened();
	far.crash();
	const waiting = ask(at(0));
	far.start(new MemoryDevice(2 * MIB), true);
	t.equal((await far.until(waiting)).status, StorageStatus.unreachable);
	t.match(disk.state, { state: "stopped", why: "the export has 2097152 bytes now, and had 1048576" });
	far.crash();
	far.start(new CrashDevice(MIB), true);
	await far.pass(4 * INTERVAL_MS);
	t.equal((await far.until(ask(at(0)))).status, StorageStatus.ok);
	await far.until(disk.close());
});

t.test("errors of the disk are told as what they are", async (t) => {
	const far = new Far(new Random(1), new MemoryDevice(MIB, { readOnly: true }));
	const disk = await far.until(far.open());
	const write = await far.until(request(disk, far.pump, at(0, BlockOp.write, 1)));
	t.equal(write.status, StorageStatus.writeProtected);
	await far.until(disk.close());
});
