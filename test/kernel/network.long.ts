/** Trouble between a Linux kernel and our server: a link goes, a network harms frames, with both MTUs and several seeds; servers and daemons are killed. */

import t from "tap";
import { badNetwork, links, outage } from "./network-cases.js";
import { skip } from "./stage.js";

t.setTimeout(1_800_000);

for (const goes of ["down", "deleted"] as const) {
	for (const mtu of [1500, 9000]) {
		t.test(`two links to one blade at MTU ${mtu}, one is ${goes} in the middle of a copy`, { skip }, (t) =>
			links(t, { mtu, megabytes: 64, goes, limitMs: 300_000 }),
		);
	}
}

for (const mtu of [1500, 1500, 9000, 9000]) {
	t.test(`a bad network at MTU ${mtu}`, { skip }, (t) =>
		badNetwork(t, {
			mtu,
			jobs: ["4k:4", "16k:2"],
			megabytes: 4,
			rounds: 3,
			copied: 4,
			losses: 40,
			...{ drop: 30, damage: 30, double: 400, hold: 300, stall: 30 },
			limitMs: 300_000,
		}),
	);
}

t.test("servers and daemons are killed, again and again", { skip }, (t) =>
	outage(t, {
		servers: ["vblade", "vbladed", "vblade", "vbladed"],
		awayMs: 5000,
		jobs: ["4k:4"],
		megabytes: 48,
		rate: 1000,
		limitMs: 300_000,
	}),
);
