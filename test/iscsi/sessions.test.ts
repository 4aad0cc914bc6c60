// Sessions that come, go, take each other's place and are taken their target away, at any point of a command: what was not acknowledged
// never lands over what came later, and nothing is left behind.

import { setTimeout as sleep } from "node:timers/promises";
import t, { type Test } from "tap";
import type { BlockDevice } from "../../lib/block/device.js";
import { MemoryDevice } from "../../lib/block/memory.js";
import { OrderingLayer } from "../../lib/block/ordering.js";
import { LoginStatus, Stage } from "../../lib/iscsi/pdu.js";
import { Random } from "../../lib/random.js";
import { ScsiStatus } from "../../lib/scsi/protocol.js";
import { Gate } from "../support/gate.js";
import { read10, write10 } from "../support/iscsi/cdbs.js";
import { loginRequest, statusOf } from "../support/iscsi/pdus.js";
import { BLOCK, INITIATOR_NAME, isidOf, MIB, ServerUnderTest, TARGET_NAME } from "./server-under-test.js";

function under(t: Test, device: BlockDevice = new MemoryDevice(64 * MIB)): ServerUnderTest {
	const server = new ServerUnderTest(device);
	t.teardown(() => server.close());
	return server;
}

async function until(isSo: () => boolean): Promise<void> {
	for (let left = 3000; left > 0 && !isSo(); left--) await sleep(5);
	if (!isSo()) throw new Error("it does not come to that");
}

const sessionsOf = ({ server }: ServerUnderTest): number => [...server.sessions.all()].length;

const isEmpty = (under: ServerUnderTest) => () =>
	under.server.rooms.takenBytes === 0 && under.disk.underWay === 0 && sessionsOf(under) === 0;

/** Logs in as the initiator port of that ISID. */
async function logIn(server: ServerUnderTest, isid: string, tsih = 0) {
	const initiator = server.connect();
	const login = initiator.login({ name: INITIATOR_NAME, target: TARGET_NAME, isid, tsih });
	return { initiator, login };
}

t.test(
	"a port that logs in again has lost its session; the new one begins when nothing of the old can write",
	async (t) => {
		const gate = new Gate(new MemoryDevice(64 * MIB));
		const server = under(t, new OrderingLayer(gate));
		const isid = isidOf(77);
		const old = await server.session({}, isid);
		gate.isShut = true;
		const write = Buffer.alloc(BLOCK, 1);
		const { result } = old.start({ cdb: write10(0, 1), write, immediate: BLOCK });
		await until(() => gate.waiting.length === 1);
		const { initiator, login } = await logIn(server, isid);
		let isIn = false;
		void login.then(() => {
			isIn = true;
		});
		t.equal(await result, null, "nobody is answered any more");
		await sleep(30);
		t.equal(isIn, false, "the write is still on its way to the disk");
		gate.open();
		t.equal((await login).status, LoginStatus.success);
		t.equal(sessionsOf(server), 1);
		t.equal(server.server.sessions.reinstated, 1);
		const again = Buffer.alloc(BLOCK, 2);
		const attention = await initiator.command({ cdb: [0, 0, 0, 0, 0, 0] });
		t.equal(attention.sense?.key, 6, "it is told that it is another session");
		t.equal((await initiator.command({ cdb: write10(0, 1), write: again, immediate: BLOCK })).status, 0);
		t.ok((await initiator.command({ cdb: read10(0, 1), read: BLOCK })).data.equals(again));
		initiator.close();
		await until(isEmpty(server));
	},
);

t.test("if that takes too long, it is refused, and may try again", async (t) => {
	const gate = new Gate(new MemoryDevice(64 * MIB));
	const server = under(t, gate);
	const isid = isidOf(77);
	const old = await server.session({}, isid);
	gate.isShut = true;
	void old.start({ cdb: write10(0, 1), write: Buffer.alloc(BLOCK, 1), immediate: BLOCK });
	await until(() => gate.waiting.length === 1);
	const { login } = await logIn(server, isid);
	await old.over;
	await sleep(10);
	server.clock.pass(12_000);
	t.equal((await login).status, LoginStatus.unavailable);
	t.match(server.refused, [{ status: LoginStatus.unavailable, why: /does not come to an end/ }]);
	gate.open();
	t.equal((await (await logIn(server, isid)).login).status, LoginStatus.success);
});

t.test("other ports have sessions of their own; one that is gone can't be joined", async (t) => {
	const server = under(t);
	const [one, other] = [await server.session(), await server.session()];
	t.equal(sessionsOf(server), 2);
	t.equal((await one.command({ cdb: read10(0, 1), read: BLOCK })).status, 0);
	t.equal((await other.command({ cdb: read10(0, 1), read: BLOCK })).status, 0);
	const { login } = await logIn(server, isidOf(5), 4711);
	t.equal((await login).status, LoginStatus.noSession);
	t.equal(await one.logout(), 0);
	await one.over;
	await until(() => sessionsOf(server) === 1);
});

t.test("a connection is replaced within its session", async (t) => {
	const server = under(t);
	const isid = isidOf(9);
	const old = server.connect();
	const first = await old.login({ name: INITIATOR_NAME, target: TARGET_NAME, isid });
	const { initiator, login } = await logIn(server, isid, first.tsih);
	t.equal((await login).status, LoginStatus.success);
	await old.over;
	t.equal(sessionsOf(server), 1);
	t.equal((await initiator.ping())?.toString(), "ping");
});

