/** What `iscsi.test.ts` does in short: both file systems, digests, small frames and large ones, more data; and servers and paths that go away. */

import { execFileSync } from "node:child_process";
import t from "tap";
import { serveLun } from "../iscsi/luns.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { debianMissing, runDebian } from "../support/qemu.js";
import { commands, discard, growth, outage, overIscsi, paths, raid, skip } from "./iscsi-cases.js";
import { luns } from "./iscsi-daemon-cases.js";
import type { Filesystem } from "./stage.js";

t.setTimeout(3_600_000);
const FILESYSTEMS: readonly Filesystem[] = ["ext4", "xfs"];
const SERVED = [
	{ mtu: 1500, hasDigests: false },
	{ mtu: 9000, hasDigests: true },
] as const;
const JOBS = ["512:8", "4k:1", "4k:64", "20k:16", "1m:4"];

const ROUNDS = { jobs: ["512:1", "4k:16", "64k:4"], megabytes: 8, rate: 1000, limitMs: 900_000 } as const;

const PROGRAMS = ["/sbin/mkfs.ext4", "/sbin/e2fsck", "/usr/bin/fio", "/usr/sbin/iscsid", "/usr/bin/iscsiadm"];
/** Where this machine is in a network of QEMU's. */
const HOST = "10.0.2.2";

async function debian(): Promise<void> {
	execFileSync("ip", ["link", "set", "lo", "up"], { timeout: LIMIT_MS });
	await t.test("ext4 of Debian's kernel", { skip: debianMissing(...PROGRAMS) ?? false }, async (t) => {
		const lun = await serveLun("thin", 128);
		t.teardown(() => lun.kill());
		const port = new URL(lun.urls[0]!.replace("iscsi:", "http:")).port;
		const console = await runDebian({
			mtu: 1500,
			script: "iscsi-debian.sh",
			modules: ["sd_mod", "iscsi_tcp"],
			programs: PROGRAMS,
			variables: {
				...{ site: "10.0.2.15", portal: `${HOST}:${port}` },
				...{ jobs: JOBS.join(","), size: "4M" },
			},
			limitMs: 600_000,
			onLine: (line) => t.comment(line),
		});
		t.match(console, `verified again ${JOBS.join(",")}`);
		t.ok(await lun.end(), "the server ends well");
	});
}

async function tests(): Promise<void> {
	for (const filesystem of FILESYSTEMS)
		for (const served of SERVED)
			t.test(`${filesystem} over iSCSI, ${JSON.stringify(served)}`, { skip }, (t) =>
				overIscsi(t, { ...served, filesystem, jobs: JOBS, megabytes: 16, limitMs: 900_000 }),
			);

	t.test("a server that is killed again and again", { skip }, (t) =>
		outage(t, { ...ROUNDS, mtu: 1500, kills: 8, lifeMs: 3000, awayMs: 4000 }),
	);

	t.test("two paths, each of which goes away and comes back", { skip }, (t) =>
		paths(t, { ...ROUNDS, mtu: 1500, cuts: 2, lifeMs: 6000, awayMs: 14_000 }),
	);

	for (const filesystem of FILESYSTEMS)
		t.test(`${filesystem} gives back what files had`, { skip }, (t) => discard(t, filesystem, 48));

	for (const filesystem of FILESYSTEMS)
		t.test(`${filesystem} on a disk that grows`, { skip }, (t) =>
			growth(t, filesystem, filesystem === "xfs" ? 320 : 64),
		);

	t.test("a mirror of md, one half of which is away for a while", { skip }, (t) => raid(t, 64));

	t.test("units that come and go, and are copied from one to the other", { skip }, luns);

	t.test("sg3-utils", { skip }, commands);
}

// Those with a network of their own come first, in the first process; the others are in it.
if (process.env.VBLADE_TEST_INSIDE === undefined) await tests();
if (await inNamespace(import.meta.url, 3_600_000)) await debian();
