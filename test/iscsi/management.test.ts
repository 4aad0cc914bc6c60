// Task management at every moment of a command: answered only when the storage can no longer write for it, nobody else is touched, data that
// comes afterwards is let pass, and nothing is left behind.

import { setTimeout as sleep } from "node:timers/promises";
import t, { type Test } from "tap";
import { MemoryDevice } from "../../lib/block/memory.js";
import { Field, Flag, ManagementFunction, ManagementResponse, Opcode } from "../../lib/iscsi/pdu.js";
import { Random } from "../../lib/random.js";
import { Gate } from "../support/gate.js";
import { read10, write10 } from "../support/iscsi/cdbs.js";
import { bytesOf, type Pdu, pdu } from "../support/iscsi/pdus.js";
import { BLOCK, INITIATOR_NAME, MIB, ServerUnderTest, TARGET_NAME } from "./server-under-test.js";

const { complete, noTask, noUnit, rejected, succeeded } = ManagementResponse;
const { abortTask, abortTaskSet, logicalUnitReset, nexusReset, queryTask, targetWarmReset } =
	ManagementFunction;

function under(t: Test) {
	const gate = new Gate(new MemoryDevice(64 * MIB));
	const server = new ServerUnderTest(gate);
	t.teardown(() => server.close());
	return { gate, server };
}

async function until(isSo: () => boolean): Promise<void> {
	for (let left = 3000; left > 0 && !isSo(); left--) await sleep(5);
	if (!isSo()) throw new Error("it does not come to that");
}

t.test("a write that the storage has is aborted when that is over", async (t) => {
	const { gate, server } = under(t);
	const initiator = await server.session();
	gate.isShut = true;
	const { itt, result } = initiator.start({
		cdb: write10(0, 1),
		write: Buffer.alloc(BLOCK, 1),
		immediate: BLOCK,
	});
	await until(() => gate.waiting.length === 1);
	let isAnswered = false;
	const response = initiator.manage(abortTask, { itt }).then((value) => {
		isAnswered = true;
		return value;
	});
	await sleep(20);
	t.equal(isAnswered, false);
	gate.open();
	t.equal(await response, complete);
	t.equal(server.disk.underWay, 0);
	t.equal(await initiator.manage(abortTask, { itt }), noTask, "it is gone");
	t.equal((await initiator.command({ cdb: read10(0, 1), read: BLOCK })).status, 0);
	initiator.close();
	t.equal(await result, null, "it is not answered itself");
});

for (const what of [abortTask, logicalUnitReset])
	t.test(
		`storage that hangs: it is never called aborted, and the session ends: function ${what}`,
		async (t) => {
			const { gate, server } = under(t);
			const initiator = await server.session({}, "00023d000001");
			gate.isShut = true;
			const cdb = write10(0, 1);
			const { itt } = initiator.start({ cdb, write: Buffer.alloc(BLOCK, 1), immediate: BLOCK });
			await until(() => gate.waiting.length === 1);
			const response = initiator.manage(what, { itt });
			for (let passed = 0; passed < 59_000; passed += 1_000) {
				server.clock.pass(1_000);
				if (passed % 10_000 === 0) await initiator.ping();
			}
			server.clock.pass(2_000);
			t.equal(await response, rejected);
			await initiator.over;
			t.equal(server.disk.underWay, 1);
			t.match(server.troubles, [/aborted/]);
			const again = server.connect();
			const login = again.login({ name: INITIATOR_NAME, target: TARGET_NAME, isid: "00023d000001" });
			await sleep(20);
			gate.open();
			t.equal((await login).status, 0, "the next one waits until it is over");
			t.equal(server.disk.underWay, 0);
		},
	);

t.test("a write whose data is awaited; what comes of it yet is let pass", async (t) => {
	const { server } = under(t);
	const initiator = await server.session({ MaxOutstandingR2T: "4" });
	let goOn = (): void => {};
	const paused = new Promise<void>((resolve) => {
		goOn = resolve;
	});
	const write = Buffer.alloc(600 * BLOCK, 1);
	let asked = 0;
	const answersR2T = async (): Promise<boolean> => {
		asked += 1;
		await paused;
		return true;
	};
	const { itt } = initiator.start({ cdb: write10(0, 600), write, immediate: 8192, answersR2T });
	await until(() => asked > 0);
	t.equal(await initiator.manage(queryTask, { itt }), succeeded);
	t.equal(await initiator.manage(abortTask, { itt }), complete);
	t.equal(await initiator.manage(queryTask, { itt }), complete);
	t.equal(server.server.rooms.takenBytes, 0, "its rooms are free already");
	goOn();
	t.equal((await initiator.ping())?.toString(), "ping");
	const { data } = await initiator.command({ cdb: read10(0, 600), read: write.length });
	t.ok(data.equals(Buffer.alloc(write.length)), "nothing was written");
	t.equal(initiator.trouble, null);
});

