// Two changes at a time of disks of one target, the second of which takes longer: whoever has logged in is cut off, and goes on with what is served again.

import { execFileSync } from "node:child_process";
import { connect } from "node:net";
import t from "tap";
import { MemoryDevice } from "../../lib/block/memory.js";
import { Absences } from "../../lib/daemon/absences.js";
import { Daemon } from "../../lib/daemon/daemon.js";
import { WorkerDisks } from "../../lib/daemon/worker-disks.js";
import { LoginStatus } from "../../lib/iscsi/pdu.js";
import { Asc, ScsiStatus } from "../../lib/scsi/protocol.js";
import { until } from "../support/cleanup.js";
import { inNamespace } from "../support/in-namespace.js";
import { TEST_UNIT_READY } from "../support/iscsi/cdbs.js";
import { Initiator } from "../support/iscsi/initiator.js";
import { LIMIT_MS } from "../support/limit.js";
import { diskSpec } from "./stage.js";

const NAME = "iqn.1993-08.org.debian:01:abc";
const TARGET = "iqn.2026-11.org.example:shop";
const LISTEN = { kind: "tcp", name: "127.0.0.1:3260", address: "127.0.0.1", port: 3260 } as const;

/** What closing a disk waits for, by its name. */
const closings = new Map<string, Promise<void>>();

class Lingering extends MemoryDevice {
	constructor(readonly name: string) {
		super(1024 * 1024);
	}

	override async close() {
		await closings.get(this.name);
		return super.close();
	}
}

const exported = (disk: string, lun: number) => ({
	...{ protocol: "iscsi" as const, name: disk, disk, target: TARGET, lun, removable: false },
});
const wanted = (name: string, lun: number) => ({
	...{ disk: diskSpec(name), exports: [exported(name, lun)], links: [] },
	...{ fenced: false, fingerprint: `${name}'s`, set: {} },
});
const [web, other] = [wanted("web", 0), wanted("other", 1)];

async function logIn(): Promise<Initiator> {
	const one = new Initiator(connect(LISTEN.port, LISTEN.address));
	t.teardown(() => one.close());
	t.equal((await one.login({ name: NAME, target: TARGET })).status, LoginStatus.success);
	return one;
}

/** Once it is told all. */
function isThere(one: Initiator, lun: number): Promise<void> {
	const isReady = async () => (await one.command({ lun, cdb: TEST_UNIT_READY })).status === ScsiStatus.good;
	return until(`LUN ${lun}`, isReady, LIMIT_MS);
}

if (await inNamespace(import.meta.url))
	await t.test("two changes at a time", async (t) => {
		execFileSync("ip", ["link", "set", "lo", "up"], { timeout: LIMIT_MS });
		const quiet = () => {};
		const absences = new Absences();
		const daemon = new Daemon({
			log: { error: quiet, warn: quiet, info: quiet, verbose: quiet },
			version: "1.0",
			open: async ({ name }) => new Lingering(name),
			iscsiWays: { absent: absences.iscsi },
		});
		t.teardown(() => daemon.close(1000));
		daemon.listen({ nbd: [], iscsi: [LISTEN] });
		const disks = new WorkerDisks(daemon, absences);
		await disks.add(web);
		await disks.add(other);
		const one = await logIn();
		for (const lun of [0, 1]) await isThere(one, lun);

		const ends: Record<string, () => void> = {};
		for (const name of ["web", "other"])
			closings.set(
				name,
				new Promise((resolve) => {
					ends[name] = resolve;
				}),
			);
		const removed = ["web", "other"].map((name) => disks.remove(name, { comesAgain: true }));
		ends.web?.();
		await removed[0];
		await disks.add(web);
		const result = one.isOver ? null : await one.start({ cdb: TEST_UNIT_READY }).result;
		t.equal(result?.sense?.asc, undefined, "it is not told that there is none");
		const again = await logIn();
		await isThere(again, 0);
		const { sense } = await again.command({ lun: 1, cdb: TEST_UNIT_READY });
		t.equal(sense?.asc, Asc.becomingReady);
		ends.other?.();
		await removed[1];
		await disks.add(other);
		for (const lun of [0, 1]) await isThere(again, lun);
	});