t.test("a logout is answered when nothing is under way", async (t) => {
	const gate = new Gate(new MemoryDevice(64 * MIB));
	const server = under(t, gate);
	const initiator = await server.session();
	gate.isShut = true;
	const { result } = initiator.start({ cdb: write10(0, 1), write: Buffer.alloc(BLOCK, 1), immediate: BLOCK });
	await until(() => gate.waiting.length === 1);
	let isOut = false;
	const out = initiator.logout().then((response) => {
		isOut = true;
		return response;
	});
	await sleep(30);
	t.equal(isOut, false);
	gate.open();
	t.equal(await out, 0);
	t.equal(await result, null, "its commands are not answered");
	await until(isEmpty(server));
	t.same(server.troubles, []);
});

t.test("connections that end at any byte leave nothing behind", async (t) => {
	const server = under(t);
	const random = new Random();
	for (let run = 0; run < 120; run++) {
		const initiator = await server.session({
			InitialR2T: random.chance(0.5) ? "Yes" : "No",
			DataDigest: random.chance(0.5) ? "CRC32C" : "None",
			MaxOutstandingR2T: "4",
		});
		for (let i = 0; i < 3; i++)
			void initiator.start({ cdb: read10(0, 1 + random.below(900)), read: BLOCK * 1000 });
		for (let i = 0; i < 3; i++) {
			const blocks = 1 + random.below(600);
			const write = Buffer.alloc(blocks * BLOCK, 3);
			const immediate = random.chance(0.5) ? Math.min(8192, write.length) : 0;
			const answersR2T = (): boolean => random.chance(0.7);
			void initiator.start({ cdb: write10(0, blocks), write, immediate, answersR2T });
		}
		if (random.chance(0.7)) await sleep(random.below(4));
		initiator.close();
	}
	await until(isEmpty(server));
	t.equal(server.server.pool.isWhole, true, "each command was given back once");
});

t.test("a server that is to end takes nothing more, and answers what it has taken", async (t) => {
	const gate = new Gate(new MemoryDevice(MIB));
	const server = under(t, gate);
	const initiator = await server.session();
	gate.isShut = true;
	const write = Buffer.alloc(BLOCK, 1);
	const taken = initiator.start({ cdb: write10(0, 1), write, immediate: BLOCK });
	await until(() => gate.waiting.length === 1);
	server.server.quieten();
	const late = initiator.start({ cdb: write10(1, 1), write, immediate: BLOCK });
	await sleep(20);
	t.equal(gate.waiting.length, 1);
	gate.open();
	t.equal((await taken.result)?.status, ScsiStatus.good);
	server.server.cutOff(server.target);
	t.equal(await late.result, null, "nobody says that it was not done, nor that it was");
	await until(isEmpty(server));
});

t.test("who may not have it any more is cut off", async (t) => {
	const server = under(t);
	const initiator = await server.session();
	server.server.recheck(server.target);
	t.equal((await initiator.ping())?.toString(), "ping");
	server.mayUse = false;
	server.server.recheck(server.target);
	await initiator.over;
	t.match(server.troubles, ["who may have it was changed"]);
	t.equal((await (await logIn(server, isidOf(1000))).login).status, LoginStatus.forbidden);
});

t.test("who was half way through a login when that was changed does not get in", async (t) => {
	const changes: readonly [(server: ServerUnderTest) => void, number][] = [
		[(server) => (server.mayUse = false), LoginStatus.forbidden],
		[(server) => server.server.cutOff(server.target), LoginStatus.notFound],
		[
			(server) =>
				server.replace({
					...server.target,
					chap: { initiator: { user: "web", secret: Buffer.from("a secret of CHAP") }, target: null },
				}),
			LoginStatus.authenticationFailed,
		],
	];
	for (const [change, status] of changes) {
		const server = under(t);
		const { wire } = server.connect();
		const first = { InitiatorName: INITIATOR_NAME, SessionType: "Normal", TargetName: TARGET_NAME };
		wire.send(loginRequest({ stage: Stage.operational }, first));
		t.equal(statusOf((await wire.receive())!), LoginStatus.success);
		change(server);
		server.server.recheck(server.target);
		wire.send(loginRequest({ stage: Stage.operational, next: Stage.full }));
		t.equal(statusOf((await wire.receive())!), status);
		t.equal(sessionsOf(server), 0);
		wire.close();
	}
});

t.test("whoever is silent is asked, and given up if nobody answers", async (t) => {
	const server = under(t);
	const [alive, dead] = [await server.session(), await server.session()];
	dead.answersPings = false;
	for (let i = 0; i < 18; i++) {
		server.clock.pass(5000);
		await sleep(5);
	}
	await dead.over;
	t.match(server.troubles, ["it is silent, though it was asked"]);
	t.equal((await alive.ping())?.toString(), "ping");
	t.equal(alive.trouble, null);
	t.equal(sessionsOf(server), 1);
});

t.test("a login that takes too long is ended", async (t) => {
	const server = under(t);
	const initiator = server.connect();
	initiator.wire.raw(Buffer.alloc(20));
	await sleep(10);
	server.clock.pass(16_000);
	t.equal(await initiator.wire.receive(), null);
	t.match(server.refused, [{ why: /too long/ }]);
	t.equal([...server.server.connections()].length, 0);
});
