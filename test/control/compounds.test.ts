// Disks of disks among fakes: in which order they are added and taken away, what is tried again when, and what is kept of their parts.

import t, { type Test } from "tap";
import { viewOf } from "./figures.js";
import { Stage, settle } from "./stage.js";

const LONG = '[disk.long]\nlinear = ["inner", "c"]\n[disk.inner]\nlinear = ["a", "b"]\n';
const PARTS = ["a", "b", "c"].map((name) => `[disk.${name}]\nfile = "/srv/${name}.img"\n`).join("");

async function staged(t: Test, text = LONG + PARTS): Promise<Stage> {
	const stage = new Stage();
	stage.opener.text = text;
	await stage.start(t);
	await settle();
	return stage;
}

async function reload(stage: Stage, text: string): Promise<string[]> {
	stage.opener.text = text;
	stage.workers.calls.length = 0;
	await stage.done(await stage.ask("POST", "/api/v1/reload", { body: {} }));
	return stage.workers.calls.filter((call) => !call.startsWith("pool"));
}

const before = (calls: readonly string[], one: string, other: string): boolean =>
	calls.includes(one) && calls.indexOf(one) < calls.indexOf(other);

t.test("parts are added before the whole, and taken away after it", async (t) => {
	const stage = await staged(t);
	const { calls } = stage.workers;
	t.ok(before(calls, "add a", "add inner") && before(calls, "add b", "add inner"), calls.join());
	t.ok(before(calls, "add inner", "add long") && before(calls, "add c", "add long"), calls.join());
	const other = await reload(stage, LONG + PARTS.replace("/srv/a.img", "/srv/other.img"));
	t.strictSame(other, ["remove long", "remove inner", "remove a", "add a", "add inner", "add long"]);
	const gone = await reload(stage, PARTS);
	t.ok(before(gone, "remove long", "remove inner") && before(gone, "remove inner", "remove a"), gone.join());
	t.ok(before(gone, "remove long", "remove c"), gone.join());
});

t.test("how fast a mirror copies is changed while it is served, whatever it is a part of", async (t) => {
	const text = (rate: string): string =>
		`[disk.long]\nlinear = ["safe", "c"]\n[disk.safe]\nmirror = ["a", "b"]\nresync_rate = "${rate}"\n${PARTS}`;
	const stage = await staged(t, text("10M"));
	t.strictSame(await reload(stage, text("20M")), ["change safe"]);
	const from = text("20M").replace("resync_rate", 'from = "a"\nresync_rate');
	t.strictSame(await reload(stage, from), ["remove long", "remove safe", "add safe", "add long"]);
});

t.test("what waits for a part is served as soon as that is", async (t) => {
	const stage = new Stage();
	stage.opener.text = LONG + PARTS;
	stage.workers.reasons.set("b", "no such file");
	await stage.start(t);
	await settle();
	const show = async (name: string) => (await stage.ask("GET", `/api/v1/disks/${name}`)).body;
	t.match(await show("long"), {
		state: "failed",
		reason: "its disk inner is failed: its disk b is failed: no such file",
		parts: [
			{ disk: "inner", state: "failed" },
			{ disk: "c", state: "open" },
		],
	});
	t.match(await show("a"), { state: "open", partOf: "inner" });
	t.match(await stage.ask("POST", "/api/v1/disks/a/fence"), {
		status: 409,
		body: { detail: 'disk "a": is a part of disk inner, which can be fenced' },
	});
	t.notOk(stage.workers.calls.includes("add inner"));
	stage.workers.reasons.clear();
	stage.control.inside.desired.steward("b")?.hurry();
	await settle();
	t.match([await show("b"), await show("inner"), await show("long")], Array(3).fill({ state: "open" }));
});

t.test("where parts lie is kept, and goes with the whole", async (t) => {
	const stage = await staged(t);
	const place = (disk: string, offsetBytes: number, sizeBytes: number) => ({
		...{ disk, offsetBytes, sizeBytes, mirrored: null },
	});
	const parts = [place("a", 0, 4096), place("b", 4096, 8192)];
	stage.workers.listener?.seen({ ...viewOf("inner"), parts });
	await settle();
	const kept = new TextDecoder().decode(stage.opener.files.get("disks.json"));
	t.strictSame(JSON.parse(kept).disks.inner.lengths, { a: 4096 }, "of all but the last");
	t.equal(JSON.parse(kept).disks.a.lengths, undefined);
});
