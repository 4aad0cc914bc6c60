/**
 * Disks by the API: looked at, added, changed, removed and fenced, with what will happen said first, and nobody changing what he has not
 * seen. By real HTTP on a unix socket.
 */

import t from "tap";
import { Changed, Disk, DiskList, Plan, Problem } from "../../lib/control/model.js";
import { Stage, settle } from "./stage.js";

const NEW = { name: "new", memory: "1M", aoe: { address: "9.7", netif: ["eth1"] } };

t.test("all disks, and one", async (t) => {
	const stage = new Stage();
	await stage.start(t);
	await settle();
	const { status, body } = await stage.ask("GET", "/api/v1/disks");
	t.equal(status, 200);
	t.ok(DiskList.parse(body));
	t.strictSame(
		body.disks.map(({ name, state, address }: Disk & { address: string }) => [name, state, address]),
		[
			["web", "open", "9.0"],
			["mail", "open", "9.1"],
		],
	);
	const one = await stage.ask("GET", "/api/v1/disks/mail");
	t.ok(Disk.parse(one.body));
	t.match(one.body, {
		limit: { iops: 100, bandwidth: null },
		source: { kind: "file", file: "/etc/vblade/vblade.toml", line: 7 },
		identity: { serial: /^[0-9a-f]{20}$/, wwn: /^3[0-9a-f]{15}$/ },
		settings: { memory: "32M" },
		notice: null,
	});
	t.match(one.headers.etag, /^"[0-9a-f]{16}"$/);
});

t.test("lists are searched, sorted and cut into pages", async (t) => {
	const stage = new Stage();
	await stage.start(t);
	const names = async (query: string) =>
		(await stage.ask("GET", `/api/v1/disks?${query}`)).body.disks.map(({ name }: { name: string }) => name);
	t.strictSame(await names("sort=name"), ["mail", "web"]);
	t.strictSame(await names("search=9.1"), ["mail"]);
	t.strictSame(await names("limit=1"), ["web"]);
	t.strictSame(await names("limit=1&offset=1"), ["mail"]);
	t.strictSame(await names("state=failed"), []);
	t.equal((await stage.ask("GET", "/api/v1/disks?limit=1")).body.next, "1");
	for (const bad of ["sort=size_", "limit=-1", "limit=99999999", "sort=name&sort=name", "nonsense=1"]) {
		const { status, body } = await stage.ask("GET", `/api/v1/disks?${bad}`);
		t.equal(status, 400, bad);
		t.ok(Problem.parse(body));
	}
});

t.test("a disk is added, kept in runtime.toml, and there after a start", async (t) => {
	const stage = new Stage();
	await stage.start(t);
	const dry = await stage.ask("POST", "/api/v1/disks?dry_run=true", { body: NEW });
	t.equal(dry.status, 200);
	t.ok(Plan.parse(dry.body));
	t.match(dry.body, { steps: [{ effect: "add", disk: "new", live: true }], notices: [] });
	t.notOk(stage.workers.calls.includes("add new"), "nothing was done");
	const added = await stage.ask("POST", "/api/v1/disks", { body: NEW });
	t.equal(added.status, 202);
	t.ok(Changed.parse(added.body));
	await stage.done(added);
	t.equal(await stage.state("new"), "open");
	t.match(Buffer.from(stage.opener.files.get("runtime.toml") ?? []).toString(), /\[disk\.new\]/);
	t.match((await stage.ask("GET", "/api/v1/disks/new")).body, { source: { kind: "runtime" }, notice: null });
	await stage.close();

	stage.workers.served.clear();
	await stage.start(t);
	await settle();
	t.equal(await stage.state("new"), "open", "after a start of everything");
});

