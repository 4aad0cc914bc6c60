// What initiators have to prove is changed while some are logged in, and while others are about to be.

import t, { type Test } from "tap";
import { MemoryDevice } from "../../lib/block/memory.js";
import { chapResponse } from "../../lib/iscsi/chap.js";
import { LoginStatus, Stage } from "../../lib/iscsi/pdu.js";
import type { Initiator } from "../support/iscsi/initiator.js";
import { loginRequest, pairsOf, statusOf } from "../support/iscsi/pdus.js";
import { INITIATOR_NAME, isidOf, MIB, ServerUnderTest, TARGET_NAME } from "./server-under-test.js";

function under(t: Test): ServerUnderTest {
	const server = new ServerUnderTest(new MemoryDevice(MIB));
	t.teardown(() => server.close());
	return server;
}

const sessionsOf = ({ server }: ServerUnderTest): number => [...server.sessions.all()].length;

t.test(
	"who has not proved what is wanted now is cut off; another secret counts from the next login on",
	async (t) => {
		const server = under(t);
		const wants = (user: string, secret: string): void => {
			const chap = { initiator: { user, secret: Buffer.from(secret) }, target: null };
			const target = { ...server.target, chap, wantedUser: user };
			server.replace(target);
			server.server.recheck(target);
		};
		const come = async (user: string, password: string): Promise<[Initiator, number]> => {
			const one = server.connect();
			const { status } = await one.login({
				name: INITIATOR_NAME,
				target: TARGET_NAME,
				isid,
				chap: { user, secret: Buffer.from(password) },
			});
			return [one, status];
		};
		const isid = isidOf(7);
		const unproved = await server.session();
		wants("web", "a secret of CHAP");
		await unproved.over;
		t.equal(sessionsOf(server), 0);
		const [proved, status] = await come("web", "a secret of CHAP");
		t.equal(status, LoginStatus.success);
		wants("web", "another secret");
		t.equal(sessionsOf(server), 1, "it is the same user");
		t.equal((await come("web", "a secret of CHAP"))[1], LoginStatus.authenticationFailed);
		wants("mail", "another secret");
		await proved.over;
		t.equal(sessionsOf(server), 0);
	},
);

t.test("a proof by a secret that is no more one, when the login comes to its end, is none", async (t) => {
	const server = under(t);
	const secretIs = (secret: string): void => {
		const chap = { initiator: { user: "web", secret: Buffer.from(secret) }, target: null };
		server.replace({ ...server.target, chap, wantedUser: "web" });
	};
	for (const [later, status] of [
		["a secret of CHAP", LoginStatus.success],
		["another secret", LoginStatus.authenticationFailed],
	] as const) {
		secretIs("a secret of CHAP");
		const { wire } = server.connect();
		const first = { InitiatorName: INITIATOR_NAME, SessionType: "Normal", TargetName: TARGET_NAME };
		wire.send(loginRequest({ stage: Stage.security }, { ...first, AuthMethod: "CHAP" }));
		await wire.receive();
		wire.send(loginRequest({ stage: Stage.security }, { CHAP_A: "5" }));
		const asked = pairsOf((await wire.receive())!.data);
		secretIs(later);
		const challenge = Buffer.from(asked.CHAP_C!.slice(2), "hex");
		const response = chapResponse("md5", Number(asked.CHAP_I), Buffer.from("a secret of CHAP"), challenge);
		const proof = { CHAP_N: "web", CHAP_R: `0x${response.toString("hex")}` };
		wire.send(loginRequest({ stage: Stage.security, next: Stage.full }, proof));
		t.equal(statusOf((await wire.receive())!), status);
		wire.close();
	}
});
