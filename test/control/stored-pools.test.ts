// Pools in object stores, as API and metrics show them: figures of the worker are handed on.
import t from "tap";
import { POOL, STORED } from "./figures.js";
import { poolStage } from "./pool-stage.js";

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
