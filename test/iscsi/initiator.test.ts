// The tests' own initiator, on somebody else's target: what it sends is understood, and what it says of answers is so. Ours is tried by it.

import { execFileSync } from "node:child_process";
import { truncateSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import path from "node:path";
import t, { type Test } from "tap";
import { LoginStatus, ManagementFunction } from "../../lib/iscsi/pdu.js";
import { inNamespace } from "../support/in-namespace.js";
import { inquiry, READ_CAPACITY_10, read10, TEST_UNIT_READY, write10 } from "../support/iscsi/cdbs.js";
import { Initiator } from "../support/iscsi/initiator.js";
import type { LoginWishes } from "../support/iscsi/initiator-login.js";
import { LIMIT_MS } from "../support/limit.js";
import { programsMissing } from "../support/programs.js";
import { NAME, startTgt, type Tgt } from "./tgt.js";

const INITIATOR = "iqn.1993-08.org.debian:01:abc";
const KIB = 1024;
const LUN = 1;
const PORT = 3260;

function initiator(): Initiator {
	const one = new Initiator(connect(PORT, "127.0.0.1"));
	t.teardown(() => one.close());
	return one;
}

async function loggedIn(wishes: Partial<LoginWishes> = {}): Promise<Initiator> {
	const one = initiator();
	const { status } = await one.login({ name: INITIATOR, target: NAME, ...wishes });
	if (status !== LoginStatus.success) throw new Error(`refused: ${status}`);
	// (Whatever it is told of first is not what a test is about.)
	await one.command({ lun: LUN, cdb: TEST_UNIT_READY });
	return one;
}

function pattern(bytes: number, seed: number): Buffer {
	return Buffer.from(Uint8Array.from({ length: bytes }, (_, i) => (i * 7 + (i >> 9) + seed) & 0xff));
}

async function discovery(t: Test): Promise<void> {
	const one = initiator();
	t.equal((await one.login({ name: INITIATOR })).status, LoginStatus.success);
	t.match(await one.text({ SendTargets: "All" }), { TargetName: NAME, TargetAddress: `127.0.0.1:${PORT},1` });
	t.equal(await one.logout(), 0);
	one.close();
	await one.over;
	t.equal(one.trouble, null);
}

async function commands(t: Test): Promise<void> {
	const one = await loggedIn();
	const { data, status, residual, trouble } = await one.command({ lun: LUN, cdb: inquiry(255), read: 255 });
	t.equal(status, 0);
	t.equal(data.toString("latin1", 8, 11), "IET");
	t.equal(residual, 255 - data.length);
	t.equal(trouble, null);
	const capacity = await one.command({ lun: LUN, cdb: READ_CAPACITY_10, read: 8 });
	t.same([capacity.data.readUInt32BE(0), capacity.data.readUInt32BE(4)], [16 * 2 * KIB - 1, 512]);
	const bad = await one.command({ lun: LUN, cdb: read10(16 * 2 * KIB, 8), read: 4 * KIB });
	t.match(bad, { status: 2, sense: { key: 5, asc: 0x2100 } });
	t.same(await one.ping(Buffer.from("are you there")), Buffer.from("are you there"));
	t.equal(await one.manage(ManagementFunction.logicalUnitReset, { lun: LUN }), 0);
	t.equal(one.trouble, null);
}

/** In every way that data may be sent. */
async function data(t: Test): Promise<void> {
	for (const [InitialR2T, ImmediateData] of [
		["Yes", "No"],
		["Yes", "Yes"],
		["No", "No"],
		["No", "Yes"],
	] as const) {
		const one = await loggedIn({
			keys: { InitialR2T, ImmediateData, FirstBurstLength: "65536", MaxBurstLength: "131072" },
		});
		for (const bytes of [4 * KIB, 64 * KIB, 256 * KIB]) {
			const write = pattern(bytes, bytes >> 12);
			const immediate = ImmediateData === "Yes" ? Math.min(8 * KIB, bytes) : 0;
			const unsolicited = InitialR2T === "No" ? Math.min(64 * KIB, bytes) - immediate : 0;
			const options = { lun: LUN, write, immediate, unsolicited, segment: 8 * KIB };
			const name = `${bytes} bytes, ${immediate} at once, ${unsolicited} unasked`;
			const written = await one.command({ ...options, cdb: write10(64, bytes / 512) });
			t.match(written, { status: 0, residual: 0, trouble: null }, name);
			const asked = written.r2ts.reduce((sum, { length }) => sum + length, 0);
			t.equal(asked, bytes - immediate - unsolicited, `${name}: the rest is asked for`);
			const read = await one.command({ lun: LUN, cdb: read10(64, bytes / 512), read: bytes });
			t.match(read, { status: 0, trouble: null, residual: 0 });
			t.ok(read.data.equals(write), `${name}: read again`);
		}
		t.equal(one.trouble, null);
		one.close();
	}
}

async function digests(t: Test, tgt: Tgt): Promise<void> {
	const both = ["HeaderDigest", "DataDigest"];
	const wants = async (value: string): Promise<void> => {
		for (const name of both)
			await tgt.tell("--op=update", "--mode=target", "--tid=1", `--name=${name}`, `--value=${value}`);
	};
	await wants("CRC32C");
	const keys = { HeaderDigest: "CRC32C", DataDigest: "CRC32C" };
	const one = await loggedIn({ keys });
	const write = pattern(64 * KIB, 3);
	t.match(await one.command({ lun: LUN, cdb: write10(0, 128), write, immediate: 8 * KIB }), { status: 0 });
	const { data: read } = await one.command({ lun: LUN, cdb: read10(0, 128), read: 64 * KIB });
	t.ok(read.equals(write));
	t.match([one.wire.headerDigest, one.wire.dataDigest, one.trouble], [true, true, null]);
	const damaged = one.start({ lun: LUN, cdb: TEST_UNIT_READY, damage: { header: true } });
	t.equal(await damaged.result, null, "the connection is over");
	await wants("None");
}

async function chap(t: Test, tgt: Tgt): Promise<void> {
	const account = ["--mode=account", "--user=web", "--password=a long secret"];
	const ours = ["--mode=account", "--user=disk", "--password=another long one"];
	await tgt.tell("--op=new", ...account);
	await tgt.tell("--op=new", ...ours);
	await tgt.tell("--op=bind", "--tid=1", "--mode=account", "--user=web");
	await tgt.tell("--op=bind", "--tid=1", "--mode=account", "--user=disk", "--outgoing");
	const wishes = { name: INITIATOR, target: NAME };
	const right = { user: "web", secret: Buffer.from("a long secret"), algorithms: "5" };
	const target = { user: "disk", secret: Buffer.from("another long one") };
	t.equal((await initiator().login(wishes)).status >> 8, 2, "it has to prove who it is");
	t.match(await initiator().login({ ...wishes, chap: right }), { status: 0, isProved: null });
	t.match(await initiator().login({ ...wishes, chap: { ...right, target } }), { status: 0, isProved: true });
	const wrong = { ...target, secret: Buffer.from("some other") };
	t.match(await initiator().login({ ...wishes, chap: { ...right, target: wrong } }), { isProved: false });
	t.equal(
		(await initiator().login({ ...wishes, chap: { ...right, secret: Buffer.from("x") } })).status,
		0x0201,
	);
}

async function inside(): Promise<void> {
	execFileSync("ip", ["link", "set", "lo", "up"], { timeout: LIMIT_MS });
	const folder = t.testdir();
	const file = path.join(folder, "disk.img");
	writeFileSync(file, "");
	truncateSync(file, 16 * KIB * KIB);
	const tgt = await startTgt({ file, store: "rdwr" }, { folder, portals: [`127.0.0.1:${PORT}`] });
	t.teardown(() => tgt.stop());
	await t.test("discovery", discovery);
	await t.test("commands, a ping, a reset", commands);
	await t.test("data in every form", data);
	await t.test("digests", (t) => digests(t, tgt));
	await t.test("CHAP", (t) => chap(t, tgt));
}

const missing = programsMissing("tgtd", "tgtadm");
if (missing !== undefined) t.pass("not run", { skip: missing });
else if (await inNamespace(import.meta.url)) await inside();
