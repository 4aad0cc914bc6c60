/**
 * State that can't be kept (a full file system, one that is read-only): disks are served on, status, metrics and events tell, and it is
 * kept as soon as it can be.
 */

import t from "tap";
import { OperatorError } from "../../lib/errors.js";
import { VirtualClock } from "../../lib/testing/virtual-clock.js";
import { Stage, settle } from "./stage.js";

const FULL = new OperatorError("/state/disks.json: there is no space left (ENOSPC)");

async function keptGauge(stage: Stage): Promise<string | undefined> {
	return /^vblade_state_kept (\d)$/m.exec((await stage.ask("GET", "/metrics")).text)?.[1];
}

t.test("what an initiator sets while the state is full is kept when there is room again", async (t) => {
	const stage = new Stage();
	const clock = new VirtualClock();
	await stage.start(t, { clock });
	await settle();
	t.equal(await keptGauge(stage), "1");
	stage.opener.broken = FULL;
	let isKept = false;
	stage.workers.listener?.set("web", { mask: 1 }).then(() => {
		isKept = true;
	});
	await settle();
	t.equal(await keptGauge(stage), "0");
	const { body } = await stage.ask("GET", "/api/v1/status");
	t.equal(body.health, "degraded");
	t.match(body.problems[0], /^disks\.json of the state is not kept.*ENOSPC/);
	t.equal(await stage.state("web"), "open", "it is served on");
	clock.pass(10_000);
	await settle();
	t.equal(await keptGauge(stage), "0", "tried again, in vain");
	t.notOk(isKept, "nobody is told that it is kept");
	stage.opener.broken = undefined;
	clock.pass(10_000);
	await settle();
	t.equal(await keptGauge(stage), "1");
	t.ok(isKept);
	const kept = JSON.parse(new TextDecoder().decode(stage.opener.files.get("disks.json")));
	t.strictSame(kept.disks.web.set, { mask: 1 });
	const { events } = (await stage.ask("GET", "/api/v1/events")).body;
	const told = events.filter(({ message }: { message: string }) => /of the state/.test(message));
	t.equal(told.length, 2, "once that it failed, once that it is over");
});

t.test("a start with a full state serves the disks that are known", async (t) => {
	const stage = new Stage();
	await stage.start(t);
	await settle();
	await stage.close();
	stage.workers.served.clear();
	stage.opener.broken = FULL;
	await stage.start(t);
	await settle();
	t.equal(await stage.state("web"), "open");
	t.equal(await keptGauge(stage), "0");
});

t.test("a disk is not served before it is kept who it is, however often that is tried", async (t) => {
	const clock = new VirtualClock();
	const stage = new Stage();
	stage.opener.broken = FULL;
	await stage.start(t, { clock });
	for (let tries = 0; tries < 3; tries++) {
		await settle();
		t.equal(await stage.state("web"), "failed");
		clock.pass(60_000);
	}
	stage.opener.broken = undefined;
	clock.pass(60_000);
	await settle();
	t.equal(await stage.state("web"), "open");
	const { web } = JSON.parse(text(stage, "disks.json")).disks;
	t.equal((await stage.ask("GET", "/api/v1/disks/web")).body.identity.serial, web.serial);
});

t.test("a server that is not there at the start is looked for as often as a lost one", async (t) => {
	const clock = new VirtualClock();
	const stage = new Stage();
	const remote = '[disk.far]\nremote = "nbd://192.0.2.1/a"\ninterval = "3s"\n';
	stage.opener.text += `${remote}[disk.gone]\nfile = "/gone"\n`;
	for (const name of ["far", "gone"]) stage.workers.reasons.set(name, "is not there");
	await stage.start(t, { clock });
	for (let tries = 0; tries < 8; tries++) {
		await settle();
		clock.pass(60_000);
	}
	await settle();
	const waits = ["far", "gone"].map((name) => {
		const { retryAtMs } = stage.control.inside.desired.steward(name) ?? {};
		return (retryAtMs ?? 0) - clock.now();
	});
	t.strictSame(waits, [3000, 60_000]);
});

t.test("with a full state a disk can be fenced, and is unfenced only when that is kept", async (t) => {
	const clock = new VirtualClock();
	const stage = new Stage();
	await stage.start(t, { clock });
	await settle();
	stage.opener.broken = FULL;
	t.equal((await stage.ask("POST", "/api/v1/disks/web/fence", { body: {} })).status, 200);
	t.ok(stage.workers.fenced.has("web"));
	stage.opener.broken = undefined;
	clock.pass(10_000);
	await settle();
	t.equal(JSON.parse(text(stage, "disks.json")).disks.web.fenced, true, "kept as soon as it could be");
	stage.opener.broken = FULL;
	t.ok((await stage.ask("POST", "/api/v1/disks/web/unfence", { body: {} })).status >= 400);
	t.ok(stage.workers.fenced.has("web"));
	t.equal(await stage.state("web"), "fenced");
});

