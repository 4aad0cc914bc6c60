/** A pool under a Linux kernel while its server is killed. In short; `pools.long.ts` goes on for longer. */

import t from "tap";
import { GUEST_LIMIT_MS } from "../support/limit.js";
import { pool } from "./pool-cases.js";
import { skip } from "./stage.js";

t.setTimeout(230_000);

t.test("an ext4 on a volume outlives that its server is killed", { skip }, (t) =>
	pool(t, {
		filesystem: "ext4",
		mtu: 9000,
		jobs: ["4k:8"],
		megabytes: 4,
		random: 8,
		rate: 1000,
		size: "64M",
		kills: 2,
		lifeMs: 700,
		limitMs: GUEST_LIMIT_MS,
	}),
);
