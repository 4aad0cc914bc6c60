/**
 * Machines that ask for their boot scripts: who gets a disk, which, and what becomes of it. A control process with a pool that is real, and disks
 * that are not.
 */

import t from "tap";
import { volumeCreateCommand } from "../../lib/cli/pools/volume.js";
import { volumeSnapshotCommand } from "../../lib/cli/pools/volume-changes.js";
import { OperatorError } from "../../lib/errors.js";
import { newPool, told } from "../support/pools.js";
import { LAB, roomOf } from "./machine-room.js";
import { settle } from "./stage.js";

const [A, B] = ["02:00:00:00:00:0a", "02:00:00:00:00:0b"];
const [C, D] = ["02:00:00:00:02:0c", "02:00:00:00:02:0d"];

t.test("each machine has a disk of its own, and the same again", async (t) => {
	const room = await roomOf(t);
	t.strictSame(await Promise.all([room.boot(A), room.boot(B), room.boot(A)]), [
		{ kind: "boot", name: "lab-02000000000a", address: "20.0" },
		{ kind: "boot", name: "lab-02000000000b", address: "20.1" },
		{ kind: "boot", name: "lab-02000000000a", address: "20.0" },
	]);
	t.match(await room.machines(), [
		{ name: "lab-02000000000a", mac: A, address: "20.0", image: "fast/gold@v1", keep: true, state: "open" },
		{ name: "lab-02000000000b" },
	]);
	const { settings } = (await room.ask("GET", "/api/v1/disks/lab-02000000000b")).body;
	t.strictSame(settings, {
		volume: "fast/lab-02000000000b",
		aoe: { address: "20.1", netif: ["eth0"], macs: [B] },
	});
	const { serial } = await room.volume("lab-02000000000a");
	await room.close();
	await room.start(t, { now: room.now });
	await settle();
	t.match(await room.boot(A), { address: "20.0" });
	t.equal((await room.volume("lab-02000000000a")).serial, serial, "with all that it has");
	t.strictSame(await room.boot(A, "none"), { kind: "refused", why: `there is no template none` });
});

t.test(
	"a machine whose disk is not kept gets a new one each time, but not a thousand a second",
	async (t) => {
		const room = await roomOf(t, `${LAB}keep = false\n`);
		const name = "lab-02000000000a";
		await Promise.all(Array.from({ length: 1000 }, () => room.boot(A)));
		const clones = (): number => room.workers.calls.filter((call) => call === `remove ${name}`).length;
		t.equal(clones(), 0, "made once");
		const { serial } = await room.volume(name);
		await room.boot(A);
		t.equal((await room.volume(name)).serial, serial, "new enough");
		const { machines } = room.control.inside;
		room.forward(5000);
		t.match(await room.boot(A), { kind: "boot", address: "20.0" });
		t.not((await room.volume(name)).serial, serial, "another disk to its initiator");
		t.equal(clones(), 1, "closed for that");
		await machines.keep(name, true);
		const kept = (await room.volume(name)).serial;
		room.forward(5000);
		await room.boot(A);
		t.equal((await room.volume(name)).serial, kept, "this one is kept");
	},
);

t.test("a disk that takes long to be served is not made anew until its machine was told of it", async (t) => {
	const room = await roomOf(t, `${LAB}keep = false\n`);
	const name = "lab-02000000000a";
	room.workers.reasons.set(name, "no such device");
	const serials = new Set<string>();
	for (let times = 0; times < 3; times++) {
		t.match(await room.boot(A), { kind: "wait" });
		serials.add((await room.volume(name)).serial);
		room.forward(5000);
	}
	room.workers.reasons.clear();
	t.match(await room.boot(A), { kind: "boot" });
	serials.add((await room.volume(name)).serial);
	t.equal(serials.size, 1);
	room.forward(5000);
	await room.boot(A);
	serials.add((await room.volume(name)).serial);
	t.equal(serials.size, 2, "when it boots again");
	room.forward(-3_600_000);
	await room.boot(A);
	serials.add((await room.volume(name)).serial);
	t.equal(serials.size, 3, "also when the clock was set back");
});

