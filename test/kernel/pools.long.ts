/** What `pools.test.ts` does in short: both file systems, small frames and large ones, more data, and a server that dies more often. */

import t from "tap";
import { pool } from "./pool-cases.js";
import { type Filesystem, skip } from "./stage.js";

t.setTimeout(3_600_000);

const FILESYSTEMS: readonly Filesystem[] = ["ext4", "xfs"];

for (const filesystem of FILESYSTEMS)
	for (const mtu of [1500, 9000])
		t.test(`${filesystem} on a volume at MTU ${mtu} outlives that its server is killed`, { skip }, (t) =>
			pool(t, {
				filesystem,
				mtu,
				jobs: ["512:1", "4k:16", "64k:4", "1m:2"],
				megabytes: 16,
				random: 64,
				rate: 2000,
				size: "512M",
				kills: 25,
				lifeMs: 900,
				limitMs: 900_000,
			}),
		);

t.test("ext4 on a pool that has room for little more, and is written over again and again", { skip }, (t) =>
	pool(t, {
		filesystem: "ext4",
		mtu: 9000,
		jobs: ["4k:16", "64k:4"],
		megabytes: 40,
		random: 16,
		rate: 6000,
		size: "160M",
		cramped: 320,
		kills: 40,
		lifeMs: 1500,
		limitMs: 900_000,
	}),
);
