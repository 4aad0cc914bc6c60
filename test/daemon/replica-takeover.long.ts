// Pools in a store, with replicas in another one, whose host is killed: another host takes them over, and their replicas follow there. Of what only the first host had, and its
// replica, and what was given up, the replica does not say that it is the pool's.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import t from "tap";
import type { Asked, Told } from "../object/stand-in.js";
import { StandInEtcd } from "../object/stand-in-etcd.js";
import { StandInS3 } from "../object/stand-in-s3.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { cellar, copyOf, nbd, poolInCellar, ReplicaHost } from "./replica-hosts.js";

const FAILED = /fail|error/i;
const POOLS = ["gold", "silver", "lead"] as const;

/** One that stores nothing any more. */
class FullS3 extends StandInS3 {
	isFull = false;

	protected override answer(asked: Asked): Told {
		return this.isFull && asked.method === "PUT" ? { status: 503 } : super.answer(asked);
	}
}

if (await inNamespace(import.meta.url)) {
	execFileSync("ip", ["link", "set", "lo", "up"], { timeout: LIMIT_MS });
	const [near, far, etcd] = [new FullS3(), new StandInS3(), new StandInEtcd()];
	const [at, endpoint, head] = [await near.start(), await far.start(), await etcd.start()];
	t.teardown(() => Promise.all([near, far, etcd].map((each) => each.stop())));
	const hosts = [1, 2, 3].map(() => new ReplicaHost(endpoint, () => ""));
	const [one, two, other] = hosts as [ReplicaHost, ReplicaHost, ReplicaHost];
	t.teardown(() => Promise.all(hosts.map(({ tree }) => tree.program?.stop("SIGKILL", LIMIT_MS))));
	for (const host of [one, two])
		host.serveAll(
			[
				cellar(host.tree, { at, head }),
				...POOLS.flatMap((pool) => [
					poolInCellar(host.tree, pool, pool === "gold" ? "store" : "host"),
					nbd(pool, `${pool}/web`),
				]),
			].join(""),
		);
	other.serveAll(
		[
			...POOLS.map((pool) => copyOf(pool, other.tree)),
			nbd("gold", "gold-copy/web", "read_only = true\n"),
		].join(""),
	);
	const follows = (host: ReplicaHost, pool: string): Promise<string> =>
		host.says(/^replica +attic\/.*: lacks nothing$/m, "pool", "show", pool);

	t.test("the pools are brought to another store", async (t) => {
		await one.tree.start();
		for (const pool of POOLS) {
			await one.say("pool", "create", pool);
			await one.say("volume", "create", `${pool}/web`, "64M");
			await one.tree.state(pool, "open");
			t.notMatch(await one.ioOn(pool, "write -P 1 0 1M", "flush"), FAILED);
		}
		for (const pool of POOLS) {
			t.match(await one.says(/unshipped +0/, "pool", "show", pool), /unshipped +0/);
			t.match(await follows(one, pool), /lacks nothing/);
		}
	});

	t.test("what the pool's own store does not take comes to the replica alone", async (t) => {
		near.isFull = true;
		for (const pool of ["silver", "lead"]) {
			t.notMatch(await one.ioOn(pool, "write -P 2 1M 1M", "flush"), FAILED);
			t.match(await follows(one, pool), /lacks nothing/);
		}
		await one.kill();
		near.isFull = false;
		await other.tree.start();
		await other.tree.state("gold", "open");
		t.notMatch(await other.say("pool", "promote", "lead-copy"), FAILED, "one of them is made a pool of that");
	});

	t.test("another host has the pool, and brings to its replica what is written there", async (t) => {
		await two.tree.start();
		await two.tree.state("gold", "open");
		t.notMatch(await two.ioOn("gold", "read -P 1 0 1M", "write -P 3 2M 1M", "flush"), FAILED);
		t.match(await follows(two, "gold"), /lacks nothing/);
		t.notMatch(await other.say("pool", "promote", "gold-copy"), FAILED);
		const copied = async () => other.ioOf("gold", "read -P 1 0 1M", "read -P 0 1M 1M", "read -P 3 2M 1M");
		await other.tree.state("gold", "open");
		t.notMatch(await copied(), FAILED);
	});

	t.test("what was given up is not in the replica when that lacks nothing", async (t) => {
		for (const pool of ["silver", "lead"]) {
			await two.tree.problem(new RegExp(`pool ${pool}: .* are only on that host`));
			t.notMatch(await two.say("pool", "takeover", pool, "--lose", "1G"), FAILED);
			await two.tree.state(pool, "open");
		}
		t.notMatch(await two.ioOn("silver", "read -P 1 0 1M", "read -P 0 1M 1M", "write -P 4 2M 64k"), FAILED);
		t.match(await follows(two, "silver"), /lacks nothing/);
		t.match(await other.say("pool", "promote", "silver-copy"), /silver-copy/);
		const image = other.tree.path("image");
		t.notMatch(await other.say("volume", "export", "silver-copy/web", image), FAILED);
		const bytes = readFileSync(image);
		t.same([bytes[0], bytes[2 ** 20], bytes[2 ** 21]], [1, 0, 4]);
	});

	t.test(
		"one that was promoted with it has gone on, as the pool has, of which initiators find other disks",
		async (t) => {
			const standing =
				/^replica +attic\/.*: was promoted by .*, and both have gone on: .* here, 1.*M of .* there;/m;
			t.match(await two.says(standing, "pool", "show", "lead"), standing);
		},
	);
}
