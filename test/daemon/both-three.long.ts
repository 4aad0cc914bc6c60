// Three hosts serve a pool, and it is handed over to one of them by what it is called. One of the others has no room for what it would keep of it: it uses the
// pool by way of whoever has it.
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import t from "tap";
import { until } from "../support/cleanup.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { Host, layBridge, startServices, Writer } from "./store-hosts.js";

t.setTimeout(4 * LIMIT_MS);

if (await inNamespace(import.meta.url)) {
	await layBridge(["host1", "host2", "host3"]);
	const services = await startServices(t);
	const host = (netif: string, partner: string): Host => {
		const made = new Host(netif, services, { stable: "store", partner, disks: ["web", "logs"] });
		// (Each is called as its interface is.)
		const named = ["unshare", "--uts", "sh", "-c", 'hostname "$0"; exec "$@"', netif];
		made.tree.vblade = [...named, ...made.tree.vblade];
		return made;
	};
	const [one, two, full] = [
		host("host1", "127.0.0.1:9473"),
		host("host2", "127.0.0.1:9474"),
		host("host3", "127.0.0.1:9475"),
	];
	const hosts = [one, two, full];
	const said = (): string => [one, two].map(({ tree }) => tree.program.output).join("");
	t.teardown(async () => {
		await Promise.all(hosts.map(({ tree }) => tree.program?.stop("SIGKILL", LIMIT_MS)));
		execFileSync("umount", ["-l", full.tree.path("log")], { timeout: LIMIT_MS });
	});
	mkdirSync(full.tree.path("log"));
	execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", full.tree.path("log")], {
		timeout: LIMIT_MS,
	});
	await one.start();
	await one.say("pool", "create", "gold");
	for (const name of ["web", "logs"]) await one.say("volume", "create", `gold/${name}`, "64M");
	await one.tree.state("web", "open");
	for (const each of [two, full]) await each.start();
	for (const each of [two, full]) await each.tree.state("logs", "open");

	t.test("to the one that is named, and to none that there is not", async (t) => {
		t.match(
			await one.say("pool", "handover", "gold", "--to", "nobody"),
			/the host that is meant does not wait/,
		);
		t.match(await one.say("pool", "handover", "gold", "--to", "host2"), /handed over, host2 has it now/);
		for (const each of [one, full])
			t.match(await each.say("pool", "ls"), /is owned by host2, and used by way of it/);
	});

	t.test("one without room goes on by way of the others, and has it once at most", async (t) => {
		const writer = await Writer.openNbd(full, "logs");
		t.teardown(() => writer.close());
		writer.begin();
		await full.told("pool-taken", /handed over by /);
		const { next } = writer;
		await writer.more(200);
		await until("it was asked again", async () => / is used more by another host/.test(said()), LIMIT_MS);
		await writer.more(50);
		t.comment(`${next} pages before, ${writer.next} after; the longest pause ${writer.takePauseMs()} ms`);
		t.strictSame(await writer.wrong(), []);
		t.equal((await full.events("pool-taken")).length, 1);
		t.match(await full.say("pool", "ls"), /is owned by host[12], and used by way of it/);
	});
}
