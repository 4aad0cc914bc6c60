/**
 * Debian's own kernel as a client, in QEMU, without any privilege: our server listens on a unix socket, QEMU connects to it,
 * and both run as an ordinary user. ext4 and xfs, fio at several depths and block sizes, ordinary and jumbo frames.
 */

import { readFileSync } from "node:fs";
import t from "tap";
import { debianMissing, runDebian } from "../support/qemu.js";
import { checkFileSystem, serveUnix } from "./served.js";

const GUEST_LIMIT_MS = 600_000;
t.setTimeout(2 * GUEST_LIMIT_MS);
const PROGRAMS = ["/sbin/mkfs.ext4", "/sbin/mkfs.xfs", "/usr/bin/fio"];
/** xfs can't be made on less than 300 MiB. */
const SIZES_BYTES = [2 ** 28, 320 * 2 ** 20];
/** Bytes of a request and how many of them at a time. */
const JOBS = "512:8,4k:1,4k:64,20k:16,1M:4";

const skip = debianMissing(...PROGRAMS, "/sbin/xfs_repair") ?? false;
for (const mtu of [1500, 9000])
	t.test(`ext4 and xfs of Debian's kernel over a unix socket, MTU ${mtu}`, { skip }, async (t) => {
		const { vblade, files, socketPath } = await serveUnix(t, SIZES_BYTES);
		const privileges = readFileSync(`/proc/${vblade.pid}/status`, "utf8");
		t.match(privileges, /^Uid:(\t[1-9]\d*){4}$/m, "the server is not root");
		t.match(privileges, /^CapEff:\t0+$/m, "and has no capabilities");
		const console = await runDebian({
			port: { kind: "unix", path: socketPath },
			mtu,
			script: "debian.sh",
			modules: ["xfs"],
			programs: PROGRAMS,
			// This kernel stalls without the limits where frames are small.
			variables: { filesystems: "ext4 xfs", jobs: JOBS, size: "4M", limits: mtu < 9000 ? "yes" : "no" },
			limitMs: GUEST_LIMIT_MS,
			onLine: (line) => t.comment(line),
		});
		t.match(
			console,
			`found e9.0, ${SIZES_BYTES[0]! / 512} sectors`,
			"the kernel sees the disk with its whole size",
		);
		t.equal(vblade.ended, undefined, "the server is still there");
		for (const filesystem of ["ext4", "xfs"]) {
			t.match(console, `fio wrote and verified ${JOBS} on ${filesystem}`);
			t.match(console, `compared on ${filesystem}`);
		}
		t.equal((await vblade.stop()).code, 0, "the server ends well");
		await checkFileSystem(t, ["e2fsck", "-fn", files[0]!]);
		await checkFileSystem(t, ["xfs_repair", "-n", "-f", files[1]!]);
	});
