/** Object stores, heads, and pools on them in a configuration. Mirrors lib/spec/store-pools.ts. */

import t from "tap";
import { differenceOf } from "../../lib/spec/difference.js";
import { diffText, dumpOf } from "../../lib/spec/dump.js";
import { poolInStore, shownPoolPath } from "../../lib/spec/pool-path.js";
import { good, read, refuses } from "./readings.js";

const S3 = `[store.attic]
type = "s3"
endpoint = "https://objects.example.org"
access_key = "AK"
secret_file = "/etc/vblade/attic.secret"
`;
const SWIFT = `[store.attic]
type = "swift"
auth = "http://127.0.0.1:8080/auth/v1.0"
user = "test:tester"
key_file = "/etc/vblade/attic.key"
`;
const ETCD = '[head.etcd]\nendpoints = ["http://127.0.0.1:2379"]\n';
const POOL = `[pool.gold]
store = "attic"
container = "gold"
head = "etcd"
log = "/var/lib/vblade/gold/"
`;
const DISK = '[disk.web]\nvolume = "gold/web"\n';
const ALL = S3 + ETCD + POOL;

t.test("a pool in a bucket of S3, with its head in etcd", async (t) => {
	const config = good(read(ALL + DISK));
	const [pool] = config.pools;
	t.strictSame(pool?.stored, {
		name: "gold",
		store: {
			kind: "s3",
			endpoint: "https://objects.example.org",
			region: "us-east-1",
			style: "path",
			accessKey: "AK",
			secretFile: "/etc/vblade/attic.secret",
		},
		container: "gold",
		prefix: "",
		head: { kind: "etcd", endpoints: ["http://127.0.0.1:2379"], prefix: "vblade/", historySeconds: 3600 },
		log: "/var/lib/vblade/gold",
		logBytes: 2 * 2 ** 30,
		cacheBytes: 20 * 2 ** 30,
		stable: "host",
	});
	t.match(poolInStore(pool?.path ?? ""), { name: "gold", isShared: undefined });
	const shared = good(read(`${ALL}serve = "both"\nlisten = "[2001:db8::1]:9473"\n${DISK}`));
	t.equal(
		diffText(differenceOf(good(read(ALL + DISK)), shared)).at(-1),
		"disk web: volume gold/web: its pool is elsewhere now, or opened in another way (closed and opened)",
	);
	const both = good(read(`${ALL}serve = "both"\nlisten = "[2001:db8::1]:9473"\n`)).pools[0];
	t.equal(both?.stored?.listen, "[2001:db8::1]:9473");
	t.match(poolInStore(both?.path ?? ""), { name: "gold", isShared: true });
	t.equal(shownPoolPath(both?.path ?? ""), "store:gold");
	t.equal(shownPoolPath(pool?.path ?? ""), "store:gold");
	t.equal(shownPoolPath("/srv/fast"), "/srv/fast");
	t.match(config.disks[0]?.disk.storage, { kind: "volume", pool: pool?.path, volume: "web" });
	const again = good(read(dumpOf(config)));
	t.strictSame(again.pools[0]?.stored, pool?.stored, "also from what dump writes");
	t.strictSame(again.pools[0]?.path, pool?.path);
});

t.test("a pool in a container of Swift, by either way in", async (t) => {
	const settings =
		'prefix = "pools/gold"\nlog_size = "64M"\ncache_size = "1T"\nstable = "store"\nserve = "one"\n';
	const pool = POOL.replace('"etcd"', '"file"') + settings;
	t.match(good(read(SWIFT + pool)).pools[0]?.stored, {
		store: { kind: "swift", auth: "http://127.0.0.1:8080/auth/v1.0", project: undefined },
		...{ prefix: "pools/gold/", logBytes: 64 * 2 ** 20, cacheBytes: 2 ** 40, stable: "store" },
		head: { kind: "file" },
	});
	const keystone = SWIFT.replace("8080/auth/v1.0", "5000/v3");
	const project = 'project = "backup"\nuser_domain = "people"\nregion = "north"\n';
	t.match(good(read(keystone + project + pool)).pools[0]?.stored?.store, {
		...{ project: "backup", userDomain: "people", region: "north" },
	});
	refuses(t, keystone + pool, "3:1: store attic: project is missing, which Keystone wants");
});