t.test("what is in the way is told, and passes", async (t) => {
	const room = await roomOf(t, LAB.replace("v1", "v2"));
	const wait = await room.boot(A);
	t.strictSame(wait, { kind: "wait", why: 'image "fast/gold@v2": there is no such snapshot' });
	await room.boot(A);
	const { events } = (await room.ask("GET", "/api/v1/events")).body;
	const warnings = events.filter((each: { severity: string }) => each.severity === "warning");
	const IMAGE = 'template lab: image "fast/gold@v2": there is no such snapshot';
	t.equal(warnings.length, 2, "each once");
	const [[image], [machine]] = [false, true].map((isOne) =>
		warnings.filter((each: { initiator?: string }) => (each.initiator !== undefined) === isOne),
	);
	t.match(machine, { kind: "machine", initiator: A, message: /no such snapshot/ });
	t.match(image, { kind: "machine", message: IMAGE });
	const problems = async () => (await room.ask("GET", "/api/v1/status")).body.problems;
	t.strictSame(await problems(), [IMAGE], "before any machine comes");
	await room.ask("POST", "/api/v1/snapshots", { body: { names: ["fast/gold@v2"] } });
	room.forward(60_000);
	room.control.inside.machines.tidy();
	t.match(await room.boot(A), { kind: "boot", address: "20.0" });
	t.strictSame(await problems(), []);
	room.workers.reasons.set("lab-02000000000b", "no such device");
	t.match(await room.boot(B), { kind: "wait", why: "disk lab-02000000000b: no such device" });
	room.workers.reasons.clear();
	t.match(await room.boot(B), { kind: "boot", address: "20.1" });
	const { serial } = await room.volume("lab-02000000000a");
	const { pool } = room.workers;
	room.workers.pool = async (folder, act) => {
		if (act.act === "clone") throw new OperatorError(`${folder}: is full`);
		return pool(folder, act);
	};
	const path = "/api/v1/machines/lab-02000000000a/reset";
	t.match(await room.ask("POST", path, { body: {} }), { status: 422, text: /is full/ });
	t.match(await room.boot(A), { kind: "wait", why: /is full/ }, "it was to be made anew");
	t.equal((await room.volume("lab-02000000000a")).serial, serial, "what it has stays until that can be");
	room.workers.pool = pool;
	t.match(await room.boot(A), { kind: "boot", address: "20.0" });
	t.not((await room.volume("lab-02000000000a")).serial, serial);
	room.opener.broken = new OperatorError("machines.json: can't be kept (ENOSPC)");
	t.match(await room.boot("02:00:00:00:00:0c"), { kind: "wait", why: /ENOSPC/ });
	t.match(await room.boot(A), { kind: "boot" }, "who has a disk boots all the same");
	room.opener.broken = undefined;
	t.equal((await room.machines()).length, 2);
});

t.test("a shelf has no more than its slots, and who may come may be said", async (t) => {
	const taken = '[disk.one]\nmemory = "1M"\naoe = { address = "20.253", netif = ["eth0"] }\n';
	const room = await roomOf(t, `${LAB}macs = ["${A}"]\n${taken}`, 253);
	t.match(await room.boot(A), { address: "20.9" }, "it has come before");
	t.match(await room.boot(D), { kind: "refused", why: /^02:00:00:00:02:0d is not among the machines/ });
	room.template(LAB + taken);
	t.equal(await room.control.reload(), undefined);
	t.match(await room.boot(D), { kind: "boot", address: "20.254" }, "not where the files have a disk");
	const last = await room.boot(C);
	t.strictSame(last, { kind: "wait", why: "template lab: no slot of shelf 20 is free" });
	const before = room.control.inside.events.latest(1000).length;
	const many = await Promise.all(
		Array.from({ length: 300 }, (_, i) => room.control.inside.machines.arrivals.boot(0x020000010000 + i)),
	);
	const told = many.map((answer) => ("why" in answer ? answer.why : answer.kind));
	t.strictSame(new Set(told), new Set([last.kind === "wait" && last.why, "many machines boot at once"]));
	t.equal(room.control.inside.events.latest(1000).length, before, "told once, however many come");
	t.equal((await room.machines()).length, 254);
	t.equal((await room.ask("DELETE", "/api/v1/machines/lab-020000000004")).status, 200);
	t.match(await room.boot(C), { kind: "boot", address: "20.3" }, "the slot of one that was removed");
	room.template(LAB.replace("template.lab", "template.room"));
	await room.control.reload();
	const reason = "template lab is not configured any more";
	t.ok((await room.machines()).every((each: { reason: string }) => each.reason === reason));
});

