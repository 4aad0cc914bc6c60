// Pools in object stores, as API and metrics show them: figures of the worker are handed on.
import t from "tap";
import type { PoolAct } from "../../lib/daemon/worker-messages.js";
import { OperatorError } from "../../lib/errors.js";
import type { PoolLook } from "../../lib/pool/looks.js";
import { FakeWorkers } from "./fake-workers.js";
import { POOL, STORED } from "./figures.js";
import { poolStage } from "./pool-stage.js";
import { Stage } from "./stage.js";

const AWAY = "slow: its object store has not answered yet";

/** What is not there can't be configured, either. */
class AwayWorkers extends FakeWorkers {
	away = AWAY;

	override pool(folder: string, act: PoolAct): Promise<PoolLook> {
		if (act.act === "configure" && !this.pools.has(folder))
			return Promise.reject(new OperatorError(this.away));
		return super.pool(folder, act);
	}
}

class AwayStage extends Stage {
	override readonly workers = new AwayWorkers();
}

t.test(
	"of a pool in an object store it is told what is only on its host, and how its requests fare",
	async (t) => {
		const stage = await poolStage(t);
		const stored = STORED;
		stage.workers.pools.set("/srv/fast", { ...POOL, stored });
		const { requests: _, ...shown } = stored;
		const requests = [
			{ op: "put", count: 4 },
			{ op: "swap", count: 2 },
		];
		const told = { reason: stored.trouble, stored: { ...shown, requests } };
		t.match((await stage.ask("GET", "/api/v1/pools/fast")).body, told);
		const { text } = await stage.ask("GET", "/metrics");
		for (const line of [
			'vblade_pool_unshipped_bytes{pool="fast"} 4096',
			'vblade_pool_unshipped_seconds{pool="fast"} 2.5',
			'vblade_pool_objects{pool="fast"} 7',
			'vblade_pool_stored_bytes{pool="fast"} 7340032',
			'vblade_lease_remaining_seconds{pool="fast"} 5.5',
			'vblade_object_request_seconds_count{pool="fast",op="put",code="201"} 3',
			'vblade_object_request_seconds_sum{pool="fast",op="put",code="201"} 0.003',
		])
			t.ok(text.includes(`\n${line}\n`), line);
		stage.workers.pools.set("/srv/fast", POOL);
		t.notMatch((await stage.ask("GET", "/metrics")).text, /unshipped|object_request/, "others have none");
	},
);

t.test(
	"of a pool it is told that it can only be read, and of each replica what does not get on",
	async (t) => {
		const stage = await poolStage(t);
		const replica = (name: string, trouble: string | null): PoolLook["replicas"][number] => {
			const lag = { lagBytes: 0, lagSeconds: 0, sentBytes: 0, givenUp: 0 };
			return { name, trouble, ...lag, state: "follows", promoted: null };
		};
		const replicas = [replica("attic/a", "403"), replica("attic/b", null), replica("attic/c", "507")];
		const onlyRead = "is what was given up of gold, which can be read";
		stage.workers.pools.set("/srv/fast", { ...POOL, replicas, onlyRead });
		t.match((await stage.ask("GET", "/api/v1/pools/fast")).body, {
			onlyRead,
			reason:
				"its replica attic/a is not brought up to date: 403; and its replica attic/c is not brought up to date: 507",
		});
	},
);

t.test("a pool that is known not to get on keeps nobody who asks how all is", async (t) => {
	const stage = await poolStage(t, new AwayStage());
	const { workers } = stage;
	const ask = workers.pool.bind(workers);
	workers.pool = (folder, act) => (folder === "/srv/slow" ? new Promise<never>(() => {}) : ask(folder, act));
	const { body } = await stage.ask("GET", "/api/v1/pools?now=true");
	t.match(body.pools, [
		{ name: "fast", reason: null },
		{ name: "slow", reason: AWAY },
	]);
	t.match((await stage.ask("GET", "/api/v1/volumes?now=true")).body, { wrong: [AWAY] });
});

t.test("what was wrong with a pool is forgotten when something was done with it", async (t) => {
	const stage = await poolStage(t, new AwayStage());
	const problems = async (): Promise<unknown> => (await stage.ask("GET", "/api/v1/status")).body.problems;
	t.match(await problems(), [`pool slow: ${AWAY}`]);
	stage.workers.pools.set("/srv/slow", POOL);
	const volume = { pool: "slow", name: "web", sizeBytes: 2 ** 30 };
	t.match(await stage.ask("POST", "/api/v1/volumes", { body: volume }), { status: 200 });
	t.strictSame(await problems(), []);
});

t.test("of a pool that another host has it is said where it is changed", async (t) => {
	const stage = await poolStage(t);
	for (const words of ["waiting", "and used by way of it", "and can't be had here: why"]) {
		stage.workers.pool = () => Promise.reject(new OperatorError(`store:slow: is owned by two, ${words}`));
		const volume = { pool: "slow", name: "web", sizeBytes: 2 ** 30 };
		const { status, body } = await stage.ask("POST", "/api/v1/volumes", { body: volume });
		t.equal(status, 422);
		t.equal(
			body.detail,
			`store:slow: is owned by two, ${words}; the same command on that host sees and changes what is in it`,
		);
	}
});

t.test("a host that waits for a pool is told from one that could not have it", async (t) => {
	for (const [reason, waits] of [
		["slow: is owned by two, waiting", 1],
		["slow: is owned by two, and used by way of it", 1],
		["slow: is owned by two, and can't be had here: another host has gone on with it", 0],
	] as const) {
		const stage = new AwayStage();
		stage.workers.away = reason;
		await poolStage(t, stage);
		const { text } = await stage.ask("GET", "/metrics");
		t.match(text, `\nvblade_pool_waits{pool="slow"} ${waits}\n`, reason);
		t.match(text, '\nvblade_pool_waits{pool="fast"} 0\n');
	}
});
