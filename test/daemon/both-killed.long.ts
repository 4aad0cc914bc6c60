// Either of two hosts that serve one pool is killed again and again, at any moment, also while the pool goes from one to the other: what was acknowledged by
// whichever host is there, the clients of the one that is left only wait, and never have both the pool.
import t from "tap";
import { Random } from "../../lib/random.js";
import { until } from "../support/cleanup.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { Host, layBridge, startServices } from "./store-hosts.js";
import { Writer } from "./store-writer.js";

const ROUNDS = 12;
const ROUND_PAGES = 512;
const LATEST_MS = 900;

t.setTimeout(20 * LIMIT_MS);

if (await inNamespace(import.meta.url, 20 * LIMIT_MS)) {
	await layBridge(["host1", "host2"]);
	const services = await startServices(t);
	const host = (netif: string, partner: string): Host =>
		new Host(netif, services, { stable: "store", partner, disks: ["web", "logs"] });
	const hosts = [host("host1", "127.0.0.1:9473"), host("host2", "127.0.0.1:9474")] as const;
	t.teardown(() => Promise.all(hosts.map(({ tree }) => tree.program?.stop("SIGKILL", LIMIT_MS))));
	const [first] = hosts;
	await first.start();
	await first.say("pool", "create", "gold");
	for (const name of ["web", "logs"]) await first.say("volume", "create", `gold/${name}`, "64M");
	await hosts[1].start();

	t.test("nothing is lost", async (t) => {
		const random = new Random();
		t.comment(`seed ${random.seed}`);
		for (let round = 0; round < ROUNDS; round++) {
			for (const each of hosts) for (const disk of ["web", "logs"]) await each.tree.state(disk, "open");
			const [victim, left] = random.below(2) === 0 ? hosts : ([hosts[1], hosts[0]] as const);
			// (The load of the victim's client alone pulls the pool to it, or that of the other one's.)
			const lost = await Writer.openNbd(victim, "web", round * ROUND_PAGES);
			const stays = await Writer.openNbd(left, "logs", round * ROUND_PAGES);
			lost.begin(() => {});
			const isBoth = random.below(2) === 0;
			if (isBoth) stays.begin();
			await new Promise((resolve) => setTimeout(resolve, random.below(LATEST_MS)));
			await victim.kill();
			if (!isBoth) stays.begin();
			await stays.more(10);
			t.strictSame(
				await stays.wrong(),
				[],
				`round ${round}: what the client of the host that is left has written`,
			);
			const pages = lost.next;
			await Promise.all([lost.close(), stays.close()]);
			t.comment(`round ${round}: ${victim.netif} is gone, both wrote: ${isBoth}`);
			const reader = await Writer.openNbd(left, "web", round * ROUND_PAGES);
			reader.next = pages;
			t.strictSame(await reader.wrong(), [], `round ${round}: ${pages} pages of the client of the other one`);
			await reader.close();
			await victim.start();
			t.comment(`round ${round}: it is back`);
		}
		const owners = async (): Promise<number> =>
			(await Promise.all(hosts.map((each) => each.say("pool", "ls")))).filter(
				(line) => !/is owned by/.test(line),
			).length;
		await until("one of them has it", async () => (await owners()) === 1, LIMIT_MS);
	});
}
