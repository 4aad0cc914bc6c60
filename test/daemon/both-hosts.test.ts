// A pool that both hosts serve: either answers for a disk, ownership follows the load, and a client whose host does not have the pool sees no more of it than a pause.
import t from "tap";
import { until } from "../support/cleanup.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { FarClient } from "./far-client.js";
import { Host, layBridge, startServices } from "./store-hosts.js";
import { Writer } from "./store-writer.js";

const FAILED = /fail|error/i;
const BUSY_MS = 4_000;

t.setTimeout(4 * LIMIT_MS);

if (await inNamespace(import.meta.url)) {
	await layBridge(["host1", "host2", "client", "stranger"]);
	const services = await startServices(t);
	const host = (netif: string, partner: string): Host =>
		new Host(netif, services, { stable: "store", partner, disks: ["web", "logs"] });
	const [one, two] = [host("host1", "127.0.0.1:9473"), host("host2", "127.0.0.1:9474")];
	t.teardown(() => Promise.all([one, two].map(({ tree }) => tree.program?.stop("SIGKILL", LIMIT_MS))));

	t.test("both serve it", async (t) => {
		await one.start();
		await one.say("pool", "create", "gold");
		await one.say("volume", "create", "gold/web", "64M");
		await one.say("volume", "create", "gold/logs", "64M");
		await one.tree.state("web", "open");
		t.notMatch(await one.io("write -P 1 0 1M", "flush"), FAILED);
		await two.start();
		const { identity } = await two.tree.state("web", "open");
		t.same(identity, (await one.tree.state("web", "open")).identity, "it is the same disk");
		t.notMatch(await two.io("read -P 1 0 1M", "write -P 2 1M 1M", "discard 0 64k", "flush"), FAILED);
		t.notMatch(await one.io("read -P 0 0 64k", "read -P 1 64k 960k", "read -P 2 1M 1M"), FAILED);
		t.equal((await two.events("pool-taken")).length, 0, "so little does not move it");
	});

	t.test("it goes where it is used, and stays while both use it", async (t) => {
		const writer = await Writer.openNbd(two, "web", 1024);
		t.teardown(() => writer.close());
		writer.begin();
		await two.told("pool-taken", /handed over by /);
		await one.told("pool-moved", /has the pool now, by epoch [0-9]+; its disks are served by way of it/);
		await writer.more(50);
		t.comment(`the longest pause of a client of the host that it goes to: ${writer.takePauseMs()} ms`);
		t.notMatch(await one.io("read -P 2 1M 1M", "write -P 5 3M 64k", "flush"), FAILED);
		const other = await Writer.openNbd(one, "logs");
		t.teardown(() => other.close());
		other.begin();
		await new Promise((resolve) => setTimeout(resolve, BUSY_MS));
		const moves = async (): Promise<number> =>
			(await Promise.all([one, two].map((each) => each.events("pool-taken")))).flat().length;
		const before = await moves();
		await Promise.all([writer.more(50), other.more(50)]);
		t.ok((await moves()) - before <= 1, "it does not go to and fro");
		t.comment(`moved ${await moves()} times; pauses ${writer.takePauseMs()} and ${other.takePauseMs()} ms`);
		t.strictSame(await writer.wrong(), []);
		t.strictSame(await other.wrong(), []);
	});

	t.test("an initiator of AoE goes with it", async (t) => {
		const writer = await Writer.open("client");
		t.teardown(() => writer.close());
		writer.begin();
		await writer.more(20);
		const [owner = one, heir = two] =
			(await two.events("pool-taken")).length > (await one.events("pool-taken")).length
				? [two, one]
				: [one, two];
		const [holder, stranger] = [new FarClient("client"), new FarClient("stranger")];
		t.teardown(() => Promise.all([holder, stranger].map((each) => each.close())));
		const before = await holder.open(9, 0);
		await holder.reserve(before);
		writer.takePauseMs();
		t.match(await owner.say("pool", "handover", "gold"), /^pool gold: handed over, /);
		await heir.told("pool-taken", /handed over by /);
		await writer.more(20);
		const after = await stranger.open(9, 0);
		t.not(after.blade.mac, before.blade.mac, "the other host answers");
		await t.rejects(after.read(0, 1), /reserved/, "what was set goes with the pool");
		t.comment(`the longest pause of an initiator of AoE: ${writer.takePauseMs()} ms`);
		t.match(
			await one.io("write 0 64k"),
			/Permission denied|Operation not permitted/,
			"nor do others write by NBD",
		);
		await holder.release(await holder.open(9, 0));
		t.strictSame(await writer.wrong(), []);
		for (const each of [one, two]) t.strictSame(await each.events("rival"), [], "the other host is no rival");
	});

	t.test("one that is killed leaves it to the other, whose clients only wait", async (t) => {
		const [lost, writer] = [await Writer.openNbd(two, "web", 8192), await Writer.openNbd(one, "logs", 4096)];
		t.teardown(() => Promise.all([lost, writer].map((each) => each.close())));
		const isOwner = async (): Promise<boolean> => !/is owned by/.test(await two.say("pool", "ls"));
		lost.begin(() => {});
		await until("the load brings it there", isOwner, LIMIT_MS);
		writer.begin();
		await Promise.all([lost, writer].map((each) => each.more(50)));
		t.ok(await isOwner(), "both use it, and it stays");
		writer.takePauseMs();
		await two.kill();
		const pages = writer.next;
		await writer.more(20);
		t.comment(`${pages} pages before; the longest pause ${writer.takePauseMs()} ms`);
		t.strictSame(await writer.wrong(), []);
		t.match(await one.say("pool", "ls"), /^gold +2 /m);
	});
}
