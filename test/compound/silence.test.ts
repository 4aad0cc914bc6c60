// Members of a mirror that don't answer: they fall out when their time is over, what comes late does no harm, and they are back by themselves.

import t from "tap";
import { PromisedRequest } from "../../lib/block/device.js";
import { DeviceLayer } from "../../lib/block/layer.js";
import { MemoryDevice } from "../../lib/block/memory.js";
import { BlockOp, type BlockRequest } from "../../lib/block/request.js";
import type { Mirror } from "../../lib/compound/mirror/mirror.js";
import { StorageStatus } from "../../lib/errors.js";
import { heapMemory } from "../../lib/wire/memory.js";
import { MIB, Stage, standings } from "./stage.js";

const { ok } = StorageStatus;
const TIMEOUT_MS = 5000;

/** Keeps what it is asked until it is told to go on. */
class Holding extends DeviceLayer {
	isHolding = false;
	/** What it can give back. */
	cancels = true;
	readonly held: BlockRequest[] = [];

	protected handle(request: BlockRequest): void {
		if (this.isHolding) this.held.push(request);
		else this.device.submit(request);
	}

	below(request: BlockRequest): void {
		request.resume();
	}

	override cancel(request: BlockRequest): void {
		const at = this.held.indexOf(request);
		if (at < 0 || !this.cancels) return;
		this.held.splice(at, 1);
		request.complete(StorageStatus.cancelled);
	}

	goOn(): void {
		this.isHolding = false;
		for (const request of this.held.splice(0)) this.device.submit(request);
	}
}

/** A request that nobody waits for yet: time stands still. */
function begun(mirror: Mirror, op: BlockOp, byte = 0): { request: BlockRequest; isAnswered: () => boolean } {
	const asked = new PromisedRequest();
	const { request } = asked;
	request.op = op;
	request.lengthBytes = 4096;
	request.memory = heapMemory(4096);
	request.memory.bytes.fill(byte);
	void asked.run(mirror);
	return { request, isAnswered: () => !request.inFlight };
}

async function opened(count = 2): Promise<{ stage: Stage; mirror: Mirror; members: Holding[] }> {
	const stage = new Stage(new Array(count).fill(5 * MIB));
	const members: Holding[] = [];
	stage.onMember = (device) => {
		const holding = new Holding(device);
		members.push(holding);
		return holding;
	};
	const mirror = await stage.open({ timeoutMs: TIMEOUT_MS });
	await stage.until(mirror, new Array(count).fill("inSync").join(" "));
	await stage.write(mirror, 0, 4096, 1);
	return { stage, mirror, members };
}

t.test("a write goes on without it, when that is recorded; it comes back with what it lacks", async (t) => {
	const { stage, mirror, members } = await opened();
	const { generation } = mirror.state;
	members[1]!.isHolding = true;
	const written = await stage.write(mirror, 0, 4096, 2);
	t.equal(written.status, ok);
	t.ok(mirror.state.generation > generation, "stable before the write was answered");
	t.match(mirror.state.members[1], { state: "behind", reason: "does not answer" });
	t.equal((await stage.write(mirror, 2 * MIB, 4096, 3)).status, ok, "the next one waits for nobody");
	await stage.pass(60_000);
	t.equal(standings(mirror), "inSync behind");
	t.equal(members[1]!.held.length, 1, "it is asked nothing more until it has answered that");
	// The client has something else there by now.
	members[1]!.held[0]!.memory.bytes.fill(99);
	members[1]!.goOn();
	t.equal(await stage.byteAt(stage.disks[1]!, 0), 99);
	await stage.until(mirror, "inSync inSync");
	for (const disk of stage.disks) {
		t.equal(await stage.byteAt(disk, 0), 2);
		t.equal(await stage.byteAt(disk, 2 * MIB), 3);
	}
	await stage.close(mirror);
});

