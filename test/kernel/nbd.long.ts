/** What `nbd.test.ts` does in short: both file systems, small frames and large ones, one connection and several, more data. */

import { execFileSync } from "node:child_process";
import t from "tap";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { asOrdinaryUser } from "../support/ordinary-user.js";
import { vbladeCommand } from "../support/paths.js";
import { Program } from "../support/process.js";
import { debianMissing, runDebian } from "../support/qemu.js";
import { umlMissing } from "../support/uml.js";
import { inside, type NbdCase, outage, overNbd } from "./nbd-cases.js";
import type { Filesystem } from "./stage.js";

t.setTimeout(3_600_000);
const skip = umlMissing("/usr/bin/fio", "/usr/sbin/mkfs.xfs", "/usr/sbin/nbd-client") ?? false;
const FILESYSTEMS: readonly Filesystem[] = ["ext4", "xfs"];
const SERVED: readonly Pick<NbdCase, "by" | "mtu" | "connections">[] = [
	{ by: "command", mtu: 1500, connections: 1 },
	{ by: "command", mtu: 9000, connections: 4 },
	{ by: "daemon", mtu: 1500, connections: 4 },
];
const JOBS = ["512:8", "4k:1", "4k:64", "20k:16", "1m:4"];

const PROGRAMS = ["/sbin/mkfs.ext4", "/sbin/e2fsck", "/usr/bin/fio", "/usr/sbin/nbd-client"];
/** Where this machine is in a network of QEMU's. */
const HOST = "10.0.2.2";

async function debian(): Promise<void> {
	execFileSync("ip", ["link", "set", "lo", "up"], { timeout: LIMIT_MS });
	await t.test(
		"ext4 of Debian's kernel over four connections",
		{ skip: debianMissing(...PROGRAMS) ?? false },
		async (t) => {
			const server = new Program(asOrdinaryUser([...vbladeCommand(), "nbd", "127.0.0.1:10809", "mem:128M"]));
			t.teardown(() => server.stop("SIGKILL"));
			await server.waitFor(/ sectors /, LIMIT_MS);
			const console = await runDebian({
				mtu: 1500,
				script: "nbd-debian.sh",
				modules: ["nbd"],
				programs: PROGRAMS,
				variables: {
					...{ site: "10.0.2.15", server: HOST, port: "10809", streams: "4" },
					...{ jobs: JOBS.join(","), size: "4M" },
				},
				limitMs: 600_000,
				onLine: (line) => t.comment(line),
			});
			t.match(console, `verified again ${JOBS.join(",")}`);
			t.equal((await server.stop()).code, 0, "the server ends well");
		},
	);
}

async function tests(): Promise<void> {
	for (const filesystem of FILESYSTEMS)
		for (const served of SERVED)
			t.test(`${filesystem} over NBD, ${JSON.stringify(served)}`, { skip }, (t) =>
				overNbd(t, { ...served, filesystem, jobs: JOBS, megabytes: 16, limitMs: 900_000 }),
			);

	for (const connections of [1, 4])
		t.test(`a server that is killed again and again, ${connections} connections`, { skip }, (t) =>
			outage(t, {
				...{ mtu: 1500, connections, jobs: ["512:1", "4k:16", "64k:4"], megabytes: 8, rate: 1000 },
				...{ kills: 12, lifeMs: 1500, awayMs: 4000, limitMs: 900_000 },
			}),
		);

	t.test("a disk of the daemon is a local block device", { skip }, (t) =>
		inside(t, { filesystem: "ext4", jobs: ["512:8", "4k:64", "64k:8"], megabytes: 4, limitMs: 900_000 }),
	);
}

// Those with a network of their own come first, in the first process; the others are in it.
if (process.env.VBLADE_TEST_INSIDE === undefined) await tests();
if (await inNamespace(import.meta.url, 3_600_000)) await debian();