t.test(
	"what is wrong with a disk is said, with a pointer to each field, and nothing is changed",
	async (t) => {
		const stage = new Stage();
		await stage.start(t);
		const refused = async (body: unknown, status: number) => {
			const reply = await stage.ask("POST", "/api/v1/disks", { body });
			t.equal(reply.status, status, JSON.stringify(body));
			t.equal(reply.headers["content-type"], "application/problem+json");
			t.ok(Problem.parse(reply.body));
			return reply.body;
		};
		t.match(await refused({ ...NEW, durabilty: "ack" }, 422), {
			errors: [{ pointer: "#/durabilty", detail: /did you mean "durability"/ }],
		});
		t.match(await refused({ ...NEW, memory: "1X", limit: { iops: -1 } }, 422), {
			errors: [{ pointer: "#/memory" }, { pointer: "#/limit/iops" }],
		});
		t.match(await refused({ ...NEW, name: "../x" }, 422), { errors: [{ pointer: "#/name" }] });
		t.match(await refused({ ...NEW, aoe: { address: "9.0", netif: ["eth0"] } }, 422), {
			detail: /9\.0 on eth0/,
		});
		t.match(await refused({ ...NEW, aoe: { address: "9.9", netif: ["eth9*"] } }, 422), { detail: /eth9/ });
		t.match(await refused({ name: "new" }, 422), {
			detail: /file, memory, volume, remote, linear or mirror is missing/,
		});
		t.match(await refused({ ...NEW, name: "web" }, 409), { detail: /already/ });
		await refused("[]", 422);
		await refused("{", 400);
		t.equal(stage.opener.files.get("runtime.toml"), undefined);
	},
);

t.test("a change wants the ETag of what it changes", async (t) => {
	const stage = new Stage();
	await stage.start(t);
	await settle();
	const body = { limit: { iops: 200 } };
	t.equal((await stage.ask("PATCH", "/api/v1/disks/mail", { body })).status, 428);
	t.equal((await stage.ask("DELETE", "/api/v1/disks/mail")).status, 428);
	const stale = { "if-match": '"0123456789abcdef"' };
	t.equal((await stage.ask("PATCH", "/api/v1/disks/mail", { body, headers: stale })).status, 412);
	t.equal((await stage.ask("POST", "/api/v1/disks/mail/fence", { headers: stale })).status, 412);
	t.equal(
		(await stage.ask("PATCH", "/api/v1/disks/none", { body, headers: { "if-match": "*" } })).status,
		404,
	);

	const { headers } = await stage.ask("GET", "/api/v1/disks/mail");
	const tag = { "if-match": headers.etag ?? "" };
	const type = { "content-type": "application/merge-patch+json; charset=utf-8" };
	const changed = await stage.ask("PATCH", "/api/v1/disks/mail", { body, headers: { ...tag, ...type } });
	t.equal(changed.status, 202, "by the name that merge patches have");
	t.match(changed.body.plan.steps, [{ effect: "change", live: true, text: /limit\.iops 100 -> 200/ }]);
	await stage.done(changed);
	t.ok(stage.workers.calls.includes("change mail"));
	t.equal((await stage.ask("PATCH", "/api/v1/disks/mail", { body, headers: tag })).status, 412, "once");
});

t.test(
	"a disk that nothing serves is told so; what is wrong with a new one has no place in a file",
	async (t) => {
		const stage = new Stage();
		await stage.start(t);
		await settle();
		const added = await stage.ask("POST", "/api/v1/disks", { body: { name: "late", memory: "1M" } });
		t.strictSame(added.body.plan.notices, ["nothing serves it: it has neither aoe nor nbd nor iscsi"]);
		await stage.done(added);
		const body = { name: "other", memory: "1M", aoe: { address: "9.7" } };
		t.match(await stage.ask("POST", "/api/v1/disks", { body }), {
			status: 422,
			body: { detail: "disk other: aoe.netif is missing, or empty" },
		});
	},
);

t.test("what a file names is changed until the next reload, and that is said", async (t) => {
	const stage = new Stage();
	await stage.start(t);
	await settle();
	const changed = await stage.askTagged("PATCH", "mail", { body: { limit: null } });
	t.match(changed.body.plan.notices, [/until the next reload/]);
	await stage.done(changed);
	const { body } = await stage.ask("GET", "/api/v1/disks/mail");
	t.match(body, { limit: null, notice: /after a reload/, source: { kind: "file", line: 7 } });
	t.equal(stage.opener.files.get("runtime.toml"), undefined, "it is not kept there");
	await stage.done(await stage.ask("POST", "/api/v1/reload"));
	t.match((await stage.ask("GET", "/api/v1/disks/mail")).body, { limit: { iops: 100 }, notice: null });
});

