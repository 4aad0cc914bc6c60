/** Pools and volumes of the API: who is asked for them, what is shown, and what is refused. */

import t, { type Test } from "tap";
import { OperatorError } from "../../lib/errors.js";
import { POOL } from "./figures.js";
import { POOLS, poolStage } from "./pool-stage.js";
import { Stage, settle } from "./stage.js";

t.test("what is shown", async (t) => {
	const stage = await poolStage(t);
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
				snapshotCount: 1,
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
		'vblade_pool_failed{pool="fast"} 0',
		'vblade_pool_checkpoint_failures{pool="fast"} 0',
		'vblade_pool_used_bytes{pool="fast"} 16777216',
		'vblade_volume_used_bytes{pool="fast",volume="web"} 8192',
		'vblade_volume_quota_bytes{pool="fast",volume="web"} 536870912',
	])
		t.ok(text.includes(`\n${line}\n`), line);
	t.notMatch(text, /vblade_pool_failed\{pool="slow"/, "of one that is not open nobody knows");
	const failed = "/srv/fast/log.000000, byte 4096: storage has failed";
	stage.workers.pools.set("/srv/fast", { ...POOL, failed });
	t.match((await stage.ask("GET", "/api/v1/pools/fast")).body, { reason: failed, volumes: 1 });
	t.ok((await stage.ask("GET", "/metrics")).text.includes('\nvblade_pool_failed{pool="fast"} 1\n'));
	const unstored = "no checkpoint can be stored: /srv/fast/log.000001: mediumError";
	stage.workers.pools.set("/srv/fast", { ...POOL, unstored, checkpointFailures: 3 });
	t.match((await stage.ask("GET", "/api/v1/pools/fast")).body, { reason: unstored, volumes: 1 });
	const metrics = (await stage.ask("GET", "/metrics")).text;
	t.ok(metrics.includes('\nvblade_pool_full{pool="fast",reason="writes"} 0\n'));
	t.ok(metrics.includes('\nvblade_pool_checkpoint_failures{pool="fast"} 3\n'));
	const full = "it is full: writes are refused";
	stage.workers.pools.set("/srv/fast", { ...POOL, unstored, full, fullFor: ["writes"] });
	t.match((await stage.ask("GET", "/api/v1/pools/fast")).body, { reason: `${unstored}; and ${full}` });
	const { text: later } = await stage.ask("GET", "/metrics");
	t.match(
		later,
		/\nvblade_pool_full\{pool="fast",reason="changes"\} 0\nvblade_pool_full\{pool="fast",reason="writes"\} 1\n/,
	);
});

/** Asks, and says what came of it and what the worker was asked to do. */
async function asking(t: Test): Promise<(method: string, path: string, body?: object) => Promise<unknown[]>> {
	const stage = await poolStage(t);
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
	t.strictSame(await asked("PATCH", "/api/v1/volumes/fast%2Fweb", { quota: "1G", keep: { hourly: null } }), [
		200,
		'pool /srv/fast {"act":"set","name":"web","settings":{"keep":{"hourly":null},"quotaBytes":1073741824}}',
	]);
	t.strictSame(await asked("PATCH", "/api/v1/volumes/fast%2Fweb", { quota: "much" }), [422]);
	t.strictSame(
		await asked("PATCH", "/api/v1/volumes/fast%2Fweb", { name: "mail" }),
		[409],
		"a disk is on it",
	);
	t.strictSame(await asked("DELETE", "/api/v1/volumes/fast%2Fweb"), [409]);
	t.strictSame(await asked("POST", "/api/v1/volumes/fast%2Fmail/replace", { by: "web" }), [409]);
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
	t.strictSame(await asked("PATCH", "/api/v1/pools/fast", { clock: "trusted" }), [
		200,
		'pool /srv/fast {"act":"trustClock"}',
	]);
	t.strictSame(await asked("PATCH", "/api/v1/pools/fast", { clock: "doubted" }), [422]);
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
	const stage = await poolStage(t);
	stage.workers.calls.length = 0;
	const body = { sizeBytes: 512, shrink: true, force: true };
	t.equal((await stage.ask("PATCH", "/api/v1/volumes/fast%2Fweb", { body })).status, 200);
	const acts = stage.workers.calls.filter((call) => !call.includes('"look"'));
	const shrunk = '{"act":"resize","name":"web","sizeBytes":512,"mayShrink":true,"isAnother":true}';
	t.match(acts, [/db/, `pool /srv/fast ${shrunk}`]);
});

