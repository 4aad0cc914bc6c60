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

t.test(
	"a state that is not as it should be is refused in words, what can be had from elsewhere is",
	async (t) => {
		const stage = new Stage();
		await stage.start(t);
		await settle();
		await stage.close();
		const { files } = stage.opener;
		const good = files.get("disks.json");
		for (const [text, why] of [
			["", /can't be read/],
			['{"version":1}', /can't be read/],
			['{"version":1,"disks":{"web":null}}', /can't be read/],
			['{"version":1,"disks":{"web":{"serial":"x"}}}', /can't be read/],
			['{"version":2,"disks":{}}', /of a newer vblade/],
		] as const) {
			files.set("disks.json", new TextEncoder().encode(text));
			await t.rejects(stage.start(t), { name: "OperatorError", message: why }, text);
		}
		if (good !== undefined) files.set("disks.json", good);
		for (const text of ["", "{", "null", '{"sources":{},"runtime":1}']) {
			files.set("wish.json", new TextEncoder().encode(text));
			await stage.start(t);
			await settle();
			t.equal(await stage.state("web"), "open", `the files count, with a wish of ${text}`);
			await stage.close();
		}
	},
);
