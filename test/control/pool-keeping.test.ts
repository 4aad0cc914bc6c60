// What control tells workers of pools, unasked: once, again when it is something else or the worker is new, and from time to time.

import t from "tap";
import { PoolKeeping } from "../../lib/control/pool-keeping.js";
import type { PoolAct } from "../../lib/daemon/worker-messages.js";
import { OperatorError } from "../../lib/errors.js";
import { closedHere } from "../../lib/pool/store/words.js";
import { VirtualClock } from "../../lib/testing/virtual-clock.js";
import { good, read } from "../spec/readings.js";
import { POOL, STORED } from "./figures.js";
import { settle } from "./stage.js";

const text = (history: string, snapshot: string): string => `
[pool.fast]
path = "/srv/fast"
history = "${history}"
[pool.slow]
path = "/srv/slow"
[disk.db]
volume = "fast/db"
[disk.old]
volume = "fast/db@${snapshot}"
[template.lab]
image = "fast/gold@v3"
shelf = 20
netif = ["eth0"]
`;

t.test("pools are told what is configured of them", async (t) => {
	const clock = new VirtualClock();
	const desired = { config: good(read(text("2h", "monday"))), hurry: () => {} };
	const asked: [string, PoolAct][] = [];
	const messages: string[] = [];
	let trouble: string | undefined;
	let isAway: string | null = null;
	const keeping = new PoolKeeping({
		...{ desired, clock, reopen: async () => {} },
		events: { add: ({ message }) => messages.push(message) },
		workers: {
			pool: async (folder, act) => {
				asked.push([folder, act]);
				if (trouble !== undefined) throw new OperatorError(trouble);
				return { ...POOL, away: isAway };
			},
		},
	});
	const looks = async (passMs: number): Promise<[string, PoolAct][]> => {
		clock.pass(passMs);
		keeping.look();
		await settle();
		return asked.splice(0);
	};
	const fast = {
		act: "configure",
		settings: { historySeconds: 7200 },
		spared: ["db@monday", "gold@v3"],
	} as const;
	const slow = ["/srv/slow", { act: "configure", settings: {}, spared: [] }] as const;
	t.strictSame(await looks(1000), [["/srv/fast", fast], slow]);
	t.strictSame(await looks(1000), []);
	desired.config = good(read(text("3h", "monday")));
	const changed = { ...fast, settings: { historySeconds: 10_800 } };
	t.strictSame(await looks(1000), [["/srv/fast", changed]]);
	desired.config = good(read(text("3h", "@-10m".slice(1))));
	t.strictSame(await looks(1000), [["/srv/fast", { ...changed, spared: ["db@-10m", "gold@v3"] }]]);
	keeping.lost();
	t.equal((await looks(1000)).length, 2, "a worker is new");
	t.equal((await looks(14 * 60_000)).length, 0);
	trouble = "/srv/slow: is no pool";
	t.equal((await looks(60_000)).length, 2, "from time to time");
	const told = ["fast", "slow"].map(
		(name) => `pool ${name}: what is configured of it does not hold yet: /srv/slow: is no pool`,
	);
	t.strictSame(messages, told);
	t.equal((await looks(30_000)).length, 2, "what failed is tried again");
	t.strictSame(messages, told, "and told once");
	t.strictSame(keeping.troubles, ["pool fast: /srv/slow: is no pool", "pool slow: /srv/slow: is no pool"]);
	trouble = undefined;
	t.strictSame([(await looks(30_000)).length, (await looks(30_000)).length], [2, 0]);
	t.strictSame(keeping.troubles, []);
	const away = { kind: "pool-away", poolPath: "/srv/fast", message: "there is no such directory" } as const;
	keeping.happened({ ...away, severity: "error" });
	isAway = away.message;
	await looks(1000);
	t.strictSame(keeping.troubles, ["pool fast: there is no such directory"]);
	keeping.happened({ ...away, severity: "info" });
	t.strictSame(keeping.troubles, []);
});