t.test("a change names what it has seen", async (t) => {
	const stage = new Stage();
	stage.opener.text += POOLS.replace(/\[disk.*/s, "");
	stage.workers.pools.set("/srv/fast", POOL);
	await stage.start(t);
	const [volume, snapshot] = ["/api/v1/volumes/fast%2Fweb", "/api/v1/snapshots/fast%2Fweb%40monday"];
	const tagAt = async (address: string): Promise<string> =>
		(await stage.ask("GET", address)).headers.etag ?? "";
	const change = async (method: string, address: string, tag: string, body?: object): Promise<number> => {
		const headers = { "if-match": tag };
		return (await stage.ask(method, address, { headers, ...(body && { body }) })).status;
	};
	const [ofVolume, ofSnapshot] = [await tagAt(volume), await tagAt(snapshot)];
	t.match(ofVolume, /^"[0-9a-f]{16}"$/);
	t.not(ofVolume, ofSnapshot);
	const [web] = POOL.volumes;
	stage.workers.pools.set("/srv/fast", { ...POOL, volumes: [{ ...web!, usedBytes: 1 }] });
	t.equal(await tagAt(volume), ofVolume, "what is written is no change");
	t.equal(await change("PATCH", snapshot, ofSnapshot, { held: false }), 200);
	const released = { ...web!, snapshots: web!.snapshots.map((each) => ({ ...each, held: false })) };
	stage.workers.pools.set("/srv/fast", { ...POOL, volumes: [released] });
	stage.workers.calls.length = 0;
	for (const [method, address, body] of [
		["PATCH", volume, { sizeBytes: 1024 }],
		["DELETE", volume],
		["POST", `${volume}/rollback`, { to: "monday" }],
	] as const)
		t.equal(await change(method, address, ofVolume, body), 412, `${method} ${address}`);
	t.equal(await change("PATCH", snapshot, ofSnapshot, { held: true }), 412);
	t.equal(await change("DELETE", snapshot, ofSnapshot), 412);
	t.ok(
		stage.workers.calls.every((call) => call.includes('"look"')),
		"nothing was done",
	);
	t.equal(
		await change("POST", `${volume}/rollback`, `"other", ${await tagAt(volume)}`, { to: "monday" }),
		202,
	);
	t.equal(await change("DELETE", volume, "*"), 200);
});

t.test("changes of one volume wait for each other, and find what the other has left", async (t) => {
	const stage = new Stage();
	stage.opener.text += POOLS.replace(/\[disk.*/s, "");
	stage.workers.pools.set("/srv/fast", POOL);
	await stage.start(t);
	const volume = "/api/v1/volumes/fast%2Fweb";
	const headers = { "if-match": (await stage.ask("GET", volume)).headers.etag ?? "" };
	const { pool } = stage.workers;
	stage.workers.pool = async (folder, act) => {
		await settle();
		const look = await pool.call(stage.workers, folder, act);
		if (act.act !== "resize") return look;
		const [web] = look.volumes;
		stage.workers.pools.set(folder, { ...look, volumes: [{ ...web!, sizeBytes: act.sizeBytes }] });
		return look;
	};
	const asked = [1024, 2048].map((sizeBytes) => stage.ask("PATCH", volume, { headers, body: { sizeBytes } }));
	const statuses = (await Promise.all(asked)).map(({ status }) => status);
	t.strictSame(statuses.sort(), [200, 412]);
});

t.test("what is done with volumes is told", async (t) => {
	const stage = new Stage();
	stage.opener.text += POOLS.replace(/\[disk.*/s, "");
	stage.workers.pools.set("/srv/fast", POOL);
	const { inside } = await stage.start(t);
	const [volumes, snapshots] = ["/api/v1/volumes", "/api/v1/snapshots"];
	const web = `${volumes}/fast%2Fweb`;
	await stage.ask("POST", volumes, { body: { pool: "fast", name: "web", sizeBytes: 2 ** 20 } });
	await stage.ask("POST", volumes, { body: { pool: "fast", name: "web", of: "web@monday" } });
	await stage.ask("PATCH", web, { body: { sizeBytes: 2 ** 21 } });
	await stage.ask("PATCH", web, { body: { name: "web2" } });
	await stage.ask("POST", snapshots, { body: { names: ["fast/web@a", "fast/web@b"] } });
	await stage.ask("PATCH", `${snapshots}/fast%2Fweb%40monday`, { body: { held: true } });
	await stage.ask("DELETE", `${snapshots}/fast%2Fweb%40monday`);
	await stage.done(await stage.ask("POST", `${web}/rollback`, { body: { to: "monday" } }));
	await stage.ask("DELETE", web);
	const told = inside.events.latest(100).filter(({ volume }) => volume !== undefined);
	t.strictSame(
		told.map(({ kind, volume, message }) => `${kind} ${volume}: ${message}`),
		[
			"volume-created fast/web: made, of 1M",
			"volume-created fast/web: made, a clone of web@monday",
			"volume-changed fast/web: is 2M large now",
			"volume-changed fast/web2: is called that now, and was web",
			"snapshot-taken fast/web: snapshot a taken",
			"snapshot-taken fast/web: snapshot b taken",
			"snapshot-changed fast/web: snapshot monday held",
			"snapshot-removed fast/web: snapshot monday removed",
			"volume-rolled-back fast/web: is as it was at monday",
			"volume-removed fast/web: removed",
		],
	);
	stage.workers.pool = async () => {
		throw new OperatorError("it is on fire");
	};
	t.equal((await stage.ask("DELETE", web)).status, 422);
	t.equal(
		inside.events.latest(100).filter(({ volume }) => volume !== undefined).length,
		10,
		"nothing was done",
	);
});

t.test("what pools tell themselves are events of them by name", async (t) => {
	const stage = new Stage();
	stage.opener.text += POOLS;
	const { inside } = await stage.start(t);
	const taken = { kind: "snapshot-taken", severity: "info", message: "taken", isLogged: true } as const;
	for (const poolPath of ["/srv/fast", "/srv/none"])
		stage.workers.listener?.happened({ ...taken, poolPath, volume: "web" });
	stage.workers.listener?.happened({ ...taken, poolPath: "/srv/slow" });
	const told = inside.events.latest(100).filter(({ kind }) => kind === "snapshot-taken");
	t.strictSame(
		told.map(({ volume, message }) => [volume, message]),
		[
			["fast/web", "taken"],
			[undefined, "taken"],
			[undefined, "taken"],
		],
	);
});

t.test("a disk of the files that is on a volume is changed as others are", async (t) => {
	const stage = new Stage();
	stage.opener.text += `${POOLS}aoe = { address = "9.7", netif = ["eth0"] }\n`;
	await stage.start(t);
	await settle();
	const reply = await stage.askTagged("PATCH", "db", { body: { limit: { iops: 100 } } });
	await stage.done(reply);
	t.equal(reply.status, 202);
	t.match((await stage.ask("GET", "/api/v1/disks/db")).body, { storage: "fast/web", limit: { iops: 100 } });
});
