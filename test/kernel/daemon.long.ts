/** The daemon under a Linux kernel while everything happens to it: both MTUs, several block sizes and depths, again and again. */

import t from "tap";
import { ordeals } from "./daemon-cases.js";
import { skip as iscsi } from "./iscsi-cases.js";
import { skip } from "./stage.js";

t.setTimeout(3_000_000);

const CASE = {
	jobs: ["4k:4", "16k:2", "64k:4"],
	megabytes: 8,
	rate: 800,
	rounds: 6,
	limitMs: 900_000,
} as const;

for (const mtu of [1500, 9000])
	t.test(`an ext4 of a Linux kernel outlives all that happens to the daemon, MTU ${mtu}`, { skip }, (t) =>
		ordeals(t, { ...CASE, over: "aoe", mtu }),
	);

t.test("likewise over iSCSI", { skip: skip || iscsi }, (t) =>
	ordeals(t, { ...CASE, over: "iscsi", mtu: 9000 }),
);
