/** Snapshots and moments of an ext4 that is in use, mounted by a Linux kernel, and its rollback. `past.long.ts` has xfs and small frames too. */

import t from "tap";
import { GUEST_LIMIT_MS } from "../support/limit.js";
import { past } from "./past-cases.js";
import { skip } from "./stage.js";

t.setTimeout(230_000);

t.test("what was, of an ext4 that is in use, is mounted and comes back", { skip }, (t) =>
	past(t, { filesystem: "ext4", mtu: 9000, random: 8, size: "64M", limitMs: GUEST_LIMIT_MS }),
);
