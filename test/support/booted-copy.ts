/**
 * A copy of this machine (`system-copy.ts`) that systemd has started: it is the first process there, with control groups and devices of
 * its own, and can change nothing of the kernel's. It starts little more than what is asked for. For tests of the units.
 */

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { atEnd, until } from "./cleanup.js";
import { LIMIT_MS } from "./limit.js";
import { SystemCopy } from "./system-copy.js";

const SYSTEMD = "/lib/systemd/systemd";
const TARGET = "vblade-test.target";
const GROUP = `vb${process.pid}`;

/** In the root of the copy, which nobody has entered yet. It is in a control group of its own before that is made the root of all. */
const ENTER = `
mkdir ../groups && mount -t cgroup2 vblade-test ../groups
mkdir ../groups/${GROUP} && echo 0 >../groups/${GROUP}/cgroup.procs
mount -t sysfs -o ro sysfs sys
mount --bind proc/sys proc/sys && mount -o remount,ro,bind proc/sys
umount -l dev && mount -t tmpfs vblade-test dev && mkdir dev/shm
for node in null:3 zero:5 full:7 random:8 urandom:9; do mknod -m 666 dev/\${node%:*} c 1 \${node#*:}; done
printf '[Unit]\\nDescription=Little\\nAllowIsolate=yes\\n' >lib/systemd/system/${TARGET}
exec unshare --cgroup chroot . sh -c '
mount -t cgroup2 cgroup2 /sys/fs/cgroup
exec 3<&0
sh <&3 3<&- &
exec 3<&-
container=vblade-test exec ${SYSTEMD} --system --unit=${TARGET} --log-target=null --show-status=no </dev/null'`;

/** Why there can be none here, for `skip`. */
export function bootsMissing(): string | undefined {
	if (!existsSync(SYSTEMD)) return "there is no systemd";
	const probe = ["--mount", "--cgroup", "sh", "-c", "mount -t cgroup2 vblade-test /mnt"];
	return spawnSync("unshare", probe, { timeout: LIMIT_MS }).status === 0
		? undefined
		: "control groups of the second version are not permitted here";
}

/** Ours, once all that was in it has ended, and those of tests that were killed. */
const REMOVE = `
mount -t cgroup2 vblade-test /mnt
for group in /mnt/vb*; do
	pid=\${group#/mnt/vb} tries=100
	[ "$pid" = ${process.pid} ] || [ ! -e "/proc/$pid" ] || continue
	while [ -e "$group" ] && [ "$tries" -gt 0 ]; do
		find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || sleep 0.1
		tries=$((tries - 1))
	done
done`;

function removeGroups(): void {
	spawnSync("unshare", ["--mount", "sh", "-c", REMOVE], { timeout: LIMIT_MS });
}

export class BootedCopy extends SystemCopy {
	/** Resolves when systemd answers. The files are in /tmp/given. */
	static async boot(files: readonly string[]): Promise<BootedCopy> {
		const copy = new BootedCopy(files);
		await until("systemd", async () => (await copy.run("systemctl show")).code === 0, LIMIT_MS);
		return copy;
	}

	private constructor(files: readonly string[]) {
		atEnd(removeGroups);
		super(files, ENTER);
	}
}
