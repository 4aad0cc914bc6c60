/** What `iscsi.test.ts` does in short: both file systems, digests, small frames and large ones, more data; and servers and paths that go away. */

import t from "tap";
import { commands, growth, outage, overIscsi, paths, skip } from "./iscsi-cases.js";
import type { Filesystem } from "./stage.js";

t.setTimeout(3_600_000);
const FILESYSTEMS: readonly Filesystem[] = ["ext4", "xfs"];
const SERVED = [
	{ mtu: 1500, hasDigests: false },
	{ mtu: 9000, hasDigests: true },
] as const;
const JOBS = ["512:8", "4k:1", "4k:64", "20k:16", "1m:4"];

for (const filesystem of FILESYSTEMS)
	for (const served of SERVED)
		t.test(`${filesystem} over iSCSI, ${JSON.stringify(served)}`, { skip }, (t) =>
			overIscsi(t, { ...served, filesystem, jobs: JOBS, megabytes: 16, limitMs: 900_000 }),
		);

const ROUNDS = { jobs: ["512:1", "4k:16", "64k:4"], megabytes: 8, rate: 1000, limitMs: 900_000 } as const;

t.test("a server that is killed again and again", { skip }, (t) =>
	outage(t, { ...ROUNDS, mtu: 1500, kills: 8, lifeMs: 3000, awayMs: 4000 }),
);

t.test("two paths, each of which goes away and comes back", { skip }, (t) =>
	paths(t, { ...ROUNDS, mtu: 1500, cuts: 2, lifeMs: 6000, awayMs: 14_000 }),
);

for (const filesystem of FILESYSTEMS)
	t.test(`${filesystem} on a disk that grows`, { skip }, (t) =>
		growth(t, filesystem, filesystem === "xfs" ? 320 : 64),
	);

t.test("sg3-utils", { skip }, commands);
