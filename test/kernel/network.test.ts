/**
 * Trouble between a Linux kernel and our server: it is killed, and comes back seconds later. A link that goes, a network that harms frames,
 * and a daemon that is killed are in `network.long.ts`.
 */

import t from "tap";
import { outage } from "./network-cases.js";
import { skip } from "./stage.js";

t.setTimeout(230_000);

t.test("the server is killed while fio writes and verifies", { skip }, (t) =>
	outage(t, { servers: ["vblade"], awayMs: 5000, jobs: ["4k:4"], megabytes: 3, rate: 600 }),
);
