// Persistent reservations of a daemon's disks, of a file and of a volume: over the death of a worker, of all at once, over a fence and to another target; beside what AoE keeps of the same volume.

import { execFileSync } from "node:child_process";
import { connect } from "node:net";
import t, { type Test } from "tap";
import { poolCreateCommand } from "../../lib/cli/pools/pool.js";
import { volumeCreateCommand } from "../../lib/cli/pools/volume.js";
import { LoginStatus } from "../../lib/iscsi/pdu.js";
import { Asc, ScsiStatus } from "../../lib/scsi/protocol.js";
import { DaemonTree } from "../daemon/tree-bench.js";
import { until } from "../support/cleanup.js";
import { inNamespace } from "../support/in-namespace.js";
import { TEST_UNIT_READY, write10 } from "../support/iscsi/cdbs.js";
import { Initiator } from "../support/iscsi/initiator.js";
import { keys, out } from "../support/iscsi/reserving.js";
import { LIMIT_MS } from "../support/limit.js";
import { told } from "../support/pools.js";
import { sendSignal } from "../support/process.js";

const TARGET = "iqn.2026-11.org.example:shop";
const NAME = "iqn.1993-08.org.debian:01:abc";
const OTHER = "iqn.1993-08.org.debian:01:def";
/** A file, and a volume of a pool. */
const LUNS = [0, 1];

/** As soon as it is let in, with nothing left to be told of. */
async function initiator(name = NAME): Promise<Initiator> {
	let one = new Initiator(connect(3260, "127.0.0.1"));
	const isIn = async (): Promise<boolean> => {
		const isReady = async (lun: number) =>
			(await one.command({ lun, cdb: TEST_UNIT_READY })).status === ScsiStatus.good;
		try {
			if ((await one.login({ name, target: TARGET })).status !== LoginStatus.success)
				throw new Error("refused");
			// (Of one that comes later the other one tells.)
			for (const lun of [...LUNS, ...LUNS]) await until("it is told all", () => isReady(lun), LIMIT_MS);
			return true;
		} catch {
			one.close();
			one = new Initiator(connect(3260, "127.0.0.1"));
			return false;
		}
	};
	await until("it is let in", isIn, LIMIT_MS);
	t.teardown(() => one.close());
	return one;
}

async function ascOf(one: Initiator): Promise<number> {
	return (await one.command({ lun: 1, cdb: TEST_UNIT_READY })).sense?.asc ?? 0;
}

