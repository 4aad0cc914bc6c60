/** The daemon under a Linux kernel while everything happens to it. In short; `daemon.long.ts` goes on for longer. */

import t from "tap";
import { GUEST_LIMIT_MS } from "../support/limit.js";
import { ordeals } from "./daemon-cases.js";
import { skip } from "./stage.js";

t.setTimeout(230_000);

t.test("an ext4 of a Linux kernel outlives all that happens to the daemon", { skip }, (t) =>
	ordeals(t, { mtu: 9000, jobs: ["4k:4"], megabytes: 4, rate: 500, rounds: 1, limitMs: GUEST_LIMIT_MS }),
);
