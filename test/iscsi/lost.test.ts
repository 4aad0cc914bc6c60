// A host stops answering, and another one takes its pool, giving up what only the first one had: a session there knows a disk that is none any more. It ends when that host
// goes on, and nobody is let in there; where the pool is now the disk has another name, so that no initiator takes it for what it knew.

import { connect } from "node:net";
import t from "tap";
import { LoginStatus } from "../../lib/iscsi/pdu.js";
import { ScsiStatus } from "../../lib/scsi/protocol.js";
import { Host, layBridge, startBoth, startServices } from "../daemon/store-hosts.js";
import { until } from "../support/cleanup.js";
import { inNamespace } from "../support/in-namespace.js";
import { read10, TEST_UNIT_READY, write10 } from "../support/iscsi/cdbs.js";
import { Initiator } from "../support/iscsi/initiator.js";
import { out } from "../support/iscsi/reserving.js";
import { LIMIT_MS } from "../support/limit.js";

const TARGET = "iqn.2026-11.org.example:web";
const NAME = "iqn.1993-08.org.debian:01:abc";
const [FIRST, SECOND] = ["127.0.0.1", "127.0.0.2"];

t.setTimeout(2 * LIMIT_MS);

async function tried(host: string): Promise<{ one: Initiator; status: number }> {
	const one = new Initiator(connect(3260, host));
	t.teardown(() => one.close());
	const { status } = await one.login({ name: NAME, target: TARGET });
	if (status !== LoginStatus.success) one.close();
	return { one, status };
}

/** As soon as it is let in, with nothing left to be told of. */
async function loggedIn(host: string): Promise<Initiator> {
	let found: Initiator | undefined;
	const isIn = async (): Promise<boolean> => {
		const { one, status } = await tried(host);
		if (status === LoginStatus.success) found = one;
		return found !== undefined;
	};
	await until("it is let in", isIn, LIMIT_MS);
	const one = found!;
	const isReady = async () => (await one.command({ cdb: TEST_UNIT_READY })).status === ScsiStatus.good;
	await until("it is told all", isReady, LIMIT_MS);
	return one;
}

/** What a page of vital product data says: 80h, the serial number; 83h, of which the world wide name comes first. */
async function called(one: Initiator): Promise<string[]> {
	const page = async (code: number) =>
		(await one.command({ cdb: [0x12, 1, code, 0, 255, 0], read: 255 })).data;
	return [(await page(0x80)).toString("latin1", 4), (await page(0x83)).toString("hex", 4, 16)];
}

if (await inNamespace(import.meta.url)) {
	await layBridge(["host1", "host2"]);
	const services = await startServices(t);
	const at = (address: string) =>
		({ stable: "host", iscsi: { address: `${address}:3260`, target: TARGET } }) as const;
	const one = new Host("host1", services, at(FIRST));
	const two = new Host("host2", services, at(SECOND));
	t.teardown(() => Promise.all([one, two].map(({ tree }) => tree.program?.stop("SIGKILL", LIMIT_MS))));
	await startBoth(two, one, "waiting");

	t.test("who knows what was given up is cut off, and finds another disk", async (t) => {
		const here = await loggedIn(SECOND);
		const before = await called(here);
		t.match(before[0], /^[0-9a-f]+$/);
		t.equal(await out(here, 0, 0, [0, 7], 1), ScsiStatus.good);
		const write = Buffer.alloc(4096, 7);
		t.equal((await here.command({ cdb: write10(8, 8), write, immediate: 4096 })).status, ScsiStatus.good);
		two.signal("SIGSTOP");
		t.teardown(() => two.signal("SIGCONT"));
		let bytes = "";
		const isLost = async (): Promise<boolean> => {
			[, bytes = ""] = /vblade pool takeover gold --lose ([0-9]+)/.exec(await one.say("pool", "ls")) ?? [];
			return bytes !== "";
		};
		await until("it is known what only that host has", isLost, LIMIT_MS);
		t.equal((await tried(FIRST)).status, LoginStatus.unavailable, "nobody has decided yet");
		t.match(await one.say("pool", "takeover", "gold", "--lose", bytes), /^pool +gold$/m);
		const there = await loggedIn(FIRST);
		const now = await called(there);
		t.not(now[0], before[0], "another serial number");
		t.not(now[1], before[1], "and another world wide name");
		t.equal((await there.command({ cdb: write10(8, 8), write, immediate: 4096 })).status, ScsiStatus.good);

		const late = here.start({ cdb: write10(16, 8), write: Buffer.alloc(4096, 8), immediate: 4096 });
		two.signal("SIGCONT");
		await here.over;
		t.not((await late.result)?.status, ScsiStatus.good, "what was written too late is not acknowledged");
		await two.tree.state("web", "failed");
		t.not((await tried(SECOND)).status, LoginStatus.success, "nobody is let in where it was");
		t.same(
			(await there.command({ cdb: read10(8, 16), read: 8192 })).data,
			Buffer.concat([write, Buffer.alloc(4096)]),
		);
	});
}