t.test("each key that says where it is makes it another pool, which its disks are opened from", async (t) => {
	const before = good(read(ALL + DISK));
	const changes: readonly [string, string, string][] = [
		['access_key = "AK"', 'access_key = "BK"', "store.attic.access_key"],
		["2379", "2380", "head.etcd.endpoints"],
		["[head.etcd]", '[head.etcd]\nhistory = "0"', "head.etcd.history"],
		['container = "gold"', 'container = "silver"', "pool.gold.container"],
		['head = "etcd"', 'head = "store"', "pool.gold.head"],
		["/var/lib/vblade/gold/", "/var/lib/vblade/silver", "pool.gold.log"],
		['head = "etcd"', 'head = "etcd"\nstable = "store"', "pool.gold.stable"],
	];
	for (const [from, to, key] of changes) {
		const after = good(read((ALL + DISK).replace(from, to)));
		const { steps, settings } = differenceOf(before, after);
		t.match(settings, [{ key, effort: "disk" }], key);
		t.match(steps, [{ kind: "replace", changes: [{ key: "volume" }] }], key);
	}
	for (const [key, value] of [
		["history", "2h"],
		["log_size", "4G"],
		["cache_size", "4G"],
	]) {
		const { steps, settings } = differenceOf(before, good(read(`${ALL}${key} = "${value}"\n${DISK}`)));
		t.match(settings, [{ key: `pool.gold.${key}`, effort: "live" }]);
		t.strictSame(steps, [], `${key} does not`);
	}
});

t.test("what is missing, unknown, or does not go together", async (t) => {
	refuses(
		t,
		`${S3}${ETCD}[pool.gold]\nstore = "attic"\n`,
		...[
			'head is missing: the name of a [head.NAME], "store", or "file"',
			"container is missing",
			"log is missing",
		].map((what) => `8:7: pool gold: ${what}`),
	);
	refuses(t, "[store.attic]\n", "1:8: store attic: type is missing: s3 or swift");
	refuses(t, '[store.attic]\ntype = "ftp"\n', '2:1: type "ftp": s3 or swift is allowed');
	refuses(t, `${S3}user = "x"\n`, "6:1: store attic: user is for type swift");
	refuses(
		t,
		'[store.attic]\ntype = "s3"\n',
		...["endpoint", "access_key", "secret_file"].map((key) => `1:8: store attic: ${key} is missing`),
	);
	refuses(t, "[head.etcd]\n", "1:7: head etcd: endpoints is missing");
	refuses(
		t,
		`${ETCD.replace("http:", "https:")}ca = "/etc/ca.pem"\nkey_file = "/etc/key.pem"\n`,
		"1:7: head etcd: certificate and key_file belong together: one of them is missing",
	);
	refuses(
		t,
		ALL.replace('head = "etcd"', 'head = "other"'),
		'11:1: pool gold: head "other": there is none of this name',
	);
	refuses(
		t,
		SWIFT + POOL.replace('"etcd"', '"store"'),
		'9:1: pool gold: head "store": Swift keeps no conditions; a [head.NAME], or "file", is allowed',
	);
	refuses(
		t,
		ALL.replace('store = "attic"', 'store = "cellar"'),
		'9:1: pool gold: store "cellar": there is none of this name',
	);
	refuses(
		t,
		'[pool.fast]\npath = "/srv/fast"\nlog = "/srv/log"\n',
		"3:1: pool fast: log is for what is on a store",
	);
	refuses(t, `${ALL}path = "/srv/fast"\n`, "9:1: pool gold: it has a path already");
	refuses(
		t,
		ALL.replace("https://objects", "https://me:secret@objects"),
		'3:1: endpoint "https://me:secret@objects.example.org": an address is allowed, without a user, such as https://objects.example.org',
	);
	refuses(t, `${ALL}log_size = "1M"\n`, '13:1: log_size "1M": a size is allowed, as 2G, from 64M on');
	refuses(
		t,
		`${ALL}prefix = "../up"\n`,
		'13:1: prefix "../up": at most 100 letters (a-z), digits, and ._- are allowed, with slashes between, as in pools/gold',
	);
});

