// Initiators that do not read, or stop in the middle of a write, or ask without end: memory is bounded, all of it comes back, others are
// served meanwhile, and what was not acknowledged never lands over what came later.

import { setTimeout as sleep } from "node:timers/promises";
import t, { type Test } from "tap";
import type { BlockDevice } from "../../lib/block/device.js";
import { MemoryDevice } from "../../lib/block/memory.js";
import { OrderingLayer } from "../../lib/block/ordering.js";
import type { BlockRequest } from "../../lib/block/request.js";
import { ScsiStatus } from "../../lib/scsi/protocol.js";
import { Gate } from "../support/gate.js";
import { read10, write10 } from "../support/iscsi/cdbs.js";
import type { Initiator } from "../support/iscsi/initiator.js";
import { commandPdu } from "../support/iscsi/initiator-command.js";
import { bytesOf } from "../support/iscsi/pdus.js";
import { BLOCK, MIB, ServerUnderTest } from "./server-under-test.js";

const BUDGET = 4 * MIB;
const TASK_SET_FULL = 0x28;
const ROOM = 128 * 1024;
/** That each connection is certain of: one to receive in, which is half as large, and two for data. */
const EACH = 2.5 * ROOM;

function under(t: Test, device: BlockDevice = new MemoryDevice(64 * MIB)): ServerUnderTest {
	const server = new ServerUnderTest(device, { budgetBytes: BUDGET });
	t.teardown(() => server.close());
	return server;
}

async function settled(isSo: () => boolean): Promise<void> {
	for (let left = 3000; left > 0 && !isSo(); left--) await sleep(5);
	if (!isSo()) throw new Error("it does not come to that");
}

const isEmpty =
	({ server, disk }: ServerUnderTest) =>
	() =>
		server.rooms.takenBytes === 0 &&
		disk.underWay === 0 &&
		[...server.connections()].length === 0 &&
		[...server.sessions.all()].length === 0;

/** Writes and reads of whatever length are carried out. */
async function isServed(t: Test, server: ServerUnderTest): Promise<Initiator> {
	const initiator = await server.session({ MaxOutstandingR2T: "4" });
	for (const [i, blocks] of [1, 8, 200, 2048].entries()) {
		const write = Buffer.alloc(blocks * BLOCK, 1 + i);
		const immediate = Math.min(write.length, 8192);
		t.equal((await initiator.command({ cdb: write10(8192, blocks), write, immediate })).status, 0);
		const { data } = await initiator.command({ cdb: read10(8192, blocks), read: write.length });
		t.ok(data.equals(write), `${blocks} blocks`);
	}
	return initiator;
}

t.test("hundreds that stop in the middle of a write, and others are served", async (t) => {
	const server = under(t);
	const count = 300;
	const stuck: Initiator[] = [];
	for (let i = 0; i < count; i++) {
		const initiator = await server.session({ InitialR2T: "No", MaxOutstandingR2T: "8" });
		const write = Buffer.alloc(MIB, 7);
		// (The last of what was announced does not come; nor does what is asked for.)
		const changeData = (head: Buffer): void => void head.writeUInt8(0, 1);
		const answersR2T = (): boolean => false;
		for (let j = 0; j < 4; j++) {
			const unsolicited = i % 2 === 0 ? 16_384 : 0;
			void initiator.start({ cdb: write10(0, 2048), write, unsolicited, changeData, answersR2T });
		}
		stuck.push(initiator);
	}
	await sleep(50);
	const bound = BUDGET + count * EACH;
	t.ok(server.server.rooms.takenBytes <= bound, `${server.server.rooms.takenBytes} bytes, ${bound} at most`);
	const last = await isServed(t, server);
	for (const each of [...stuck, last]) each.close();
	await settled(isEmpty(server));
	t.ok(server.server.pool.isWhole);
});

t.test("hundreds that stop in the middle of a PDU, wherever that is, and others are served", async (t) => {
	const server = under(t);
	const count = 300;
	const write = Buffer.alloc(65_536, 7);
	const cut: Initiator[] = [];
	for (let i = 0; i < count; i++) {
		const initiator = await server.session();
		const whole = bytesOf(
			commandPdu(
				{ cdb: write10(0, 128), write, immediate: write.length },
				7,
				initiator.cmdSN,
				initiator.expStatSN,
			),
		);
		// (In the header, right behind it, in the data, and with one byte that is missing.)
		const ends = [1, 20, 48, 49, 30_000, whole.length - 1];
		initiator.wire.raw(whole.subarray(0, ends[i % ends.length]));
		cut.push(initiator);
	}
	await sleep(50);
	const bound = BUDGET + count * EACH;
	t.ok(server.server.rooms.takenBytes <= bound, `${server.server.rooms.takenBytes} bytes, ${bound} at most`);
	const last = await isServed(t, server);
	const { data } = await last.command({ cdb: read10(0, 128), read: write.length });
	t.ok(data.equals(Buffer.alloc(write.length)), "nothing of what is not whole is written");
	for (const each of [...cut, last]) each.close();
	await settled(isEmpty(server));
	t.ok(server.server.pool.isWhole);
});

