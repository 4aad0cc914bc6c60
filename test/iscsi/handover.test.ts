// A pool in an object store goes from one host to another while an initiator is logged in: it is cut off, told by the host that has lost it to try again, never that there is no such
// target, and let in by the other one, which knows what it has reserved.

import { connect } from "node:net";
import t from "tap";
import { LoginStatus } from "../../lib/iscsi/pdu.js";
import { ScsiStatus } from "../../lib/scsi/protocol.js";
import { Host, layBridge, startBoth, startServices } from "../daemon/store-hosts.js";
import { until } from "../support/cleanup.js";
import { inNamespace } from "../support/in-namespace.js";
import { read10, TEST_UNIT_READY, write10 } from "../support/iscsi/cdbs.js";
import { Initiator } from "../support/iscsi/initiator.js";
import { keys, out } from "../support/iscsi/reserving.js";
import { LIMIT_MS } from "../support/limit.js";

const TARGET = "iqn.2026-11.org.example:web";
const NAME = "iqn.1993-08.org.debian:01:abc";
const OTHER = "iqn.1993-08.org.debian:01:def";
const [FIRST, SECOND] = ["127.0.0.1", "127.0.0.2"];

t.setTimeout(2 * LIMIT_MS);

interface Tried {
	readonly one: Initiator;
	readonly status: number;
}

async function tried(host: string, name = NAME): Promise<Tried> {
	const one = new Initiator(connect(3260, host));
	t.teardown(() => one.close());
	const { status } = await one.login({ name, target: TARGET });
	if (status !== LoginStatus.success) one.close();
	return { one, status };
}

/** As soon as it is let in, with nothing left to be told of. */
async function loggedIn(host: string, name = NAME): Promise<Initiator> {
	const refusals = new Set<number>();
	let found: Initiator | undefined;
	const isIn = async (): Promise<boolean> => {
		const { one, status } = await tried(host, name);
		if (status === LoginStatus.success) found = one;
		else refusals.add(status);
		return found !== undefined;
	};
	await until("it is let in", isIn, LIMIT_MS);
	refusals.delete(LoginStatus.unavailable);
	if (refusals.size > 0 || found === undefined) throw new Error(`refused: ${[...refusals].join()}`);
	const one = found;
	const isReady = async () => (await one.command({ cdb: TEST_UNIT_READY })).status === ScsiStatus.good;
	await until("it is told all", isReady, LIMIT_MS);
	return one;
}

if (await inNamespace(import.meta.url)) {
	await layBridge(["host1", "host2"]);
	const services = await startServices(t);
	const at = (address: string) =>
		({ stable: "host", iscsi: { address: `${address}:3260`, target: TARGET } }) as const;
	const one = new Host("host1", services, at(FIRST));
	const two = new Host("host2", services, at(SECOND));
	t.teardown(() => Promise.all([one, two].map(({ tree }) => tree.program?.stop("SIGKILL", LIMIT_MS))));
	await startBoth(one, two, "waiting");

	t.test("it is cut off here, and let in there with what it has reserved", async (t) => {
		const here = await loggedIn(FIRST);
		t.equal(await out(here, 0, 0, [0, 7], 1), ScsiStatus.good);
		t.equal(await out(here, 0, 1, [7, 0]), ScsiStatus.good);
		const write = Buffer.alloc(4096, 7);
		t.equal((await here.command({ cdb: write10(8, 8), write, immediate: 4096 })).status, ScsiStatus.good);
		t.equal((await tried(SECOND)).status, LoginStatus.unavailable, "who waits for the pool says so");
		t.match(await one.say("pool", "handover", "gold"), /handed over/);
		await here.over;
		t.equal((await tried(FIRST)).status, LoginStatus.unavailable);
		const there = await loggedIn(SECOND);
		t.same(await keys(there, 0), [7]);
		t.same((await there.command({ cdb: read10(8, 8), read: 4096 })).data, write);
		const other = await loggedIn(SECOND, OTHER);
		const refused = await other.command({ cdb: write10(8, 8), write, immediate: 4096 });
		t.equal(refused.status, ScsiStatus.reservationConflict);
		await one.tree.state("web", "waiting");
		t.equal((await tried(FIRST)).status, LoginStatus.unavailable);
	});
}
