/** Disks of ours under a Linux kernel: fio, a mirror, growth, with every combination of file system and MTU, more block sizes and depths, more data. */

import t from "tap";
import { type Filesystem, skip } from "./stage.js";
import { fio, growth, raid } from "./storage-cases.js";

t.setTimeout(1_800_000);

const FILESYSTEMS: readonly Filesystem[] = ["ext4", "xfs"];
const JOBS = ["512:1", "4k:1", "4k:16", "16k:4", "64k:8", "256k:2", "1m:4"];

for (const filesystem of FILESYSTEMS) {
	for (const mtu of [1500, 9000]) {
		t.test(`fio on ${filesystem} at MTU ${mtu}`, { skip }, (t) =>
			// With jumbo frames once more than the driver's window may be waiting.
			fio(t, { filesystem, mtu, jobs: JOBS, megabytes: 6, limits: mtu === 1500, limitMs: 400_000 }),
		);
	}
	t.test(`a blade grows under a mounted ${filesystem}`, { skip }, (t) => growth(t, filesystem, 320));
}

t.test("a mirror of two blades: one is failed, is added again, catches up", { skip }, (t) =>
	raid(t, { megabytes: 128 }),
);

t.test("a mirror of two blades: the server of one is killed until the driver gives it up", { skip }, (t) =>
	raid(t, { megabytes: 64, deadSeconds: 4 }),
);
