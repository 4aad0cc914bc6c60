// Windows, byte by byte: its login, what it asks before it uses a disk, what it writes and frees, its clusters; with all bytes of all answers.

import { Socket } from "node:net";
import t, { type Test } from "tap";
import { type DeviceInfo, deviceInfo } from "../../lib/block/device.js";
import { DeviceLayer } from "../../lib/block/layer.js";
import { MemoryDevice } from "../../lib/block/memory.js";
import type { BlockRequest } from "../../lib/block/request.js";
import { native } from "../../lib/native.js";
import { SocketStream } from "../../lib/stream/socket-stream.js";
import { ByHand, bytes, number, zeros } from "./by-hand.js";
import { ServerUnderTest, TARGET_NAME } from "./server-under-test.js";
import { FOUND, OPTIMIZED, STARTED, TEST_UNIT_READY, UNIT_ATTENTION } from "./windows.js";
import { cluster } from "./windows-cluster.js";

const TIB = 2 ** 40;
const INFO = deviceInfo({
	sizeBytes: 4 * TIB,
	physicalBlockBytes: 4096,
	canTrim: true,
	trimGranularityBytes: 65_536,
	bestTransferBytes: 65_536,
	fastZeroes: true,
	knowsExtents: true,
	writeCache: true,
});

/** Large, thin, with a cache. */
class Thin extends DeviceLayer {
	override get info(): DeviceInfo {
		return INFO;
	}

	protected handle(request: BlockRequest): void {
		this.device.submit(request);
	}

	below(request: BlockRequest): void {
		request.resume();
	}
}

function serve(t: Test): ServerUnderTest {
	const server = new ServerUnderTest(new Thin(new MemoryDevice(4 * TIB)));
	server.scsi.unit(0)!.reservations.keep = () => Promise.resolve(true);
	t.teardown(() => server.close());
	return server;
}

function connect(t: Test, server: ServerUnderTest): ByHand {
	const [ours, theirs] = native.socketPair();
	server.server.accept(new SocketStream(theirs, "192.0.2.1:50000"));
	const host = new ByHand(new Socket({ fd: ours, readable: true, writable: true }));
	t.teardown(() => host.close());
	return host;
}

const text = (...pairs: readonly string[]): Buffer => Buffer.from(pairs.map((pair) => `${pair}\0`).join(""));
const inWords = (data: Buffer): string => data.toString("hex") + zeros((4 - (data.length % 4)) % 4);

/** A login request and its response (RFC 7143, 11.12 and 11.13), of the connection 1: `stages` are its flags. */
async function stage(
	t: Test,
	host: ByHand,
	stages: string,
	isid: string,
	says: Buffer,
	hears: Buffer,
): Promise<void> {
	const isFirst = stages === "81";
	const statSN = isFirst ? zeros(4) : number((host.statSN + 1) >>> 0);
	host.send(
		`43 ${stages} 00 00 00 ${number(says.length, 3)} ${isid} 0000 00000001 0001 0000 00000001 ${statSN} ${zeros(16)}`,
		inWords(says),
	);
	const come = await host.receive();
	// (The target chooses where its numbers begin, and what the session is called.)
	host.statSN = isFirst ? come.readUInt32BE(24) : (host.statSN + 1) >>> 0;
	const tsih = isFirst ? "0000" : come.toString("hex", 14, 16);
	if (!isFirst) t.not(tsih, "0000", "the session has a name");
	const answer = `23 ${stages} 00 00 00 ${number(hears.length, 3)} ${isid} ${tsih} 00000001 00000000 ${number(host.statSN)} 00000001 00000080 0000 0000 ${zeros(8)} ${inWords(hears)}`;
	t.equal(come.toString("hex"), bytes(answer).toString("hex"), `login: ${stages}`);
}

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
