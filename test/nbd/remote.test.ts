// A remote disk: the conformance suite, and what it does when connections are cut, the server crashes, is away, or comes back as another.

import t from "tap";
import { PromisedRequest } from "../../lib/block/device.js";
import { MemoryDevice } from "../../lib/block/memory.js";
import { BlockOp } from "../../lib/block/request.js";
import { StorageStatus } from "../../lib/errors.js";
import { Random } from "../../lib/random.js";
import { blockConformance } from "../../lib/testing/block-conformance.js";
import { CrashDevice } from "../../lib/testing/crash-device.js";
import { heapMemory } from "../../lib/wire/memory.js";
import { ManualDevice } from "../block/devices.js";
import { MIB } from "./client.js";
import { contents, INTERVAL_MS, Load, RESEND, Remote, request } from "./remote-bench.js";

t.test("it is a block device", async (t) => {
	let remote = new Remote(new Random(1), new MemoryDevice(2 * MIB));
	const make = async (readOnly: boolean) => {
		remote = new Remote(new Random(1), new MemoryDevice(2 * MIB));
		if (readOnly) remote.server.access = "read";
		return remote.until(remote.open());
	};
	await blockConformance(t, "remote", () => make(false), {
		wait: (promise) => remote.until(promise, () => remote.pump.run()),
		makeReadOnly: () => make(true),
	});
});

t.test("nothing that was answered is lost: connections are cut, and the server crashes", async (t) => {
	for (let round = 0; round < 12; round++) {
		const random = new Random();
		const remote = new Remote(random, new CrashDevice(MIB / 4));
		const device = await remote.until(remote.open());
		const load = new Load(device, remote.pump, random);
		remote.cutBytes = 300_000;
		let crashes = 0;
		await remote.until(load.run(60), () => {
			if (!remote.isDown && random.chance(0.004)) {
				remote.crash();
				crashes++;
				remote.clock.after(random.below(INTERVAL_MS * 4), () => remote.restart());
			}
		});
		remote.cutBytes = Infinity;
		t.same(load.problems, [], `seed ${random.seed}`);
		await remote.until(request(device, remote.pump, { op: BlockOp.flush }));
		t.ok((await remote.until(contents(device, remote.pump))).equals(load.model), `seed ${random.seed}: read`);
		remote.crash();
		remote.restart();
		t.ok(
			(await remote.until(contents(device, remote.pump))).equals(load.model),
			`seed ${random.seed}: stable`,
		);
		t.ok(remote.connections > 1 && crashes >= 0);
		t.equal(await remote.until(device.close()), "closed");
		remote.server.close();
	}
});

/** What is wrong when requests of connections that are lost come to the server late. */
async function late(seed: number, session?: string): Promise<readonly string[]> {
	const random = new Random(seed);
	const remote = new Remote(random, new MemoryDevice(MIB / 4));
	const device = await remote.until(remote.open(session === undefined ? {} : { session }));
	const load = new Load(device, remote.pump, random);
	remote.cutBytes = 200_000;
	remote.lateMs = 2000;
	remote.crash();
	remote.restart();
	await remote.until(load.run(60));
	remote.cutBytes = Infinity;
	// (What is still late comes now.)
	await remote.pass(2 * remote.lateMs);
	const isSame = (await remote.until(contents(device, remote.pump))).equals(load.model);
	const cut = remote.server.troubles.filter((why) => why === "the client has connected anew");
	await remote.until(device.close());
	remote.server.close();
	if (session === undefined && cut.length === 0) return ["nobody was cut off"];
	return isSame ? load.problems : [...load.problems, "it reads otherwise"];
}

t.test("what is still on its way when a connection is lost never lands after what came later", async (t) => {
	for (let round = 0; round < 8; round++) {
		const { seed } = new Random();
		t.same(await late(seed), [], `seed ${seed}`);
	}
	let wrong = 0;
	for (let seed = 1; seed <= 8; seed++) wrong += (await late(seed, "")).length;
	t.ok(wrong > 0, `${wrong} problems with a server that does not know the client again`);
});

t.test("an outage is a pause as long as it is short, and then an error, which heals", async (t) => {
	const remote = new Remote(new Random(2), new CrashDevice(MIB));
	const device = await remote.until(remote.open());
	const { pump } = remote;
	const memory = heapMemory(4096);
	memory.bytes.fill(7);
	const write = () =>
		request(device, pump, { op: BlockOp.write, offsetBytes: 8192, lengthBytes: 4096, memory });
	const read = () =>
		request(device, pump, {
			op: BlockOp.read,
			offsetBytes: 8192,
			lengthBytes: 4096,
			memory: heapMemory(4096),
		});
	t.equal((await remote.until(write())).status, StorageStatus.ok);
	t.equal((await remote.until(request(device, pump, { op: BlockOp.flush }))).status, StorageStatus.ok);

	remote.crash();
	const waiting = write();
	await remote.pass(INTERVAL_MS * (RESEND - 1));
	t.match(device.state, { state: "unreachable", waiting: 1, losses: 1 });
	remote.restart();
	t.equal((await remote.until(waiting)).status, StorageStatus.ok);
	t.match(device.state, { state: "connected", waiting: 0 });

	remote.crash();
	const late = read();
	await remote.pass(INTERVAL_MS * (RESEND + 1));
	t.equal((await remote.until(late)).status, StorageStatus.unreachable);
	const before = remote.clock.now();
	t.equal((await remote.until(read())).status, StorageStatus.unreachable, "at once");
	t.equal(remote.clock.now(), before);
	remote.restart();
	await remote.pass(INTERVAL_MS);
	t.match(device.state, { state: "connected" });
	t.equal((await remote.until(read())).status, StorageStatus.ok);
	// What had been answered before it, and not flushed, may be lost: who asks for a flush is told, once.
	t.equal(
		(await remote.until(request(device, pump, { op: BlockOp.flush }))).status,
		StorageStatus.unreachable,
	);
	t.equal((await remote.until(request(device, pump, { op: BlockOp.flush }))).status, StorageStatus.ok);
	await remote.until(device.close());
	remote.server.close();
});

