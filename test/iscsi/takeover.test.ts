// Whoever calls himself by another's name has nothing of it without the secret: neither a session in its place, nor its connection.

import t from "tap";
import { LoginStatus } from "../../lib/iscsi/pdu.js";
import { TEST_UNIT_READY } from "../support/iscsi/cdbs.js";
import type { LoginWishes } from "../support/iscsi/initiator-login.js";
import { INITIATOR_NAME, isidOf, ServerUnderTest, TARGET_NAME } from "./server-under-test.js";

const SECRET = Buffer.from("a long secret");
const ISID = isidOf(77);
const WISHES: LoginWishes = { name: INITIATOR_NAME, target: TARGET_NAME, isid: ISID };
const RIGHT = { user: "web", secret: SECRET };

t.test("a session stays whose it is", async (t) => {
	const server = new ServerUnderTest();
	t.teardown(() => server.close());
	server.replace({ ...server.target, chap: { initiator: RIGHT, target: null } });
	const owner = server.connect();
	const { status, tsih } = await owner.login({ ...WISHES, chap: RIGHT });
	t.equal(status, LoginStatus.success);
	for (const same of [0, tsih])
		for (const chap of [undefined, { ...RIGHT, secret: Buffer.from("a guess") }]) {
			const other = server.connect();
			const refused = await other.login({ ...WISHES, tsih: same, ...(chap !== undefined && { chap }) });
			t.equal(refused.status, LoginStatus.authenticationFailed, `TSIH ${same}`);
			await owner.command({ cdb: TEST_UNIT_READY });
			t.equal((await owner.command({ cdb: TEST_UNIT_READY })).status, 0, "the owner notices nothing");
		}
	t.equal(server.server.sessions.reinstated, 0);
	const again = server.connect();
	t.equal((await again.login({ ...WISHES, chap: RIGHT })).status, LoginStatus.success);
	await owner.over;
	t.equal(server.server.sessions.reinstated, 1, "who has the secret takes it over");
});
