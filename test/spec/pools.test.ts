/** Pools in a configuration, and disks on their volumes. Mirrors lib/spec/pools.ts. */

import t from "tap";
import { differenceOf } from "../../lib/spec/difference.js";
import { dumpOf } from "../../lib/spec/dump.js";
import { good, read, refuses } from "./readings.js";

const POOL = '[pool.fast]\npath = "/srv/fast/"\n';
const DISK = '[disk.web]\nvolume = "fast/web"\n';

t.test("a volume of a pool", async (t) => {
	const config = good(read(POOL + DISK));
	t.match(config.pools, [{ name: "fast", path: "/srv/fast" }]);
	t.strictSame(config.pools[0]?.placeOf(), { file: "0.toml", line: 2, column: 1 });
	const storage = { kind: "volume", name: "fast/web", pool: "/srv/fast", volume: "web" };
	t.strictSame(config.disks[0]?.disk.storage, storage);
	t.strictSame(good(read(dumpOf(config))).disks[0]?.disk.storage, storage, "also from what dump writes");
	const elsewhere = good(read(POOL.replace("fast/", "slow/") + DISK));
	t.match(differenceOf(config, elsewhere).steps, [{ kind: "replace", changes: [{ key: "volume" }] }]);
});

t.test("what is kept of its past, and what changes of that", async (t) => {
	const keys =
		'history = "2h"\nhistory_space = "20%"\nhistory_min = "0"\nkeep = { hourly = "7d", daily = "30d" }\n';
	const config = good(read(POOL + keys + DISK));
	const kept = {
		historySeconds: 7200,
		historySpace: { percent: 20 },
		historyMinSeconds: 0,
		keep: { hourly: 7 * 86_400, daily: 30 * 86_400 },
	};
	t.strictSame(config.pools[0]?.kept, kept);
	t.strictSame(good(read(dumpOf(config))).pools[0]?.kept, kept, "also from what dump writes");
	t.strictSame(good(read(POOL)).pools[0]?.kept, {});
	const later = keys.replace("2h", "3h").replace(/keep.*\n/, "");
	const { steps, settings } = differenceOf(config, good(read(POOL + later + DISK)));
	t.strictSame(steps, []);
	t.match(settings, [
		{ key: "pool.fast.history", from: "2h", to: "3h", effort: "live" },
		{ key: "pool.fast.keep", from: { hourly: "7d", daily: "30d" }, to: undefined, effort: "live" },
	]);
	refuses(
		t,
		`${POOL}history = "long"\nhistory_space = "120%"\nkeep = { hourly = "1w", monthly = "1d" }\n`,
		'3:1: history "long": a time is allowed, such as 30m, 1h or 7d, at most 3650d; 0 is none',
		'4:1: history_space "120%": a share of the pool is allowed, as 10%, or a number, with K, M, G or T if it is more than bytes',
		'5:10: hourly "1w": a time is allowed, such as 30m, 1h or 7d, at most 3650d; 0 is none',
		'5:25: no such key "monthly"; did you mean "hourly"?',
	);
});

t.test("a snapshot that may be written to be forgotten, more than once", async (t) => {
	const scratch = (name: string) => `[disk.${name}]\nvolume = "fast/web@monday"\nscratch = true\n`;
	const config = good(read(POOL + scratch("one") + scratch("two")));
	t.match(config.disks[1]?.disk, { scratch: true, readOnly: false, storage: { volume: "web@monday" } });
	t.strictSame(good(read(dumpOf(config))).disks[1]?.disk, config.disks[1]?.disk);
});

t.test("what is wrong", async (t) => {
	const only = "only a snapshot or a moment of a volume can be scratch, as fast/web@monday";
	const wrong: Readonly<Record<string, readonly string[]>> = {
		[DISK]: ['2:1: disk web: pool "fast": there is none of this name'],
		"[pool.fast]\n": ["1:7: pool fast: path, disks or store is missing"],
		[`${POOL}[pool.slow]\npath = "/srv/fast"\n`]: ["4:1: a pool in /srv/fast is already at 0.toml:2:1"],
		[`${POOL}${DISK}${DISK.replace("disk.web", "disk.other")}`]: [
			"6:1: disk other: disk web (0.toml:4:1) has this volume already",
		],
		[`${POOL}${DISK}scratch = true\n`]: [`5:1: disk web: ${only}`],
		'[disk.web]\nfile = "/srv/web.img"\nscratch = true\n': [`3:1: disk web: ${only}`],
		[`${POOL}[disk.web]\nvolume = "fast/web@a"\nscratch = true\nread_only = true\n`]: [
			"5:1: disk web: what is read only can't be written to be forgotten",
		],
		[`${POOL}${DISK}memory = "1M"\n`]: ["4:1: disk web: it has a memory already"],
		[`${POOL}[disk.web]\nvolume = "fast"\n`]: [
			'4:1: volume "fast": a pool and a volume of it are allowed, as in fast/web',
		],
	};
	for (const [text, errors] of Object.entries(wrong)) refuses(t, text, ...errors);
});