t.test(
	"it is told that a request takes long, and that this is over when the member has fallen out",
	async (t) => {
		const { stage, mirror, members } = await opened();
		const told: string[] = [];
		mirror.listen({
			stalled: () => void told.push("stalled"),
			resumed: (waitedMs, requests) => void told.push(`resumed after ${waitedMs >= TIMEOUT_MS}, ${requests}`),
		});
		members[1]!.isHolding = true;
		const writing = begun(mirror, BlockOp.write, 3);
		members[1]!.stalled({ op: BlockOp.write, offsetBytes: 0, waitedMs: 0 });
		t.strictSame(told, ["stalled"]);
		await stage.pass(2 * TIMEOUT_MS);
		t.equal(writing.isAnswered(), true);
		t.strictSame(told, ["stalled", "resumed after true, 1"]);
		members[1]!.stalled({ op: BlockOp.write, offsetBytes: 0, waitedMs: 60_000 });
		members[1]!.resumed(60_000, 1);
		t.equal(told.length, 2, "nobody waits for it any more");
		members[1]!.goOn();
		await stage.until(mirror, "inSync inSync");
		await stage.close(mirror);
	},
);

t.test("a read is asked of another one as soon as it is given back", async (t) => {
	const { stage, mirror, members } = await opened();
	const nearest = mirror.state.members[0]!.reads >= mirror.state.members[1]!.reads ? 0 : 1;
	const other = mirror.state.members[1 - nearest]!.reads;
	members[nearest]!.isHolding = true;
	const read = await stage.read(mirror, 0, 4096);
	t.strictSame([read.status, read.memory.bytes[0]], [ok, 1]);
	t.ok(mirror.state.members[1 - nearest]!.reads > other);
	members[nearest]!.goOn();
	await stage.until(mirror, "inSync inSync");
	await stage.close(mirror);
});

t.test("one that can't be given back is answered in the end, and others meanwhile", async (t) => {
	const { stage, mirror, members } = await opened();
	for (const member of members) member.cancels = false;
	const nearest = mirror.state.members[0]!.reads >= mirror.state.members[1]!.reads ? 0 : 1;
	members[nearest]!.isHolding = true;
	const stuck = begun(mirror, BlockOp.read);
	await stage.pass(2 * TIMEOUT_MS);
	t.equal(stuck.isAnswered(), false, "its memory may still be filled");
	t.equal(await stage.byteAt(mirror, 0), 1);
	members[nearest]!.goOn();
	await stage.until(mirror, "inSync inSync");
	t.strictSame([stuck.isAnswered(), stuck.request.status, stuck.request.memory.bytes[0]], [true, ok, 1]);
	await stage.close(mirror);
});

t.test("the last one in sync is waited for, however long that takes", async (t) => {
	const { stage, mirror, members } = await opened();
	for (const member of members) member.isHolding = true;
	const writing = begun(mirror, BlockOp.write, 7);
	await stage.pass(20 * TIMEOUT_MS);
	t.equal(writing.isAnswered(), false);
	t.match(standings(mirror), /^(inSync behind|behind inSync)$/);
	for (const member of members) member.goOn();
	await stage.until(mirror, "inSync inSync");
	t.strictSame([writing.isAnswered(), writing.request.status], [true, ok]);
	for (const disk of stage.disks) t.equal(await stage.byteAt(disk, 0), 7);
	await stage.close(mirror);
});

t.test(
	"one that is silent when the mirror is opened is not there; closing waits for what is late",
	async (t) => {
		const { stage, mirror, members } = await opened();
		members[1]!.isHolding = true;
		await stage.write(mirror, 0, 4096, 2);
		let isClosed = false;
		const closing = mirror.close().then((end) => {
			isClosed = true;
			return end;
		});
		await stage.pass(60_000);
		t.equal(isClosed, false, "what is late could land on what the next one copies");
		members[1]!.goOn();
		t.equal(await stage.clock.until(closing), "closed");

		stage.onMember = (device) => {
			const holding = new Holding(device);
			members.push(holding);
			holding.isHolding = members.length === 4;
			return holding;
		};
		const second = await stage.open({ timeoutMs: TIMEOUT_MS });
		t.match(second.state.members[0]!.state, "inSync");
		t.not(second.state.members[1]!.state, "inSync");
		members[3]!.goOn();
		await stage.until(second, "inSync inSync");
		t.equal(await stage.byteAt(stage.disks[1]!, 0), 2);
		await stage.close(second);
	},
);

