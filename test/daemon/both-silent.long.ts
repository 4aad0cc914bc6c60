// The line between two hosts that serve a pool falls silent, as when one of them loses its power: nobody ends their connections, and yet that one uses nothing
// of the other one's after a while.
import { execFileSync } from "node:child_process";
import t from "tap";
import { until } from "../support/cleanup.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { Host, layBridge, startServices } from "./store-hosts.js";

t.setTimeout(4 * LIMIT_MS);

const ip = (command: string) => execFileSync("ip", command.split(" "), { timeout: LIMIT_MS });

if (await inNamespace(import.meta.url)) {
	await layBridge(["host1", "host2"]);
	const services = await startServices(t);
	// (So that there may be a rule before it.)
	ip("rule add pref 10 lookup local");
	ip("rule del pref 0");
	const host = (netif: string, partner: string): Host =>
		new Host(netif, services, { stable: "store", partner, disks: ["web", "logs"] });
	const [one, two] = [host("host1", "127.0.0.2:9473"), host("host2", "127.0.0.3:9474")];
	t.teardown(() => Promise.all([one, two].map(({ tree }) => tree.program?.stop("SIGKILL", LIMIT_MS))));
	await one.start();
	await one.say("pool", "create", "gold");
	for (const name of ["web", "logs"]) await one.say("volume", "create", `gold/${name}`, "64M");
	await one.tree.state("logs", "open");
	await two.start();
	await two.tree.state("logs", "open");

	t.test("what only the other host has used can be removed then", async (t) => {
		await one.say("disk", "rm", "logs", "--force");
		const remove = (): Promise<string> => one.say("volume", "rm", "gold/logs", "--force");
		t.match(await remove(), /only while nobody serves it/);
		ip("rule add pref 0 to 127.0.0.2 blackhole");
		await until("it is removed", async () => !/only while nobody serves/.test(await remove()), LIMIT_MS);
		t.match(await remove(), /has no volume "logs"/);
	});
}
