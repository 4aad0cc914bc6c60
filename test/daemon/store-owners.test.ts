// Two hosts with one pool in an object store, whose superblock is in an etcd. What one has acknowledged the other one has, as an initiator of AoE finds it that goes on
// writing: when the owner is killed, and when it only stood still; what an initiator has reserved it has reserved on the other one. One that wakes to find that another one has the pool answers nobody, and waits as that one did before.
import { setTimeout as sleep } from "node:timers/promises";
import t from "tap";
import { formatMac } from "../../lib/wire/mac.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { FarClient } from "./far-client.js";
import { Host, layBridge, startServices } from "./store-hosts.js";
import { Writer } from "./store-writer.js";

const FAILED = /fail|error/i;
/** Tries to have a pool come twice in that time. */
const LOOKS = 40;
const LOOK_MS = 250;

t.setTimeout(4 * LIMIT_MS);

if (await inNamespace(import.meta.url)) {
	await layBridge(["host1", "host2", "client", "stranger"]);
	const services = await startServices(t);
	const [one, two] = [new Host("host1", services), new Host("host2", services)];
	t.teardown(() => Promise.all([one, two].map(({ tree }) => tree.program?.stop("SIGKILL", LIMIT_MS))));

	await one.start();
	await one.say("pool", "create", "gold");
	await one.say("volume", "create", "gold/web", "64M");
	await one.tree.state("web", "open");
	await two.start();
	const writer = await Writer.open("client");
	t.teardown(() => writer.close());

	t.test("who has not got it says who has, and waits", async (t) => {
		t.match(await two.tree.state("web", "waiting"), { reason: /is owned by .*, waiting/ });
		t.match(await two.io("read 0 4k"), /disk web can't be served: .* is owned by .*, waiting/, "by NBD, too");
		const states = new Set<unknown>();
		for (let looks = 0; looks < LOOKS; looks++) {
			states.add((await two.tree.ask("GET", "/api/v1/disks/web")).body.state);
			await sleep(LOOK_MS);
		}
		t.strictSame([...states], ["waiting"], "however often it is tried");
		const { body } = await two.tree.ask("GET", "/api/v1/status");
		t.match(body, { health: "ok", problems: [], counts: { failed: 0, waiting: 1 } });
		t.strictSame(await two.events("disk-failed"), []);
		t.match(await two.say("pool", "ls"), /is owned by .*, waiting/);
		t.match(await two.told("pool-waits", /is owned by/), { severity: "info" });
	});

	t.test(
		"the owner stands still: the other one has it, and goes on with what was acknowledged",
		async (t) => {
			writer.begin();
			await writer.more(20);
			writer.takePauseMs();
			one.signal("SIGSTOP");
			await two.tree.state("web", "open");
			await writer.more(20);
			t.comment(`the longest pause of an initiator of AoE, by a takeover: ${writer.takePauseMs()} ms`);
			t.match(await two.told("pool-taken", /taken over from .*, by epoch [0-9]+; nothing is lost/), {
				severity: "info",
			});
			t.notMatch(await two.io("read -P 1 0 4k"), FAILED);
		},
	);

	t.test("one that wakes answers nobody, and waits", async (t) => {
		one.signal("SIGCONT");
		t.match(await one.told("pool-lost", /has the pool now, by epoch [0-9]+; it is closed here, and waits/), {
			severity: "warning",
		});
		t.match(await one.tree.state("web", "waiting"), { reason: /is owned by .*, waiting/ });
		t.match(await one.io("read 0 4k"), /disk web can't be served: .* is owned by .*, waiting/);
		t.match(await one.told("pool-waits", /is owned by/), { severity: "info" });
		await writer.more(20);
		t.strictSame(await writer.wrong(), []);
	});

	t.test("the other one is killed, and the first one has it again without being started anew", async (t) => {
		writer.begin();
		await writer.more(20);
		writer.takePauseMs();
		const killedMs = Date.now();
		await two.kill();
		await one.tree.state("web", "open");
		const { at } = await one.told("pool-taken", /taken over from .*, by epoch [0-9]+; nothing is lost/);
		t.comment(`it had the pool ${Date.parse(at) - killedMs} ms after the kill`);
		await writer.more(20);
		t.comment(`the longest pause of an initiator of AoE, by a kill: ${writer.takePauseMs()} ms`);
		t.notMatch(await one.io("read -P 1 0 4k", "write -P 9 32M 4k", "flush"), FAILED);
		t.strictSame(await writer.wrong(), []);
	});

	t.test("a reservation holds on whichever host is next: another initiator is refused", async (t) => {
		const [holder, stranger] = [new FarClient("client"), new FarClient("stranger")];
		t.teardown(() => Promise.all([holder, stranger].map((each) => each.close())));
		const disk = await holder.open(9, 0);
		await holder.reserve(disk);
		await two.start();
		await two.tree.state("web", "waiting");
		await one.kill();
		await two.tree.state("web", "open");
		const there = await holder.open(9, 0);
		t.not(there.blade.mac, disk.blade.mac, "it is the other host that answers");
		t.strictSame((await holder.asSet(there)).reserved, [formatMac(holder.link.mac)]);
		await there.write(0, new Uint8Array(512).fill(1));
		const other = await stranger.open(9, 0);
		await t.rejects(other.read(0, 1), /reserved/);
		await t.rejects(other.write(0, new Uint8Array(512)), /reserved/);
	});
}
