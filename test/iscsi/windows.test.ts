// Windows, byte by byte: its login, what it asks before it uses a disk, what it writes and frees, its clusters; with all bytes of all answers.

import t, { type Test } from "tap";
import type { ByHand } from "./by-hand.js";
import { connect, serve, stage, text } from "./by-hand-server.js";
import { TARGET_NAME } from "./server-under-test.js";
import { FOUND, OPTIMIZED, STARTED, TEST_UNIT_READY, UNIT_ATTENTION } from "./windows.js";
import { cluster } from "./windows-cluster.js";

/** From security to operational keys, and from those to the full feature phase. */
async function login(t: Test, host: ByHand, name: string, isid: string): Promise<void> {
	await stage(
		t,
		host,
		"81",
		isid,
		text(`InitiatorName=${name}`, "SessionType=Normal", `TargetName=${TARGET_NAME}`, "AuthMethod=None"),
		text("TargetPortalGroupTag=1", "AuthMethod=None"),
	);
	const same = ["MaxConnections=1", "MaxOutstandingR2T=16", "DefaultTime2Wait=0"];
	const order = ["DataPDUInOrder=Yes", "DataSequenceInOrder=Yes"];
	const both = ["InitialR2T=No", "ImmediateData=Yes"];
	const bursts = ["MaxBurstLength=262144", "FirstBurstLength=65536"];
	await stage(
		t,
		host,
		"87",
		isid,
		text(
			...["HeaderDigest=None,CRC32C", "DataDigest=None,CRC32C", "ErrorRecoveryLevel=2", ...both],
			...["MaxRecvDataSegmentLength=65536", ...bursts, ...same, "DefaultTime2Retain=60", ...order],
		),
		text(
			...["HeaderDigest=None", "DataDigest=None", "ErrorRecoveryLevel=0", ...both],
			...[...bursts, ...same, "DefaultTime2Retain=0", ...order, "MaxRecvDataSegmentLength=131072"],
		),
	);
}

const ONE = { name: "iqn.1991-05.com.microsoft:one.example.org", isid: "400001370000" };
const TWO = { name: "iqn.1991-05.com.microsoft:two.example.org", isid: "400001370001" };
const portOf = ({ name, isid }: typeof ONE): string => `${name},i,0x${isid}`;

t.test("a disk is found, started, used, optimized, and let go", async (t) => {
	const server = serve(t);
	const host = connect(t, server);
	await login(t, host, ONE.name, ONE.isid);
	for (const vector of [...FOUND, ...STARTED, ...OPTIMIZED]) await host.command(t, vector);
	await host.ping(t);
	await host.reset(t);
	await host.command(t, { ...TEST_UNIT_READY, ...UNIT_ATTENTION("2903") });
	await host.command(t, TEST_UNIT_READY);
	await host.logout(t);
	t.same(server.troubles, []);
});

t.test("two nodes of a cluster, as its validation has them", async (t) => {
	const server = serve(t);
	const hosts = { one: connect(t, server), two: connect(t, server) };
	await login(t, hosts.one, ONE.name, ONE.isid);
	await login(t, hosts.two, TWO.name, TWO.isid);
	for (const host of Object.values(hosts))
		await host.command(t, { ...TEST_UNIT_READY, ...UNIT_ATTENTION("2900") });
	const steps = cluster({ one: portOf(ONE), two: portOf(TWO) });
	for (const [node, vector] of steps)
		await hosts[node].command(t, { ...vector, what: `${node}: ${vector.what}` });
	for (const host of Object.values(hosts)) await host.logout(t);
	t.same(server.troubles, []);
});