t.test("both hosts have to be able to reach each other, and a third place", async (t) => {
	refuses(t, `${ALL}serve = "all"\n`, '13:1: serve "all": one or both is allowed');
	const both = 'serve = "both"\nlisten = "192.0.2.1:9473"\n';
	refuses(
		t,
		`${ALL}serve = "both"\n`,
		"13:1: pool gold: listen is missing: where the other host reaches this one",
	);
	refuses(t, `${ALL}listen = "192.0.2.1:9473"\n`, '13:1: pool gold: listen goes with serve = "both"');
	for (const nowhere of ["0.0.0.0:9473", "[::]:9473", "192.0.2.1", "host:9473"])
		refuses(
			t,
			ALL + both.replace("192.0.2.1:9473", nowhere),
			`14:1: listen "${nowhere}": an address of this host that the others reach, a number, and a port are allowed, such as 192.0.2.1:9473`,
		);
	refuses(
		t,
		ALL.replace('"etcd"', '"file"') + both,
		'13:1: pool gold: serve "both": a head in a file is for one host; a [head.NAME], or "store", is allowed',
	);
	refuses(
		t,
		`${ALL}${both}replica = [{ store = "attic", container = "copy" }]\n`,
		'15:1: pool gold: a pool that both hosts serve (serve = "both") has no replica: what is known of it stays on one host',
	);
});

t.test("what was given up of a pool is where that pool is, and on this host", async (t) => {
	const tail = '[pool.rescue]\ntail = "gold"\nlog = "/srv/lost/"\n';
	const pools = good(read(tail + ALL)).pools;
	const [gold, rescue] = ["gold", "rescue"].map((name) => pools.find((each) => each.name === name));
	t.strictSame(rescue?.stored, { ...gold?.stored, name: "rescue", log: "/srv/lost", tailOf: "gold" });
	t.not(rescue?.path, gold?.path);
	t.strictSame(
		good(read(dumpOf(good(read(ALL + tail))))).pools.map(({ stored }) => stored),
		[gold?.stored, rescue?.stored],
		"also from what dump writes",
	);
	refuses(
		t,
		ALL + tail.replace("gold", "silver"),
		'14:1: pool rescue: pool "silver": there is none of this name',
	);
	refuses(
		t,
		ALL + tail.replace(/log.*\n/, ""),
		"13:7: pool rescue: log is missing: where the directory is that had it",
	);
	refuses(t, `${ALL}${tail}container = "other"\n`, "16:1: pool rescue: container is for what is on a store");
	refuses(
		t,
		`${ALL}[pool.fast]\npath = "/srv/fast"\n${tail.replace("gold", "fast")}`,
		'16:1: pool rescue: tail "fast": only a pool on a store can be given up by another host',
	);
	refuses(
		t,
		ALL.replace('"etcd"', '"file"') + tail,
		'14:1: pool rescue: tail "gold": its head is in a file: nothing of it is given up by another host',
	);
	refuses(
		t,
		ALL + tail.replace("/srv/lost/", "/var/lib/vblade/gold"),
		"15:1: a pool in /var/lib/vblade/gold is already at 0.toml:12:1",
	);
});

t.test("no two pools have one place", async (t) => {
	const silver = POOL.replace("[pool.gold]", "[pool.silver]");
	refuses(t, ALL + silver, "17:1: a pool in /var/lib/vblade/gold is already at 0.toml:12:1");
	refuses(
		t,
		ALL + silver.replace("gold/", "silver/"),
		"15:1: a pool in https://objects.example.org gold/ is already at 0.toml:10:1",
	);
	good(read(`${ALL}${silver.replace("gold/", "silver/")}prefix = "silver"\n`));
	refuses(
		t,
		`${ALL}[pool.fast]\npath = "/var/lib/vblade/gold"\n`,
		"14:1: a pool in /var/lib/vblade/gold is already at 0.toml:12:1",
	);
});

t.test("a CA is for what is behind TLS", async (t) => {
	refuses(
		t,
		`${S3.replace("https:", "http:")}ca = "/etc/ca.pem"\n`,
		"6:1: store attic: ca is for https, and http://objects.example.org is in the clear",
	);
});