t.test(
	"who holds rooms for data that is still to come is told that there are no more, and goes on",
	async (t) => {
		const server = under(t);
		const hogs: Initiator[] = [];
		while (server.server.rooms.takenBytes < BUDGET - ROOM) {
			const hog = await server.session({ MaxOutstandingR2T: "8" });
			for (let i = 0; i < 4; i++)
				void hog.start({ cdb: write10(0, 2048), write: Buffer.alloc(MIB, 7), answersR2T: () => false });
			hogs.push(hog);
			await sleep(2);
		}
		const initiator = await server.session({ MaxOutstandingR2T: "4" });
		let goOn = (): void => {};
		const paused = new Promise<void>((resolve) => {
			goOn = resolve;
		});
		const answersR2T = async (): Promise<boolean> => {
			await paused;
			return true;
		};
		const write = Buffer.alloc(512 * BLOCK, 3);
		const { result } = initiator.start({ cdb: write10(0, 512), write, answersR2T });
		await sleep(20);
		const full = await initiator.command({
			cdb: write10(4096, 8),
			write: write.subarray(0, 4096),
			immediate: 4096,
		});
		t.equal(full.status, TASK_SET_FULL);
		goOn();
		t.equal((await result)?.status, 0);
		t.equal((await initiator.command({ cdb: read10(0, 512), read: write.length })).data.equals(write), true);
		for (const each of [...hogs, initiator]) each.close();
		await settled(isEmpty(server));
	},
);

/** What it is asked for begins in a later turn, as with files. */
class Later extends Gate {
	protected override handle(request: BlockRequest): void {
		request.park();
		setImmediate(() => this.device.submit(request));
	}
}

for (const device of [new MemoryDevice(64 * MIB), new Later(new MemoryDevice(64 * MIB))])
	t.test("initiators that do not read cost no more than their share, and get all in the end", async (t) => {
		const server = under(t, device);
		const slow: Initiator[] = [];
		for (let i = 0; i < 40; i++) {
			const initiator = await server.session({ MaxRecvDataSegmentLength: "262144" });
			initiator.wire.pause(true);
			slow.push(initiator);
		}
		const results = slow.map((initiator) =>
			Array.from({ length: 8 }, () => initiator.start({ cdb: read10(0, 8192), read: 4 * MIB }).result),
		);
		await sleep(100);
		t.ok(server.server.rooms.takenBytes <= BUDGET + 41 * EACH, `${server.server.rooms.takenBytes} bytes`);
		const last = await isServed(t, server);
		slow[0]?.wire.pause(false);
		for (const result of results[0] ?? []) {
			const end = await result;
			t.equal(end?.status, 0);
			t.equal(end?.data.length, 4 * MIB);
			t.equal(end?.trouble, null);
		}
		for (const each of [...slow, last]) each.close();
		await settled(isEmpty(server));
	});

t.test("a write of an initiator that is gone never lands over a later one", async (t) => {
	const gate = new Gate(new MemoryDevice(64 * MIB));
	const server = under(t, new OrderingLayer(gate));
	const old = await server.session();
	const anew = await server.session();
	gate.isShut = true;
	const write = Buffer.alloc(4096, 1);
	for (const lba of [0, 8]) void old.start({ cdb: write10(lba, 8), write, immediate: 4096 });
	await settled(() => gate.waiting.length === 2);
	old.close();
	await settled(() => [...server.server.connections()].length === 1);
	t.equal([...server.server.sessions.all()].length, 2, "its session is not over");
	const later = Buffer.alloc(4096, 2);
	const { result } = anew.start({ cdb: write10(0, 8), write: later, immediate: 4096 });
	await sleep(20);
	gate.open();
	t.equal((await result)?.status, 0);
	t.ok((await anew.command({ cdb: read10(0, 8), read: 4096 })).data.equals(later));
	anew.close();
	await settled(isEmpty(server));
});

t.test("a disk that goes: what was asked of it is answered, and all are cut off", async (t) => {
	const gate = new Gate(new MemoryDevice(64 * MIB));
	const server = under(t, gate);
	const initiator = await server.session();
	gate.isShut = true;
	const { result } = initiator.start({ cdb: write10(0, 8), write: Buffer.alloc(4096, 1), immediate: 4096 });
	await settled(() => gate.waiting.length === 1);
	const closing = server.disk.close();
	const { status } = await initiator.command({ cdb: read10(0, 8), read: 4096 });
	t.equal(status, ScsiStatus.busy, "to be asked for again");
	gate.open();
	t.equal((await result)?.status, ScsiStatus.busy);
	await closing;
	server.server.cutOff(server.target);
	await initiator.over;
	await settled(isEmpty(server));
});

t.test("more connections than there are places", async (t) => {
	const server = new ServerUnderTest(undefined, { connectionsMax: 4 });
	t.teardown(() => server.close());
	const first = [server.connect("192.0.2.1:1"), server.connect("192.0.2.1:2"), server.connect("192.0.2.1:3")];
	const crowded = server.connect("192.0.2.1:4");
	t.equal(await crowded.wire.receive(), null);
	t.equal(server.server.crowded, 1);
	const other = server.connect("192.0.2.2:1");
	t.equal([...server.server.connections()].length, 4);
	for (const each of [...first, other]) each.close();
	await settled(isEmpty(server));
});