if (await inNamespace(import.meta.url)) {
	execFileSync("ip", ["link", "set", "lo", "up"], { timeout: LIMIT_MS });
	const tree = new DaemonTree();
	const pool = tree.path("pool");
	await told(poolCreateCommand, pool);
	await told(volumeCreateCommand, `${pool}/web`, "16M");
	const unit = (name: string, lun: number, storage: string): string =>
		`[disk.${name}]\n${storage}\n[disk.${name}.iscsi]\ntarget = "${TARGET}"\nlun = ${lun}\n`;
	const aoe = `[disk.web.aoe]\naddress = "9.0"\nnetif = ["unix:${tree.frames}"]\n`;
	tree.configure(
		`[iscsi]\nlisten = ["127.0.0.1:3260"]\n[pool.fast]\npath = "${pool}"\n` +
			`${unit("file", 0, `file = "${tree.file("disk.img")}"`)}${unit("web", 1, 'volume = "fast/web"')}${aoe}`,
	);
	await tree.start();
	t.teardown(() => tree.stop());

	/** Who has reserved may write, and the other one may not. */
	const isReserved = async (t: Test, words: string): Promise<void> => {
		const [one, other] = [await initiator(), await initiator(OTHER)];
		for (const lun of LUNS) {
			t.same(await keys(one, lun), [7], `${words}: LUN ${lun}`);
			const command = { lun, cdb: write10(0, 1), write: Buffer.alloc(512), immediate: 512 };
			t.equal((await other.command(command)).status, ScsiStatus.reservationConflict, words);
			t.equal((await one.command(command)).status, ScsiStatus.good, words);
		}
		one.close();
		other.close();
	};

	t.test("what is reserved to be kept is there whatever ends", async (t) => {
		const one = await initiator();
		for (const lun of LUNS) {
			t.equal(await out(one, lun, 0, [0, 7], 1), ScsiStatus.good, "registered");
			t.equal(await out(one, lun, 1, [7, 0]), ScsiStatus.good, "reserved");
		}
		one.close();
		await isReserved(t, "at first");
		await tree.setConfigString(9, 0, "rack 7");
		await tree.kill("worker");
		await isReserved(t, "after the death of the worker");
		tree.program.signal("SIGKILL");
		await tree.program.stop("SIGKILL", LIMIT_MS);
		await tree.start();
		await isReserved(t, "after the death of all");
		t.match((await tree.found(9, 0)).configString.toString(), "rack 7", "and what AoE keeps beside it");
	});

	t.test("over a fence", async (t) => {
		for (const name of ["file", "web"]) {
			await tree.ask("POST", `/api/v1/disks/${name}/fence`, {});
			await tree.state(name, "fenced");
			await tree.ask("POST", `/api/v1/disks/${name}/unfence`, {});
			await tree.state(name, "open");
		}
		await isReserved(t, "after a fence");
	});

	t.test("a fence stops a SANITIZE, which has failed then, and that is told", async (t) => {
		const one = await initiator();
		const sanitize = (action: number, list = Buffer.alloc(0)) => ({
			lun: 1,
			cdb: [0x48, action, 0, 0, 0, 0, 0, 0, list.length, 0],
			...(list.length > 0 && { write: list, immediate: list.length }),
		});
		one.start(sanitize(1, Buffer.from([1, 0, 0, 1, 7]))).result.catch(() => {});
		await until("it is under way", async () => (await ascOf(one)) === Asc.sanitizing, LIMIT_MS);
		await tree.ask("POST", "/api/v1/disks/web/fence", {});
		await tree.state("web", "fenced");
		await tree.ask("POST", "/api/v1/disks/web/unfence", {});
		await tree.state("web", "open");
		await tree.problem(/disk web: a SANITIZE was interrupted/);
		const again = new Initiator(connect(3260, "127.0.0.1"));
		t.teardown(() => again.close());
		t.equal((await again.login({ name: NAME, target: TARGET })).status, LoginStatus.success);
		await until("it is told so", async () => (await ascOf(again)) === Asc.sanitizeFailed, LIMIT_MS);
		t.equal((await again.command(sanitize(2))).status, ScsiStatus.good, "another one succeeds");
		t.equal(await ascOf(again), 0);
		again.close();
	});

	t.test("while control is started again what is reserved waits, and does not fail", async (t) => {
		const one = await initiator();
		for (let round = 0; round < 2; round++) {
			const control = await tree.pidOf("control");
			sendSignal(control, "SIGKILL");
			for (const lun of LUNS)
				t.equal(await out(one, lun, 0, [7 + round, 8 + round], 1), ScsiStatus.good, `LUN ${lun}`);
			const isThere = () => tree.pidOf("control").then(Boolean, () => false);
			await until("control is there", isThere, LIMIT_MS);
		}
		for (const lun of LUNS) t.equal(await out(one, lun, 0, [9, 7], 1), ScsiStatus.good);
		one.close();
		await isReserved(t, "afterwards");
	});

	t.test("what is released is so for good", async (t) => {
		const one = await initiator();
		for (const lun of LUNS) t.equal(await out(one, lun, 3, [7, 0]), ScsiStatus.good, "cleared");
		one.close();
		await tree.kill("worker");
		const again = await initiator();
		for (const lun of LUNS) t.same(await keys(again, lun), []);
		again.close();
	});
}
