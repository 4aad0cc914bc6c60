// Replicas of pools in a configuration. Mirrors lib/spec/replicas.ts.
import t from "tap";
import { dumpOf } from "../../lib/spec/dump.js";
import { good, read, refuses } from "./readings.js";

const S3 = `[store.attic]
type = "s3"
endpoint = "https://objects.example.org"
access_key = "AK"
secret_file = "/etc/vblade/attic.secret"
`;
const ETCD = '[head.etcd]\nendpoints = ["http://127.0.0.1:2379"]\n';
const POOL = `[pool.gold]
store = "attic"
container = "gold"
head = "etcd"
log = "/var/lib/vblade/gold/"
`;
const ALL = S3 + ETCD + POOL;

t.test("a replica is said by the name of a store, or of a pool there", async (t) => {
	const fast = (replica: string): string => `[pool.fast]\npath = "/srv/fast"\nreplica = [${replica}]\n`;
	const there = (toml: string, pool: string) =>
		good(read(toml))
			.pools.find(({ name }) => name === pool)
			?.replicas?.map(({ name, path, stored }) => ({ name, path, stored }));
	const long = '{ store = "attic", container = "fast-copy", head = "store", pool = "fast-copy" }';
	const [replica] = there(ALL + fast(long), "fast") ?? [];
	t.match(replica, {
		name: "attic/fast-copy",
		stored: { name: "fast-copy", log: "/srv/fast/replica-attic-fast-copy" },
	});
	for (const short of ['"attic"', '{ store = "attic" }'])
		t.strictSame(there(ALL + fast(short), "fast"), [replica], short);
	t.strictSame(
		there(dumpOf(good(read(ALL + fast('"attic"')))), "fast"),
		[replica],
		"also from what dump writes",
	);
	const copy = POOL.replace("pool.gold", "pool.copy")
		.replace('"gold"', '"copies"\nprefix = "a"')
		.replace("/gold/", "/copy/");
	const [asPool] = there(ALL + copy + fast('"copy"'), "fast") ?? [];
	t.match(asPool, {
		name: "attic/copies/a",
		stored: { name: "copy", container: "copies", prefix: "a/", head: { kind: "etcd" } },
	});
	const inStore = there(`${S3}${ETCD}${POOL}replica = ["attic"]\n`, "gold");
	t.match(inStore, [
		{ name: "attic/gold-copy", stored: { log: "/var/lib/vblade/gold/replica-attic-gold-copy" } },
	]);
	for (const [nothing, named] of [
		['"cellar"', "cellar"],
		['"/srv/copy"', "/srv/copy"],
		['"fast"', "fast"],
	] as const)
		refuses(
			t,
			ALL + fast(nothing),
			`15:12: pool fast: replica: store "${named}": there is none of this name`,
		);
	refuses(
		t,
		ALL + fast('"attic", "attic"'),
		"15:21: pool fast: replica: there is one at attic/fast-copy already",
	);
});
