// Other people's initiators log in: discovery, CHAP in one direction and in both, a header digest; and are told when they may not. The server is in
// this process, libiscsi's programs are not.

import { execFileSync } from "node:child_process";
import t, { type Test } from "tap";
import { systemClock } from "../../lib/clock.js";
import type { Chap } from "../../lib/iscsi/target.js";
import { Listener, listenOnTcp } from "../../lib/stream/listener.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { run } from "../support/process.js";
import { programsMissing } from "../support/programs.js";
import { targetOf } from "./login-under-test.js";
import { ServerUnderTest, TARGET_NAME } from "./server-under-test.js";

const PORTAL = "127.0.0.1:3260";
const CHAP: Chap = {
	initiator: { user: "web", secret: Buffer.from("a long secret") },
	target: { user: "disk", secret: Buffer.from("another long one") },
};
const LUN = `${PORTAL}/${TARGET_NAME}/0`;
const BOTH = "target_user=disk&target_password=another long one";

function serve(t: Test, chap: Chap | null): ServerUnderTest {
	const server = new ServerUnderTest(undefined, { clock: systemClock, portals: () => [PORTAL] });
	server.replace({ ...server.target, chap });
	const listener = new Listener(listenOnTcp("127.0.0.1", 3260), (stream) => server.server.accept(stream));
	t.teardown(() => {
		listener.close();
		server.close();
	});
	return server;
}

async function inquiry(url: string): Promise<{ isRight: boolean; output: string }> {
	const { code, output } = await run(["iscsi-inq", url], LIMIT_MS);
	return { isRight: code === 0 && /Vendor:vblade/.test(output), output };
}

const lack = programsMissing("iscsi-ls", "iscsi-inq");
if (lack !== undefined) t.pass("not run", { skip: lack });
else if (await inNamespace(import.meta.url)) {
	execFileSync("ip", ["link", "set", "lo", "up"], { timeout: LIMIT_MS });

	await t.test("discovery, and a login without a proof", async (t) => {
		const server = serve(t, null);
		const { output } = await run(["iscsi-ls", "--show-luns", `iscsi://${PORTAL}`], LIMIT_MS);
		t.match(output, `Target:${TARGET_NAME} Portal:${PORTAL},1`);
		t.match(output, /Lun:0 +Type:DIRECT_ACCESS/);
		t.match(await inquiry(`iscsi://${LUN}`), { isRight: true });
		t.match(await inquiry(`iscsi://${LUN}?header_digest=crc32c`), { isRight: true });
		t.match(
			await inquiry(`iscsi://web%a long secret@${LUN}`),
			{ isRight: true },
			"nobody asks for its proof",
		);
		t.same(server.refused, []);
	});

	await t.test("thousands of targets are found", async (t) => {
		const server = serve(t, null);
		for (let i = 1; i < 2000; i++) server.server.add(targetOf(`iqn.2026-11.org.example:disk${i}`));
		const { output } = await run(["iscsi-ls", `iscsi://${PORTAL}`], LIMIT_MS);
		t.equal(output.match(/^Target:/gm)?.length, 2000);
	});

	await t.test("CHAP", async (t) => {
		const server = serve(t, CHAP);
		t.match(await inquiry(`iscsi://web%a long secret@${LUN}`), { isRight: true });
		t.match(
			await inquiry(`iscsi://web%a long secret@${LUN}?${BOTH}`),
			{ isRight: true },
			"in both directions",
		);
		t.same(server.refused, []);
		t.match(
			await inquiry(`iscsi://web%a long secret@${LUN}?${BOTH}x`),
			{ output: /CHAP_R/ },
			"it finds that we are not",
		);
		t.match(await inquiry(`iscsi://${LUN}`), { output: /Authentication failure/ });
		t.match(await inquiry(`iscsi://web%another@${LUN}`), { output: /Authentication failure/ });
		t.match(await inquiry(`iscsi://root%a long secret@${LUN}`), { output: /Authentication failure/ });
		t.match(server.refused, [
			{ why: /does not prove/ },
			{ why: /secret of "web"/ },
			{ why: /no user "root"/ },
		]);
	});

	await t.test("who may not, or wants what there is not", async (t) => {
		const server = serve(t, null);
		server.mayUse = false;
		t.match(await inquiry(`iscsi://${LUN}`), { output: /Authorization failure/ });
		t.match(await inquiry(`iscsi://${PORTAL}/iqn.2026-11.org.example:none/0`), { output: /not found/ });
		const { output } = await run(["iscsi-ls", `iscsi://${PORTAL}`], LIMIT_MS);
		t.notMatch(output, TARGET_NAME);
		t.match(server.refused, [{ why: /not among those/ }, { why: /no target/ }]);
	});
}
