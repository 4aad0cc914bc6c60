/** Snapshots and moments of a file system that is in use, mounted by a Linux kernel, and its rollback: both file systems, small frames and large ones. */

import t from "tap";
import { past } from "./past-cases.js";
import { type Filesystem, skip } from "./stage.js";

t.setTimeout(3_600_000);

const FILESYSTEMS: readonly Filesystem[] = ["ext4", "xfs"];

for (const filesystem of FILESYSTEMS)
	for (const mtu of [1500, 9000])
		t.test(`what was, of an ${filesystem} that is in use, at MTU ${mtu}`, { skip }, (t) =>
			past(t, { filesystem, mtu, random: 64, size: "512M", limitMs: 900_000 }),
		);