t.test("who waits is told of, and an idle server is asked whether it is there", async (t) => {
	const remote = new Remote(new Random(4), new MemoryDevice(MIB));
	const device = await remote.until(remote.open());
	const told: string[] = [];
	device.listen({
		stalled: ({ offsetBytes, waitedMs }) => told.push(`stalled ${offsetBytes} ${waitedMs >= INTERVAL_MS}`),
		resumed: (waitedMs, count) => told.push(`resumed ${count} ${waitedMs >= INTERVAL_MS}`),
	});
	await remote.pass(3 * INTERVAL_MS);
	t.match(device.state, { state: "connected", losses: 0 });
	t.strictSame(told, []);
	const reads = remote.reads;
	t.ok(reads > 0, "pings");

	remote.crash();
	const waiting = request(device, remote.pump, {
		op: BlockOp.read,
		offsetBytes: 4096,
		lengthBytes: 512,
		memory: heapMemory(512),
	});
	await remote.pass(3 * INTERVAL_MS);
	t.strictSame(told, ["stalled 4096 true"]);
	remote.restart();
	t.equal((await remote.until(waiting)).status, StorageStatus.ok);
	await remote.pass(2 * INTERVAL_MS);
	t.strictSame(told, ["stalled 4096 true", "resumed 1 true"]);

	remote.crash();
	const late = request(device, remote.pump, {
		op: BlockOp.read,
		offsetBytes: 4096,
		lengthBytes: 512,
		memory: heapMemory(512),
	});
	t.equal((await remote.until(late)).status, StorageStatus.unreachable);
	await remote.pass(3 * INTERVAL_MS);
	t.equal(told.length, 3, "that nobody waits any more is no sign of life");
	remote.restart();
	await remote.pass(3 * INTERVAL_MS);
	t.strictSame(told.slice(2), ["stalled 4096 true", "resumed 1 true"]);
	await remote.until(device.close());
	remote.server.close();
});

t.test("one that has become another is not used", async (t) => {
	const remote = new Remote(new Random(3), new MemoryDevice(MIB));
	const device = await remote.until(remote.open());
	const read = () =>
		request(device, remote.pump, {
			op: BlockOp.read,
			offsetBytes: 0,
			lengthBytes: 512,
			memory: heapMemory(512),
		});
	remote.crash();
	const waiting = read();
	remote.restart(new MemoryDevice(2 * MIB));
	t.equal((await remote.until(waiting)).status, StorageStatus.unreachable);
	t.match(device.state, { state: "stopped", why: "the export has 2097152 bytes now, and had 1048576" });
	remote.crash();
	remote.restart(new MemoryDevice(MIB));
	remote.server.access = "read";
	await remote.pass(2 * INTERVAL_MS);
	t.match(device.state, { state: "stopped", why: "the export is read-only now" });
	remote.crash();
	remote.restart();
	await remote.pass(2 * INTERVAL_MS);
	t.equal((await remote.until(read())).status, StorageStatus.ok);
	await remote.until(device.close());
	remote.server.close();
});

t.test("one that is not wanted any more is not waited for, although nobody answers", async (t) => {
	const remote = new Remote(new Random(1), new MemoryDevice(MIB));
	const calling = new AbortController();
	let connected = 0;
	const connect = (): Promise<never> => {
		connected++;
		return new Promise(() => {});
	};
	const opening = remote.open({ connect, signal: calling.signal });
	t.ok(connected === 1, "it is on its way");
	calling.abort(new Error("not wanted"));
	await t.rejects(opening, { message: "not wanted" });
	await t.rejects(remote.open({ connect, signal: calling.signal }), { message: "not wanted" });
	remote.server.close();
});

t.test("what nobody wants any more is sent again, but where others change the disk as well", async (t) => {
	for (const repeatsUnwanted of [true, false]) {
		const [first, second] = [0, 1].map(() => new ManualDevice({ sizeBytes: MIB })) as [
			ManualDevice,
			ManualDevice,
		];
		const remote = new Remote(new Random(3), first);
		const device = await remote.until(remote.open({ repeatsUnwanted }));
		const whenIt = async (has: () => boolean): Promise<void> => {
			while (!has()) await remote.pass(1);
		};
		const writing = new PromisedRequest();
		Object.assign(writing.request, { op: BlockOp.write, lengthBytes: 512, memory: heapMemory(512) });
		const over = writing.run(device);
		const read = { op: BlockOp.read, offsetBytes: 4096, lengthBytes: 512, memory: heapMemory(512) };
		const wanted = request(device, remote.pump, read);
		await whenIt(() => first.pending.length === 2);
		device.cancel(writing.request);
		t.equal(writing.request.inFlight, true, "the server has it");
		remote.crash();
		remote.restart(second);
		await whenIt(() => second.pending.length === (repeatsUnwanted ? 2 : 1));
		t.equal(second.log.includes("write 0+512"), repeatsUnwanted);
		second.allDone();
		t.equal((await remote.until(wanted)).status, StorageStatus.ok);
		const { status } = await remote.until(over);
		t.equal(status, repeatsUnwanted ? StorageStatus.ok : StorageStatus.unreachable);
		await remote.until(device.close());
		remote.server.close();
	}
});