t.test(
	"a pool that stores no checkpoints, is full, or takes no changes any more, is told of until that is over",
	async (t) => {
		const clock = new VirtualClock();
		let failed: string | null = null;
		let asked = 0;
		const keeping = new PoolKeeping({
			reopen: async () => {},
			desired: { config: good(read('[pool.fast]\npath = "/srv/fast"\n')), hurry: () => {} },
			clock,
			events: { add: () => {} },
			workers: {
				pool: async () => {
					asked++;
					return { ...POOL, failed };
				},
			},
		});
		const looks = async (passMs: number): Promise<readonly string[]> => {
			clock.pass(passMs);
			keeping.look();
			await settle();
			return keeping.troubles;
		};
		t.strictSame(await looks(1000), []);
		const unstored = { kind: "pool-checkpoint", poolPath: "/srv/fast", message: "no checkpoint" } as const;
		keeping.happened({ ...unstored, severity: "error" });
		t.strictSame(await looks(1000), ["pool fast: no checkpoint"]);
		keeping.happened({ ...unstored, severity: "info" });
		t.strictSame(keeping.troubles, []);
		const full = { kind: "pool-full", poolPath: "/srv/fast", message: "it is full" } as const;
		keeping.happened({ ...unstored, severity: "error" });
		keeping.happened({ ...full, severity: "warning" });
		t.strictSame(await looks(1000), ["pool fast: no checkpoint", "pool fast: it is full"]);
		for (const each of [unstored, full]) keeping.happened({ ...each, severity: "info" });
		t.strictSame(keeping.troubles, []);
		const line = "pool /srv/fast: what is written stays on this host: 503";
		keeping.happened({ kind: "pool-store", poolPath: "/srv/fast", severity: "warning", message: line });
		t.strictSame(
			keeping.troubles,
			["pool fast: what is written stays on this host: 503"],
			"once by its name",
		);
		keeping.happened({ kind: "pool-store", poolPath: "/srv/fast", severity: "info", message: "well" });
		t.strictSame(keeping.troubles, []);
		failed = "/srv/fast/log.000000, byte 4096: storage has failed";
		keeping.happened({ kind: "pool-failed", poolPath: "/srv/fast", severity: "error", message: failed });
		t.strictSame(keeping.troubles, [`pool fast: ${failed}`]);
		t.strictSame(await looks(30_000), [`pool fast: ${failed}`]);
		t.equal(asked, 2, "it is asked soon whether that is over");
		failed = null;
		t.strictSame(await looks(30_000), []);
	},
);

t.test("who waits for a pool that could not be opened is tried again as soon as it can", async (t) => {
	const clock = new VirtualClock();
	const hurried: string[] = [];
	const config = good(read('[pool.fast]\npath = "/srv/fast"\n'));
	let trouble: string | undefined;
	const keeping = new PoolKeeping({
		reopen: async () => {},
		desired: { config, hurry: (pool) => hurried.push(pool) },
		clock,
		events: { add: () => {} },
		workers: {
			pool: async () => {
				if (trouble !== undefined) throw new OperatorError(trouble);
				return POOL;
			},
		},
	});
	for (const [now, wanted] of [
		[undefined, 0],
		["is no pool", 0],
		["is no pool", 0],
		[undefined, 1],
		[undefined, 1],
	] as const) {
		trouble = now;
		clock.pass(16 * 60_000);
		keeping.look();
		await settle();
		t.strictSame(hurried, new Array<string>(wanted).fill("/srv/fast"));
	}
});

t.test("what is wrong with a pool that nobody uses is asked for again until it is over", async (t) => {
	const clock = new VirtualClock();
	let stored: typeof STORED | null = { ...STORED, trouble: "nothing is answered: ECONNREFUSED" };
	const keeping = new PoolKeeping({
		reopen: async () => {},
		desired: { config: good(read('[pool.fast]\npath = "/srv/fast"\n')), hurry: () => {} },
		clock,
		events: { add: () => {} },
		workers: { pool: async () => ({ ...POOL, stored }) },
	});
	const looks = async (passMs: number): Promise<readonly string[]> => {
		clock.pass(passMs);
		keeping.look();
		await settle();
		return keeping.troubles;
	};
	const trouble = ["pool fast: nothing is answered: ECONNREFUSED"];
	t.strictSame(await looks(1000), trouble);
	t.strictSame(await looks(30_000), trouble);
	stored = null;
	t.strictSame(await looks(30_000), []);
});