t.test(
	"what can't be changed live is closed and opened, or served anew, and that is said first",
	async (t) => {
		const stage = new Stage();
		await stage.start(t);
		await settle();
		const dry = await stage.askTagged("PATCH", "web", {
			body: { durability: "none" },
			query: "?dry_run=true",
		});
		t.match(dry.body.steps, [{ effect: "replace", live: false, text: /durability/ }]);
		await stage.done(await stage.askTagged("PATCH", "web", { body: { durability: "none" } }));
		t.strictSame(stage.workers.calls.slice(-2), ["remove web", "add web"]);
		await stage.done(await stage.askTagged("PATCH", "web", { body: { aoe: { address: "9.5" } } }));
		t.strictSame(stage.workers.calls.slice(-2), ["withdraw web", "add web"], "the disk stays open");
	},
);

t.test("a disk is removed when its requests are finished; the job says so", async (t) => {
	const stage = new Stage();
	await stage.start(t);
	await settle();
	let finish = (_end: "closed"): void => {};
	stage.workers.hanging.set(
		"web",
		new Promise((resolve) => {
			finish = resolve;
		}),
	);
	const removed = await stage.askTagged("DELETE", "web");
	t.equal(removed.status, 202);
	t.match(removed.headers.location, /^\/api\/v1\/jobs\//);
	t.match((await stage.ask("GET", removed.headers.location ?? "")).body, {
		state: "running",
		done: 0,
		total: 1,
	});
	t.equal(await stage.state("web"), "removing");
	finish("closed");
	await stage.done(removed);
	t.match((await stage.ask("GET", removed.headers.location ?? "")).body, { state: "done", progress: 1 });
	t.equal((await stage.ask("GET", "/api/v1/disks/web")).status, 404);
});

t.test("a fenced disk stays fenced, also when everything is started again", async (t) => {
	const stage = new Stage();
	await stage.start(t);
	await settle();
	t.equal((await stage.ask("POST", "/api/v1/disks/web/fence?dry_run=true")).body.state, "open");
	t.equal((await stage.ask("POST", "/api/v1/disks/web/fence")).body.state, "fenced");
	t.ok(stage.workers.fenced.has("web"));
	await stage.close();
	stage.workers.served.clear();
	await stage.start(t);
	await settle();
	t.equal(await stage.state("web"), "fenced");
	t.equal((await stage.ask("POST", "/api/v1/disks/web/unfence")).body.state, "open");
	t.notOk(stage.workers.fenced.has("web"));
});

t.test("what the opener would refuse is refused at once, and says which key allows it", async (t) => {
	const stage = new Stage();
	const { refusals } = stage.opener;
	const why = '"/etc/shadow": is not named, nor in a folder that [daemon] allow names';
	refusals.set("/etc/shadow", why).set("unix:/run/frames.sock", "is not named");
	await stage.start(t);
	await settle();
	stage.workers.calls.length = 0;
	const add = (body: object, query = "") =>
		stage.ask("POST", `/api/v1/disks${query}`, { body: { name: "new", ...body } });
	const aoe = { address: "9.7", netif: ["eth1"] };
	for (const query of ["", "?dry_run=true"])
		t.match(await add({ file: "/etc/shadow", aoe }, query), {
			status: 422,
			body: { detail: why, errors: [{ pointer: "#/file", detail: why }] },
		});
	t.match(await add({ memory: "1M", aoe: { ...aoe, netif: ["unix:/run/frames.sock"] } }), {
		status: 422,
		body: { errors: [{ pointer: "#/aoe/netif" }] },
	});
	refusals.set("/etc/vblade/other", "is no secret of root's");
	const chap = (file: string) => ({ user: "web", secret_file: file });
	const iscsi = { target: "iqn.2026-11.org.example:new", chap: chap("/etc/vblade/other") };
	t.match(await add({ memory: "1M", iscsi }), {
		status: 422,
		body: { detail: "is no secret of root's", errors: [{ pointer: "#/iscsi/chap" }] },
	});
	t.strictSame(stage.workers.calls, []);
	t.equal((await stage.ask("GET", "/api/v1/disks/new")).status, 404);
	const good = await add({ file: "/srv/new.img", aoe });
	t.equal(good.status, 202);
	await stage.done(good);
	refusals.set("/srv/new.img", "no longer");
	t.equal(
		(await stage.askTagged("PATCH", "new", { body: { limit: { iops: 5 } } })).status,
		202,
		"it has it already",
	);
	t.equal((await stage.askTagged("PATCH", "new", { body: { file: "/etc/shadow" } })).status, 422);
});
