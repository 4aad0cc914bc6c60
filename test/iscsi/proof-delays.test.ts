// Secret after secret, from one address: after a few wrong ones it has to wait, however many connections it has; others don't.

import { setImmediate as nextTurn } from "node:timers/promises";
import t, { type Test } from "tap";
import { LoginStatus } from "../../lib/iscsi/pdu.js";
import { ProofDelays } from "../../lib/iscsi/proof-delays.js";
import { VirtualClock } from "../../lib/testing/virtual-clock.js";
import { INITIATOR_NAME, ServerUnderTest, TARGET_NAME } from "./server-under-test.js";

const SECRET = Buffer.from("not too short");
const HERE = "192.0.2.7:40000";

function under(t: Test) {
	const server = new ServerUnderTest();
	server.replace({
		...server.target,
		chap: { initiator: { user: "us", secret: SECRET }, target: null },
	});
	t.teardown(() => server.close());
	const attempt = async (peer: string, secret = SECRET): Promise<number> => {
		const initiator = server.connect(peer);
		const chap = { user: "us", secret };
		const { status } = await initiator.login({ name: INITIATOR_NAME, target: TARGET_NAME, chap });
		initiator.close();
		return status;
	};
	/** Time passes as slowly as sockets need. */
	const until = async <T>(attempts: Promise<T>): Promise<T> => {
		let isOver = false;
		const over = () => {
			isOver = true;
		};
		attempts.then(over, over);
		while (!isOver) {
			for (let turns = 0; turns < 100; turns++) await nextTurn();
			if (!isOver) server.clock.pass(250);
		}
		return attempts;
	};
	return { server, attempt, until };
}

const WRONG = Buffer.from("another secret");
const { authenticationFailed, success, unavailable } = LoginStatus;

t.test("after three wrong ones the next is answered when time has passed, and others at once", async (t) => {
	const { server, attempt, until } = under(t);
	for (let count = 0; count < 3; count++) t.equal(await attempt(HERE, WRONG), authenticationFailed);
	t.equal(server.clock.now(), 0, "at once");
	t.equal(await attempt("192.0.2.8:40000"), success, "another address");
	const next = attempt(HERE, WRONG);
	t.equal(await until(next), authenticationFailed);
	t.ok(server.clock.now() >= 1000, `after ${server.clock.now()} ms`);
	const right = attempt("192.0.2.7:50000");
	t.equal(await until(right), success, "the right one waits, too");
	const doneMs = server.clock.now();
	t.ok(doneMs >= 2000, `after ${doneMs} ms`);
	t.equal(await attempt(HERE), success);
	t.equal(server.clock.now(), doneMs, "and all is forgotten");
});

t.test(
	"many connections at once gain nothing, and none waits for longer than a login may take",
	async (t) => {
		const { server, attempt, until } = under(t);
		for (let count = 0; count < 3; count++) await attempt(HERE, WRONG);
		const all = Array.from({ length: 40 }, () => attempt(HERE, WRONG));
		const statuses = await until(Promise.all(all));
		t.ok(server.clock.now() <= 15_000, `after ${server.clock.now()} ms`);
		const heard = statuses.filter((status) => status === authenticationFailed).length;
		t.equal(statuses.filter((status) => status === unavailable).length, 40 - heard);
		t.ok(heard > 0 && heard <= 12, `${heard} were heard`);
		t.ok(server.refused.some(({ why }) => /too many proofs from its address/.test(why)));
	},
);

t.test("each target has its own: a right proof for another one neither ends it nor waits", (t) => {
	const delays = new ProofDelays(new VirtualClock()).of(HERE);
	for (let count = 0; count < 3; count++) {
		delays.ended(TARGET_NAME, false);
		t.equal(delays.begin("iqn.2026-11.org.example:own"), 0);
		delays.ended("iqn.2026-11.org.example:own", true);
	}
	t.equal(delays.begin(TARGET_NAME), 1000);
	delays.ended(TARGET_NAME, true);
	t.equal(delays.begin(TARGET_NAME), 0);
	t.end();
});

t.test("who goes while he waits leaves nothing behind", async (t) => {
	const { server, attempt } = under(t);
	for (let count = 0; count < 3; count++) await attempt(HERE, WRONG);
	void attempt(HERE, WRONG).catch(() => {});
	while ([...server.server.connections()].length === 0) await nextTurn();
	server.server.stop();
	server.clock.pass(60_000);
	t.equal([...server.server.connections()].length, 0);
	t.equal(server.refused.length, 3);
});

t.test("addresses are forgotten: after a while, and the longest ago when there are too many", (t) => {
	const clock = new VirtualClock();
	const delays = new ProofDelays(clock);
	const wrong = (peer: string): void => {
		for (let count = 0; count < 3; count++) delays.of(peer).ended(TARGET_NAME, false);
	};
	wrong("192.0.2.1:1");
	t.equal(delays.of("192.0.2.1:2").begin(TARGET_NAME), 1000);
	t.equal(delays.of("192.0.2.1:3").begin(TARGET_NAME), 2000, "one after the other");
	clock.pass(11 * 60_000);
	t.equal(delays.of("192.0.2.1:2").begin(TARGET_NAME), 0);
	wrong("192.0.2.1:1");
	for (let index = 0; index < 1024; index++) wrong(`10.0.${index >> 8}.${index & 255}:1`);
	t.equal(delays.of("192.0.2.1:2").begin(TARGET_NAME), 0);
	t.equal(delays.of("10.0.0.0:2").begin(TARGET_NAME), 1000);
	t.end();
});
