/** Disks of ours under a Linux kernel: fio, a mirror, growth. In short; `storage.long.ts` goes on for longer. */

import t from "tap";
import { skip } from "./stage.js";
import { fio, growth, raid } from "./storage-cases.js";

// Kernels boot three times.
t.setTimeout(230_000);

t.test("fio on xfs, jumbo frames", { skip }, (t) =>
	fio(t, { filesystem: "xfs", mtu: 9000, jobs: ["4k:16", "64k:4"], megabytes: 2, limits: false }),
);

t.test("a mirror of two blades: one fails, is added again, catches up", { skip }, (t) =>
	raid(t, { megabytes: 8 }),
);

t.test("a blade grows under a mounted ext4", { skip }, (t) => growth(t, "ext4", 12));
