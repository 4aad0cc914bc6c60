// Real services that fail under a pool, while an initiator of AoE writes and flushes: one of three object servers of Swift is killed and comes back without what it has missed, one
// hangs, the leader of etcd is killed, and etcd has no room. Nothing that was acknowledged is lost, all goes on by itself, and in words it is said what is wrong.
import { rmSync } from "node:fs";
import t, { type Test } from "tap";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { longTest } from "../support/long.js";
import { servicesMissing, startSwift } from "./real-services.js";
import { Host, layBridge } from "./store-hosts.js";
import { Writer } from "./store-writer.js";

/** Of etcd: soon full. */
const QUOTA_BYTES = 8 * 1024 * 1024;
const skip = servicesMissing();

t.setTimeout(6 * LIMIT_MS);

if (skip !== false) t.pass("not run", { skip });
else if (await inNamespace(import.meta.url, 6 * LIMIT_MS)) {
	await layBridge(["host", "client"]);
	const services = await startSwift(t, QUOTA_BYTES);
	const { swift, members } = services;
	const host = new Host("host", services);
	t.teardown(() => host.tree.program?.stop("SIGKILL", LIMIT_MS));
	await host.start();
	await host.say("pool", "create", "gold");
	await host.say("volume", "create", "gold/web", "64M");
	await host.tree.state("web", "open");
	const writer = await Writer.open("client");
	t.teardown(() => writer.close());
	writer.begin();
	await writer.more(20);

	/** All is read from the store alone. */
	const isWhole = async (t: Test): Promise<void> => {
		t.strictSame(await writer.wrong(), [], "here");
		await host.tree.stop();
		rmSync(host.tree.path("log"), { recursive: true });
		await host.start();
		await host.tree.state("web", "open");
		t.strictSame(await writer.wrong(), [], "in the store");
		writer.begin();
	};

	t.test("an object server is killed, and comes back stale", async (t) => {
		swift.kill("object1");
		await writer.more(40);
		await swift.restart("object1");
		await writer.more(40);
		await isWhole(t);
		// (Another one is gone now, so that what the first one has missed has one copy left.)
		swift.kill("object2");
		await isWhole(t);
		await swift.restart("object2");
		t.match(await host.say("pool", "scrub", "gold"), /gold/);
	});

	longTest("an object server hangs", {}, async (t) => {
		swift.signal("object3", "SIGSTOP");
		await writer.more(3);
		swift.signal("object3", "SIGCONT");
		await writer.more(20);
		await isWhole(t);
	});

	longTest("etcd's leader is killed", {}, async (t) => {
		const leader = await members.leader();
		await members.kill(leader);
		await writer.more(40);
		await members.restart(leader);
		await isWhole(t);
		t.equal((await host.events("pool-lost")).length, 0);
	});

	longTest("etcd has no room", {}, async (t) => {
		await writer.more(5);
		await members.fill();
		await host.tree.problem(/pool gold: .*nothing is answered: etcd .*space exceeded/);
		t.match(await host.say("pool", "ls"), /nothing is answered: etcd .*space exceeded/);
		t.match(await host.told("pool-store", /nothing is answered: etcd .*space exceeded/), {
			severity: "warning",
		});
		const before = writer.next;
		await members.makeRoom();
		await host.told("pool-store", /its object store answers/);
		await writer.more(20);
		t.ok(writer.next >= before + 20);
		await isWhole(t);
	});
}
