/**
 * Trouble between a Linux kernel and our server: a link goes, a network harms frames, the server is killed. In short;
 * `network.long.ts` goes on for longer.
 */

import t from "tap";
import { badNetwork, links, outage } from "./network-cases.js";
import { skip } from "./stage.js";

t.setTimeout(230_000);
// Three kernels that mostly wait: the driver tries a dead path for ten seconds, and a server is away for five.
t.jobs = 3;

t.test("two links to one blade, one goes in the middle of a copy", { skip, buffered: true }, (t) =>
	links(t, { mtu: 9000, megabytes: 4, goes: "down" }),
);

t.test("a bad network", { skip, buffered: true }, (t) =>
	badNetwork(t, {
		mtu: 9000,
		jobs: ["4k:4"],
		megabytes: 1,
		rounds: 2,
		copied: 0,
		losses: 3,
		...{ drop: 100, damage: 100, double: 200, hold: 150, stall: 50 },
	}),
);

t.test("the server is killed while fio writes and verifies", { skip, buffered: true }, (t) =>
	outage(t, { servers: ["vblade", "vbladed"], awayMs: 5000, jobs: ["4k:4"], megabytes: 6, rate: 600 }),
);