t.test("its time can be changed meanwhile", async (t) => {
	const { stage, mirror, members } = await opened();
	mirror.tune({ resyncRate: 100 * MIB, timeoutMs: 3_600_000 });
	members[1]!.isHolding = true;
	const writing = begun(mirror, BlockOp.write, 8);
	await stage.pass(600_000);
	t.equal(writing.isAnswered(), false);
	mirror.tune({ resyncRate: 100 * MIB, timeoutMs: 1000 });
	await stage.pass(3000);
	t.equal(writing.isAnswered(), true);
	members[1]!.goOn();
	await stage.until(mirror, "inSync inSync");
	await stage.close(mirror);
});

t.test("a member that can't be read is written again, from memory of the mirror's own", async (t) => {
	const { stage, mirror, members } = await opened();
	const nearest = mirror.state.members[0]!.reads >= mirror.state.members[1]!.reads ? 0 : 1;
	stage.faults[nearest]!.add({ op: BlockOp.read, startBytes: 0, endBytes: 4096, times: 1 });
	const { submit } = members[nearest]!;
	members[nearest]!.submit = (request) => {
		if (request.op === BlockOp.write) members[nearest]!.isHolding = true;
		submit.call(members[nearest]!, request);
	};
	const read = await stage.read(mirror, 0, 4096);
	t.strictSame([read.status, read.memory.bytes[0]], [ok, 1]);
	read.memory.bytes.fill(99);
	members[nearest]!.submit = submit;
	members[nearest]!.goOn();
	t.equal(
		await stage.byteAt(stage.disks[nearest]!, 0),
		1,
		"what the client did with its memory is not written",
	);
	await stage.until(mirror, "inSync inSync");
	t.match(await stage.clock.until(mirror.verify()), { differentBytes: 0 });
	await stage.close(mirror);
});

t.test("what was being stored on it does not go on with another one that takes its place", async (t) => {
	const { stage, mirror, members } = await opened(3);
	members[1]!.isHolding = true;
	const all = [mirror.detach(2)];
	await stage.pass(10);
	t.equal(members[1]!.held.length, 1, "the first of several steps");
	all.push(mirror.detach(1));
	const other = new MemoryDevice(5 * MIB);
	await stage.write(other, 0, 5 * MIB, 7);
	mirror.attach(1, other);
	t.equal(standings(mirror), "inSync behind absent");
	members[1]!.goOn();
	await stage.clock.until(Promise.all(all));
	await stage.pass(60_000);
	t.match(mirror.state.members[1], { state: "refused", reason: "is not empty and has no superblock" });
	const { memory } = await stage.read(other, 0, 5 * MIB);
	t.ok(memory.bytes.every((byte) => byte === 7));
	await stage.close(mirror);
});

t.test(
	"one that has not taken its place yet is closed with the mirror, or given up for the next one",
	async (t) => {
		const { stage, mirror, members } = await opened();
		const closed: string[] = [];
		const disk = (name: string): MemoryDevice => {
			const device = new MemoryDevice(5 * MIB);
			const close = device.close.bind(device);
			device.close = () => {
				closed.push(name);
				return close();
			};
			return device;
		};
		members[1]!.isHolding = true;
		await stage.write(mirror, 0, 4096, 2);
		mirror.attach(1, disk("a"));
		mirror.attach(1, disk("b"));
		t.strictSame(closed, ["a"]);
		const detached = mirror.detach(1);
		await stage.pass(1000);
		t.equal(standings(mirror), "inSync absent");
		mirror.attach(1, disk("c"));
		members[1]!.goOn();
		await detached;
		await stage.until(mirror, "inSync inSync");
		t.strictSame(closed, ["a", "b"]);
		await stage.close(mirror);
		t.strictSame(closed, ["a", "b", "c"]);
	},
);
