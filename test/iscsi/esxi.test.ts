// ESXi, byte by byte: its login, and what it has a disk do for its file system: locks that are taken by comparing and writing, zeros, copies, and what is freed.

import t from "tap";
import { connect, serve, stage, text } from "./by-hand-server.js";
import { MOVED } from "./esxi.js";
import { TARGET_NAME } from "./server-under-test.js";
import { FOUND } from "./windows.js";

const NAME = "iqn.1998-01.com.vmware:esx-5f3a";
const ISID = "00023d000001";

t.test("a disk is found, locked, zeroed, copied and freed", async (t) => {
	const server = serve(t);
	const host = connect(t, server);
	const first = [
		`InitiatorName=${NAME}`,
		`TargetName=${TARGET_NAME}`,
		"SessionType=Normal",
		"AuthMethod=CHAP,None",
	];
	await stage(t, host, "81", ISID, text(...first), text("TargetPortalGroupTag=1", "AuthMethod=None"));
	const keys = ["HeaderDigest=None", "DataDigest=None", "InitialR2T=No", "ImmediateData=Yes"];
	const bursts = ["MaxBurstLength=262144", "FirstBurstLength=65536"];
	const says = text(...keys, ...bursts, "MaxRecvDataSegmentLength=131072");
	await stage(t, host, "87", ISID, says, text(...keys, ...bursts, "MaxRecvDataSegmentLength=131072"));
	for (const vector of [...FOUND, ...MOVED]) await host.command(t, vector);
	await host.logout(t);
	t.same(server.troubles, []);
});