t.test("a change that can't be kept is refused, and nothing is wrong afterwards", async (t) => {
	const stage = new Stage();
	await stage.start(t);
	await settle();
	stage.opener.broken = FULL;
	const refused = await stage.ask("POST", "/api/v1/disks", { body: { name: "late", memory: "1M" } });
	t.ok(refused.status >= 400);
	stage.opener.broken = undefined;
	t.match((await stage.ask("GET", "/api/v1/status")).body, { health: "ok", problems: [] });
	t.equal((await stage.ask("GET", "/api/v1/disks/late")).status, 404);
});

const text = (stage: Stage, name: string): string => new TextDecoder().decode(stage.opener.files.get(name));
const put = (stage: Stage, name: string, what: string): unknown =>
	stage.opener.files.set(name, new TextEncoder().encode(what));

async function problems(stage: Stage): Promise<string> {
	return String((await stage.ask("GET", "/api/v1/status")).body.problems);
}

const DAMAGED = ["", "{", "\0\0\0", "null", '{"version":1}', '{"version":1,"disks":{"web":null}}'];
for (const damage of [...DAMAGED, '{"version":1,"disks":{"web":{"serial":"x"}}}', undefined])
	t.test(`who disks are is damaged: ${JSON.stringify(damage)}`, async (t) => {
		const stage = new Stage();
		await stage.start(t);
		await settle();
		await stage.close();
		const good = text(stage, "disks.json");
		put(stage, "disks.json.before", good);
		if (damage === undefined) stage.opener.damaged.add("disks.json");
		else put(stage, "disks.json", damage);
		stage.workers.served.clear();
		await stage.start(t);
		await settle();
		t.equal(await stage.state("web"), "open", "it is served");
		t.strictSame(stage.opener.aside, ["disks.json"], "what is damaged is not written over");
		t.strictSame(JSON.parse(text(stage, "disks.json")).disks, JSON.parse(good).disks, "its copy counts");
		t.match(await problems(stage), /who disks are was damaged.*put aside as disks.json.damaged-/);
		await stage.close();
		await stage.start(t);
		t.match(await problems(stage), /was damaged/, "also to whoever looks later");
		await stage.control.reload();
		t.notMatch(await problems(stage), /was damaged/, "until he reloads");
	});

t.test(
	"without a copy, who a disk was is known by the worker that serves it, or it is told that nobody knows",
	async (t) => {
		const stage = new Stage();
		await stage.start(t);
		await settle();
		await stage.close();
		const { web, mail } = JSON.parse(text(stage, "disks.json")).disks;
		put(stage, "disks.json", "");
		stage.workers.served.delete("mail");
		stage.workers.identities.set("web", web);
		await stage.start(t);
		await settle();
		const now = JSON.parse(text(stage, "disks.json")).disks;
		t.strictSame(now.web, web);
		t.not(now.mail.serial, mail.serial);
		t.match(await problems(stage), /disk mail: who it was is not known any more/);
		t.notMatch(await problems(stage), /disk web: who it was/);
	},
);

t.test("a copy that has no file beside it counts: it was ended between two steps", async (t) => {
	const stage = new Stage();
	await stage.start(t);
	await settle();
	await stage.close();
	const good = text(stage, "disks.json");
	put(stage, "disks.json.before", good);
	stage.opener.files.delete("disks.json");
	await stage.start(t);
	t.strictSame(JSON.parse(text(stage, "disks.json")).disks, JSON.parse(good).disks);
});

t.test("a state of a later version is not written over", async (t) => {
	const stage = new Stage();
	put(stage, "disks.json", '{"version":2,"disks":{}}');
	await t.rejects(stage.start(t), { name: "OperatorError", message: /of a newer vblade/ });
	t.strictSame(stage.opener.aside, []);
});

t.test("a wish, or what was added, that is damaged: what else knows of it counts", async (t) => {
	const stage = new Stage();
	await stage.start(t);
	await settle();
	await stage.done(await stage.ask("POST", "/api/v1/disks", { body: { name: "late", memory: "1M" } }));
	await stage.close();
	const runtime = text(stage, "runtime.toml");
	for (const damage of ["", "{", "null", '{"sources":{},"runtime":1}']) {
		put(stage, "wish.json", damage);
		await stage.start(t);
		await settle();
		t.equal(await stage.state("web"), "open", `the files count, with a wish of ${damage}`);
		t.equal(await stage.state("late"), "open");
		t.match(await problems(stage), /what runs was damaged/);
		await stage.close();
	}
	put(stage, "runtime.toml.before", runtime);
	stage.opener.damaged.add("runtime.toml");
	await stage.start(t);
	await settle();
	t.equal(await stage.state("late"), "open", "its copy knows what was added");
	t.equal(text(stage, "runtime.toml"), runtime);
});
