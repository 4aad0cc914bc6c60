// Disks that can't be served yet, or not now, while others are by which clients can come: those of iSCSI are told to ask again, for which they need not
// have been served before, and who asks NBD for no name gets no other disk than the one that he has otherwise.

import { execFileSync } from "node:child_process";
import { renameSync } from "node:fs";
import { connect } from "node:net";
import t, { type Test } from "tap";
import { LoginStatus } from "../../lib/iscsi/pdu.js";
import { Asc, ScsiStatus } from "../../lib/scsi/protocol.js";
import { TestClient } from "../nbd/client.js";
import { inNamespace } from "../support/in-namespace.js";
import { READ_CAPACITY_10, TEST_UNIT_READY } from "../support/iscsi/cdbs.js";
import { Initiator } from "../support/iscsi/initiator.js";
import { LIMIT_MS } from "../support/limit.js";
import { DaemonTree } from "./tree-bench.js";

const NAME = "iqn.1993-08.org.debian:01:abc";
const SHOP = "iqn.2026-11.org.example:shop";

/** What a unit of the shop is said to be: its blocks, or a sense code. */
async function unit(lun: number): Promise<string> {
	const one = new Initiator(connect(3260, "127.0.0.1"));
	t.teardown(() => one.close());
	t.equal((await one.login({ name: NAME, target: SHOP })).status, LoginStatus.success);
	for (;;) {
		const { sense } = await one.command({ lun, cdb: TEST_UNIT_READY });
		if (sense === null) break;
		if (sense.asc !== Asc.powerOn && sense.asc !== Asc.lunsChanged) return sense.asc.toString(16);
	}
	const { data, status } = await one.command({ lun, cdb: READ_CAPACITY_10, read: 8 });
	one.close();
	return status === ScsiStatus.good ? `${data.readUInt32BE() + 1} blocks` : `status ${status}`;
}

/** Bytes of what a client of NBD gets who asks for no name; 0: nothing. */
async function unnamed(): Promise<number> {
	const client = new TestClient(connect(10809, "127.0.0.1"));
	try {
		await client.go("");
	} catch {
		return 0;
	} finally {
		client.end();
	}
	return client.sizeBytes;
}

if (await inNamespace(import.meta.url)) {
	execFileSync("ip", ["link", "set", "lo", "up"], { timeout: LIMIT_MS });
	const tree = new DaemonTree();
	const part = tree.file("part.img", 1024 * 1024);
	const other = tree.file("other.img", 2 * 1024 * 1024);
	const iscsi = (name: string, lun: number) => `[disk.${name}.iscsi]\ntarget = "${SHOP}"\nlun = ${lun}\n`;
	tree.configure(`
[iscsi]
listen = ["127.0.0.1:3260"]
[nbd]
listen = ["127.0.0.1:10809"]
[disk.part]
file = "${part}"
[disk.whole]
linear = ["part"]
[disk.whole.nbd]
name = ""
${iscsi("whole", 0)}
[disk.other]
file = "${other}"
[disk.other.nbd]
${iscsi("other", 1)}
`);
	await tree.start();
	t.teardown(() => tree.stop());
	await tree.state("whole", "open");

	const isThere = async (t: Test): Promise<void> => {
		t.equal(await unit(0), "2048 blocks");
		t.equal(await unnamed(), 1024 * 1024);
	};
	const isAwaited = async (t: Test): Promise<void> => {
		t.equal(await unit(0), Asc.becomingReady.toString(16), "it is to be asked for again");
		t.equal(await unit(1), "4096 blocks");
		t.equal(await unnamed(), 0, "and no other disk is in its place");
	};

	await t.test("it lacks what it is made of, since the daemon has begun", async (t) => {
		await isThere(t);
		await tree.stop();
		renameSync(part, `${part}.away`);
		await tree.start();
		await tree.state("other", "open");
		await tree.state("whole", "failed");
		await isAwaited(t);
		await tree.kill("worker");
		await tree.state("other", "open");
		await isAwaited(t);
		await tree.kill("control");
		await isAwaited(t);
		renameSync(`${part}.away`, part);
		await tree.state("whole", "open");
		await isThere(t);
	});

	await t.test("it is fenced", async (t) => {
		await tree.ask("POST", "/api/v1/disks/whole/fence", {});
		await tree.state("whole", "fenced");
		await isAwaited(t);
		await tree.ask("POST", "/api/v1/disks/whole/unfence", {});
		await tree.state("whole", "open");
		await isThere(t);
	});
}