t.test("a command that has failed, and is answered when its data has come", async (t) => {
	const { server } = under(t);
	const initiator = await server.session({ InitialR2T: "No" });
	// (The last of what was announced does not come.)
	const changeData = (head: Buffer): void => void head.writeUInt8(0, 1);
	const write = Buffer.alloc(64 * BLOCK, 1);
	const beyond = 64 * (MIB / BLOCK);
	const { itt } = initiator.start({ cdb: write10(beyond, 64), write, unsolicited: 8192, changeData });
	t.equal((await initiator.ping())?.toString(), "ping");
	t.equal([...server.server.connections()][0]?.underWay, 1);
	t.equal(await initiator.manage(abortTask, { itt }), complete);
	t.equal([...server.server.connections()][0]?.underWay, 0);
});

t.test("a reset of the unit, by another initiator, in the middle of a PDU with data", async (t) => {
	const { server } = under(t);
	const [one, other] = [await server.session(), await server.session()];
	const write = Buffer.alloc(64 * BLOCK, 1);
	let ttt = -1;
	const answersR2T = ({ head }: Pdu): boolean => {
		ttt = head.readUInt32BE(Field.ttt);
		return false;
	};
	const { itt, result } = one.start({ cdb: write10(0, 64), write, answersR2T });
	await until(() => ttt >= 0);
	const out = pdu(Opcode.dataOut, Flag.final, write, (head) => {
		head.writeUInt32BE(itt, Field.itt);
		head.writeUInt32BE(ttt, Field.ttt);
	});
	const bytes = bytesOf(out);
	one.wire.raw(bytes.subarray(0, 10_000));
	await sleep(20);
	t.ok(server.server.rooms.takenBytes > 0);
	t.equal(await other.manage(logicalUnitReset), complete);
	t.equal(server.server.rooms.takenBytes, 0);
	one.wire.raw(bytes.subarray(10_000));
	t.equal((await one.command({ cdb: read10(0, 1), read: BLOCK })).sense?.key, 6, "it is told of the reset");
	t.equal((await one.command({ cdb: read10(0, 1), read: BLOCK })).status, 0);
	one.close();
	t.equal(await result, null);
	t.equal(await other.manage(logicalUnitReset, { lun: 9 }), noUnit);
});

t.test("functions at random among commands: each is answered, all comes to an end", async (t) => {
	const { gate, server } = under(t);
	const random = new Random();
	const initiators = [
		await server.session({ InitialR2T: "No" }),
		await server.session({ MaxOutstandingR2T: "8" }),
	];
	const functions = [abortTask, abortTaskSet, logicalUnitReset, nexusReset, targetWarmReset];
	for (let round = 0; round < 40; round++) {
		const responses: Promise<number | null>[] = [];
		for (const initiator of initiators) {
			const tags: number[] = [];
			for (let i = 0; i < 12; i++) {
				const blocks = 1 + random.below(500);
				const write = Buffer.alloc(blocks * BLOCK, round);
				const isRead = random.chance(0.3);
				const options = isRead
					? { cdb: read10(0, blocks), read: write.length }
					: { cdb: write10(0, blocks), write };
				tags.push(initiator.start({ ...options, immediate: 0 }).itt);
				if (random.chance(0.3)) gate.isShut = !gate.isShut;
				if (random.chance(0.3)) await sleep(0);
			}
			const itt = tags[random.below(tags.length)]!;
			responses.push(initiator.manage(functions[random.below(functions.length)]!, { itt }));
		}
		await sleep(2);
		gate.open();
		for (const response of await Promise.all(responses)) t.ok(response === complete || response === noTask);
		await until(() => server.disk.underWay === 0);
	}
	await until(() => server.server.rooms.takenBytes === 0);
	for (const initiator of initiators) {
		t.equal((await initiator.ping())?.toString(), "ping");
		t.equal(initiator.trouble, null);
		initiator.close();
	}
	await until(() => [...server.server.sessions.all()].length === 0);
	t.ok(server.server.pool.isWhole);
	t.same(
		server.troubles.filter((why) => why !== "the initiator has hung up"),
		[],
	);
});
