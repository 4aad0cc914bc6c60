/** Pools and volumes of the API: who is asked for them, what is shown, and what is refused. */

import t, { type Test } from "tap";
import { POOL } from "./figures.js";
import { Stage, settle } from "./stage.js";

const TEXT = `
[pool.fast]
path = "/srv/fast"
[pool.slow]
path = "/srv/slow"
[disk.db]
volume = "fast/web"
`;

t.test("what is shown", async (t) => {
	const stage = new Stage();
	stage.opener.text += TEXT;
	stage.workers.pools.set("/srv/fast", POOL);
	await stage.start(t);
	await settle();
	const fast = { name: "fast", path: "/srv/fast", reason: null, format: 1, volumes: 1, usedBytes: 2 ** 24 };
	const { body } = await stage.ask("GET", "/api/v1/pools");
	t.match(body.pools, [fast, { name: "slow", reason: "/srv/slow: is no pool", volumes: null }]);
	t.match((await stage.ask("GET", "/api/v1/volumes")).body, {
		volumes: [
			{
				pool: "fast",
				name: "web",
				disk: "db",
				momentsFrom: "2026-11-26T10:00:00.000Z",
				snapshots: [{ name: "monday", held: true }],
			},
		],
		total: 1,
		wrong: ["/srv/slow: is no pool"],
	});
	t.match((await stage.ask("GET", "/api/v1/volumes/fast%2Fweb")).body, { pool: "fast", name: "web" });
	t.match((await stage.ask("GET", "/api/v1/snapshots")).body, {
		snapshots: [{ pool: "fast", volume: "web", name: "monday" }],
		total: 1,
	});
	for (const path of ["pools/none", "volumes/web", "volumes/none%2Fweb", "volumes/fast%2Fnone"])
		t.equal((await stage.ask("GET", `/api/v1/${path}`)).status, 404, path);
	const { text } = await stage.ask("GET", "/metrics");
	for (const line of [
		'vblade_pool_up{pool="fast"} 1',
		'vblade_pool_up{pool="slow"} 0',
		'vblade_pool_used_bytes{pool="fast"} 16777216',
		'vblade_volume_used_bytes{pool="fast",volume="web"} 8192',
	])
		t.ok(text.includes(`\n${line}\n`), line);
});

/** Asks, and says what came of it and what the worker was asked to do. */
async function asking(t: Test): Promise<(method: string, path: string, body?: object) => Promise<unknown[]>> {
	const stage = new Stage();
	stage.opener.text += TEXT;
	stage.workers.pools.set("/srv/fast", POOL);
	await stage.start(t);
	await settle();
	return async (method: string, path: string, body?: object) => {
		stage.workers.calls.length = 0;
		const { status } = await stage.ask(method, path, { ...(body && { body }) });
		return [status, ...stage.workers.calls.filter((call) => !call.includes('"look"'))];
	};
}

t.test("what is asked of the worker", async (t) => {
	const asked = await asking(t);
	const wanted = { pool: "fast", name: "web", sizeBytes: 512 };
	t.strictSame(await asked("POST", "/api/v1/volumes", wanted), [
		200,
		'pool /srv/fast {"act":"create","name":"web","sizeBytes":512,"pageBytes":4096}',
	]);
	t.strictSame(await asked("PATCH", "/api/v1/volumes/fast%2Fweb", { sizeBytes: 1024 }), [
		200,
		'pool /srv/fast {"act":"resize","name":"web","sizeBytes":1024,"mayShrink":false,"isAnother":false}',
	]);
	t.strictSame(
		await asked("PATCH", "/api/v1/volumes/fast%2Fweb", { name: "mail" }),
		[409],
		"a disk is on it",
	);
	t.strictSame(await asked("DELETE", "/api/v1/volumes/fast%2Fweb"), [409]);
	t.strictSame(await asked("DELETE", "/api/v1/volumes/fast%2Fmail"), [
		200,
		'pool /srv/fast {"act":"remove","name":"mail"}',
	]);
	t.strictSame(await asked("POST", "/api/v1/volumes", { ...wanted, pool: "slow" }), [
		422,
		'pool /srv/slow {"act":"create","name":"web","sizeBytes":512,"pageBytes":4096}',
	]);
	const of = "fast%2Fweb%40monday";
	t.strictSame(await asked("POST", "/api/v1/volumes", { pool: "fast", name: "web", of: "web@monday" }), [
		200,
		'pool /srv/fast {"act":"clone","volume":"web","snapshot":"monday","name":"web"}',
	]);
	t.strictSame(await asked("POST", "/api/v1/volumes", { ...wanted, of: "web@monday" }), [422]);
	t.strictSame(await asked("POST", "/api/v1/volumes", { pool: "fast", name: "x" }), [422]);
	t.strictSame(await asked("POST", "/api/v1/volumes/fast%2Fweb/rollback", { to: "monday" }), [409]);
	t.strictSame(
		await asked("POST", "/api/v1/volumes/fast%2Fweb/rollback", { to: "none", force: true }),
		[404],
	);
	t.strictSame(await asked("PATCH", `/api/v1/snapshots/${of}`, { held: false }), [
		200,
		'pool /srv/fast {"act":"hold","volume":"web","snapshot":"monday","isHeld":false}',
	]);
	t.strictSame(await asked("DELETE", `/api/v1/snapshots/${of}`), [
		200,
		'pool /srv/fast {"act":"forget","volume":"web","snapshot":"monday"}',
	]);
	t.strictSame(await asked("DELETE", "/api/v1/snapshots/fast%2Fweb"), [404], "that is a volume");
	t.strictSame(await asked("POST", "/api/v1/snapshots", { names: ["fast/web@a", "slow/web@a"] }), [422]);
});

t.test("a clone begins with a moment, and a volume goes back to one, by its time", async (t) => {
	const asked = await asking(t);
	const [, moment] = await asked("POST", "/api/v1/volumes", { pool: "fast", name: "web", of: "web@-10m" });
	t.match(
		moment,
		/"snapshot":"\d{4}-\d{2}-\d{2}T[\d:.]+Z"/,
		"the moment that this was when it was asked for",
	);
	t.strictSame(
		await asked("POST", "/api/v1/volumes", { pool: "fast", name: "x", of: "web@2026-13-01T00:00Z" }),
		[422],
	);
	const back = await asked("POST", "/api/v1/volumes/fast%2Fweb/rollback", { to: "-1h", force: true });
	t.equal(back[0], 202, "a moment needs no name");
});

t.test("what shrinks by force is closed first, and another disk afterwards", async (t) => {
	const stage = new Stage();
	stage.opener.text += TEXT;
	stage.workers.pools.set("/srv/fast", POOL);
	await stage.start(t);
	await settle();
	stage.workers.calls.length = 0;
	const body = { sizeBytes: 512, shrink: true, force: true };
	t.equal((await stage.ask("PATCH", "/api/v1/volumes/fast%2Fweb", { body })).status, 200);
	const acts = stage.workers.calls.filter((call) => !call.includes('"look"'));
	const shrunk = '{"act":"resize","name":"web","sizeBytes":512,"mayShrink":true,"isAnother":true}';
	t.match(acts, [/db/, `pool /srv/fast ${shrunk}`]);
});