t.test("people reset machines, and make one the golden image", async (t) => {
	const room = await roomOf(t);
	const name = "lab-02000000000a";
	await room.boot(A);
	const golden = await room.ask("POST", `/api/v1/machines/${name}/golden`, { body: {} });
	t.match(golden.body, {
		name: "lab",
		configured: "fast/gold@v1",
		image: /^fast\/lab-02000000000a@golden-\w+$/,
	});
	await room.boot(B);
	t.match(await room.machines(), [{ image: "fast/gold@v1", isCurrent: false }, { image: golden.body.image }]);
	t.equal((await room.ask("DELETE", `/api/v1/machines/${name}`)).status, 409, "the image is of its disk");
	const snapshot = `/api/v1/snapshots/${encodeURIComponent(golden.body.image)}`;
	t.match(
		await room.ask("DELETE", snapshot),
		{ status: 422, text: /is held/ },
		"nor is it removed by itself",
	);
	room.forward(5000);
	const again = await room.ask("POST", `/api/v1/machines/${name}/golden`, { body: {} });
	t.not(again.body.image, golden.body.image);
	t.equal((await room.ask("DELETE", snapshot)).status, 200, "another one took its place");
	const { serial } = await room.volume(name);
	const reset = await room.ask("POST", `/api/v1/machines/${name}/reset`, { body: {} });
	t.match(reset.body, { image: again.body.image, isCurrent: true });
	t.not((await room.volume(name)).serial, serial);
	await room.control.reload();
	const image = async () => (await room.ask("GET", "/api/v1/machines")).body.templates[0].image;
	t.equal(await image(), again.body.image, "until the files name another one");
	await room.ask("POST", "/api/v1/snapshots", { body: { names: ["fast/gold@v2"] } });
	room.template(LAB.replace("v1", "v2"));
	await room.control.reload();
	t.equal(await image(), "fast/gold@v2");
	t.match(await room.ask("DELETE", `/api/v1/machines/${name}`), { status: 409, text: /is held/ });
	t.equal(await room.state(name), "open", "its disk stays, too");
	const held = `/api/v1/snapshots/${encodeURIComponent(again.body.image)}`;
	t.equal((await room.ask("PATCH", held, { body: { held: false } })).status, 200);
	t.equal((await room.ask("DELETE", `/api/v1/machines/${name}`)).status, 200);
	t.equal((await room.ask("GET", `/api/v1/volumes/fast%2F${name}`)).status, 404);
	t.strictSame(
		(await room.machines()).map((each: { name: string }) => each.name),
		["lab-02000000000b"],
	);
	for (const path of [`machines/${name}`, "machines/x"])
		t.equal((await room.ask("GET", `/api/v1/${path}`)).status, 404);
});

t.test("who machines are is lost, and known by their disks", async (t) => {
	const room = await roomOf(t);
	await room.boot(B);
	await room.boot(A);
	const { serial } = await room.volume("lab-02000000000a");
	await room.close();
	room.opener.files.set("machines.json", new TextEncoder().encode("{"));
	await room.start(t, { now: room.now });
	await settle();
	t.strictSame(room.opener.aside, ["machines.json"]);
	t.match(await room.boot(A), { address: "20.1" });
	t.equal((await room.volume("lab-02000000000a")).serial, serial);
});

t.test("what was interrupted is gone on with", async (t) => {
	const room = await roomOf(t);
	await room.boot(A);
	const name = "lab-02000000000a";
	const { serial } = await room.volume(name);
	await room.close();
	// It was to be made anew, its disk is not served any more, and the clone for that was there, but not in its place.
	const kept = room.opener.files.get("machines.json");
	const text = new TextDecoder().decode(kept).replace(/"madeMs": \d+/, '"madeMs": null');
	room.opener.files.set("machines.json", new TextEncoder().encode(text));
	room.opener.files.delete("runtime.toml");
	room.workers.served.clear();
	const half = { act: "clone", volume: "gold", snapshot: "v1", name: `${name}.new` } as const;
	await room.workers.pool(room.pool, half);
	await room.start(t, { now: room.now });
	await settle();
	t.match(await room.boot(A), { kind: "boot", address: "20.0" });
	t.not((await room.volume(name)).serial, serial);
	t.equal((await room.volume(`${name}.new`)).status, 404);
	t.equal(await room.state(name), "open");
});

t.test("an image may have other pages, or be of another pool", async (t) => {
	const other = await newPool();
	await told(volumeCreateCommand, `${other}/gold`, "1M");
	await told(volumeSnapshotCommand, `${other}/gold@v1`);
	const room = await roomOf(t);
	const name = "lab-02000000000a";
	await room.boot(A);
	const big = { pool: "fast", name: "big", sizeBytes: 2 ** 20, pageBytes: 8192 };
	await room.ask("POST", "/api/v1/volumes", { body: big });
	await room.ask("POST", "/api/v1/snapshots", { body: { names: ["fast/big@v1", `fast/${name}@mine`] } });
	const act = { act: "replace", name, by: "big", isAnother: true } as const;
	await t.rejects(room.workers.pool(room.pool, act), { message: /has other pages than "big"/ });
	room.template(LAB.replace("gold", "big"));
	await room.control.reload();
	const reset = () => room.ask("POST", `/api/v1/machines/${name}/reset`, { body: {} });
	t.match(await reset(), { status: 422, text: /has other pages than the image, and snapshots/ });
	await room.ask("DELETE", `/api/v1/snapshots/fast%2F${name}%40mine`);
	t.match((await reset()).body, { image: "fast/big@v1" });
	t.equal((await room.volume(name)).pageBytes, 8192);
	room.template(`[pool.slow]\npath = "${other}"\n${LAB.replace("fast", "slow")}`);
	await room.control.reload();
	t.match((await reset()).body, { image: "slow/gold@v1", volume: `slow/${name}`, state: "open" });
	t.equal((await room.volume(name)).status, 404, "nothing is left of it");
});
