/**
 * Debian's own kernel as a client, in QEMU, without any privilege: our server listens on a unix socket, QEMU connects to it,
 * and both run as an ordinary user. `qemu.long.ts` goes on for longer, with more file systems.
 */

import { readFileSync } from "node:fs";
import t from "tap";
import { GUEST_LIMIT_MS } from "../support/limit.js";
import { debianMissing, runDebian } from "../support/qemu.js";
import { checkFileSystem, serveUnix } from "./served.js";

t.setTimeout(230_000);
const PROGRAMS = ["/sbin/mkfs.ext4", "/usr/bin/fio"];
const SIZE_BYTES = 2 ** 26;

const skip = debianMissing(...PROGRAMS) ?? false;
t.test("ext4 of Debian's kernel over a unix socket, all without root", { skip }, async (t) => {
	const { vblade, files, socketPath } = await serveUnix(t, [SIZE_BYTES]);
	const privileges = readFileSync(`/proc/${vblade.pid}/status`, "utf8");
	t.match(privileges, /^Uid:(\t[1-9]\d*){4}$/m, "the server is not root");
	t.match(privileges, /^CapEff:\t0+$/m, "and has no capabilities");
	const console = await runDebian({
		socketPath,
		mtu: 9000,
		script: "debian.sh",
		programs: PROGRAMS,
		variables: { filesystems: "ext4", jobs: "4k:16", size: "4M", limits: "no" },
		limitMs: GUEST_LIMIT_MS,
	});
	t.match(console, `found e9.0, ${SIZE_BYTES / 512} sectors`, "the kernel sees the disk with its whole size");
	t.match(console, "fio wrote and verified 4k:16 on ext4");
	t.match(console, "compared on ext4", "what came back is what was written");
	t.equal(vblade.ended, undefined, "the server is still there");
	t.equal((await vblade.stop()).code, 0, "and ends well");
	await checkFileSystem(t, ["e2fsck", "-fn", files[0]!]);
});