const STORE = `
[store.attic]
type = "s3"
endpoint = "http://127.0.0.1:9000"
region = "us-east-1"
access_key = "a"
secret_file = "/etc/vblade/attic.secret"
[pool.gold]
store = "attic"
container = "gold"
head = "store"
log = "/srv/gold"
`;

t.test(
	"a pool that another host has is waited for; one that wants an operator's word is a problem, and its disks say so at once",
	async (t) => {
		const clock = new VirtualClock();
		const config = good(read(STORE));
		const [{ path: poolPath = "" } = {}] = config.pools;
		const hurried: string[] = [];
		const told: string[] = [];
		let trouble = "store:gold: is owned by other, waiting";
		const keeping = new PoolKeeping({
			reopen: async () => {},
			desired: { config, hurry: (pool) => hurried.push(pool) },
			clock,
			events: { add: ({ kind, severity, message }) => told.push(`${kind} ${severity} ${message}`) },
			workers: { pool: () => Promise.reject(new OperatorError(trouble)) },
		});
		const looks = async (): Promise<readonly string[]> => {
			clock.pass(3000);
			keeping.look();
			await settle();
			return keeping.troubles;
		};
		t.strictSame(await looks(), []);
		const waits = `pool-waits info pool gold: ${trouble}`;
		t.strictSame(told, [waits]);
		const lost = "up to 4096 bytes are only on that host: vblade pool takeover gold --lose 4096";
		trouble = lost;
		t.strictSame(await looks(), [`pool gold: ${lost}`]);
		t.strictSame(told, [waits, `pool-waits warning pool gold: ${lost}`]);
		t.strictSame(hurried, [poolPath]);
		t.strictSame(await looks(), [`pool gold: ${lost}`]);
		t.equal(hurried.length, 1, "once");
		const message = closedHere("other has the pool now, by epoch 7");
		keeping.happened({ kind: "pool-handed-over", severity: "info", poolPath, message });
		t.strictSame(keeping.troubles, [], "that another host has it is no problem");
	},
);

t.test("a disk that is served is on a pool that is there", async (t) => {
	const clock = new VirtualClock();
	const config = good(read('[pool.fast]\npath = "/srv/fast"\n[disk.db]\nvolume = "fast/db"\n'));
	let asked = 0;
	const keeping = new PoolKeeping({
		reopen: async () => {},
		...{ desired: { config, hurry: () => {} }, clock, events: { add: () => {} } },
		workers: {
			pool: async () => {
				if (asked++ === 0) throw new OperatorError("there is no such directory");
				return POOL;
			},
		},
	});
	keeping.look();
	await settle();
	t.strictSame(keeping.troubles, ["pool fast: there is no such directory"]);
	for (const disk of config.disks) keeping.isServed(disk);
	t.strictSame(keeping.troubles, []);
	keeping.look();
	await settle();
	t.equal(asked, 2, "and is asked at once whether it is as it is to be");
});

t.test(
	"what a worker has closed of its own accord is opened again, whatever else is known of the pool",
	async (t) => {
		const reopened: string[] = [];
		const keeping = new PoolKeeping({
			reopen: async (pool) => void reopened.push(pool),
			desired: { config: good(read('[pool.fast]\npath = "/srv/fast"\n')), hurry: () => {} },
			clock: new VirtualClock(),
			events: { add: () => {} },
			workers: { pool: async () => POOL },
		});
		const happened = (): string[] => {
			for (const kind of ["pool-lost", "pool-renewed", "pool-moved", "pool-store", "pool-replica"] as const)
				keeping.happened({ kind, poolPath: "/srv/fast", severity: "info", message: kind });
			return reopened.splice(0);
		};
		t.strictSame(happened(), ["/srv/fast", "/srv/fast"], "before it was told of anything");
		keeping.look();
		await settle();
		t.strictSame(happened(), ["/srv/fast", "/srv/fast"]);
	},
);
