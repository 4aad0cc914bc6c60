/**
 * The link through a tunnel: the conformance suite, with a real process at each end, in namespaces of its own; and what becomes of it
 * when its process or its way changes. The tunnel alone is in `test/gre/`, the whole program in `test/netns/gre.test.ts`.
 */

import { existsSync } from "node:fs";
import t, { type Test } from "tap";
import { GreLink, type GreLinkOptions } from "../../lib/link/gre.js";
import type { FrameSink } from "../../lib/link/link.js";
import { startTunnel, type TunnelProcess } from "../../lib/link/tunnel-process.js";
import { Pump } from "../../lib/pump.js";
import { linkConformance } from "../../lib/testing/link-conformance.js";
import { until } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import { ip, Lan, type Namespace, namespacesMissing } from "../support/netns.js";

t.setTimeout(230_000);
const NEAR = "192.0.2.1";
const FAR = "192.0.2.7";

/** Two hosts that know each other's address. */
function routedLan(mtu = 1500): Lan {
	const lan = new Lan({ mtu });
	lan.server.ip("address", "add", `${NEAR}/24`, "dev", "lan0");
	lan.client.ip("address", "add", `${FAR}/24`, "dev", "lan0");
	return lan;
}

function inside(namespace: Namespace): (peer: string) => Promise<TunnelProcess> {
	return (peer) => startTunnel(peer, ["ip", "netns", "exec", namespace.name]);
}

const missing = namespacesMissing();
if (missing !== undefined) {
	t.pass("not run", { skip: missing });
} else {
	const lan = routedLan();
	await linkConformance(t, "gre", async () => {
		const pump = new Pump();
		const [near, far] = await Promise.all([
			GreLink.open("near", FAR, { pump, start: inside(lan.server) }),
			GreLink.open("far", NEAR, { pump, start: inside(lan.client) }),
		]);
		return { pump, near, far, close: async () => void (await Promise.all([near.close(), far.close()])) };
	});
	lan.remove();
}

const skip = missing ?? false;

class Watcher implements FrameSink {
	readonly seen: string[] = [];
	constructor(readonly state: () => string) {}
	frame(): void {}
	linkChanged(): void {
		this.seen.push(this.state());
	}
}

/** A link of the server's side, and what is told of it. */
async function opened(t: Test, lan: Lan, options: Partial<GreLinkOptions> = {}) {
	t.teardown(() => lan.remove());
	const logged: string[] = [];
	const log = (line: string) => void logged.push(line);
	const standard = { pump: new Pump(), start: inside(lan.server), log };
	const link = await GreLink.open(`gre:${FAR}`, FAR, { ...standard, ...options });
	t.teardown(() => link.close());
	const watcher = new Watcher(() => `${link.up ? "up" : "down"} ${link.mtu}`);
	link.attach(watcher);
	return { link, watcher, logged };
}

/** The one process in the server's namespace. */
function tunnelPid({ server }: Lan): number {
	return Number(ip("netns", "pids", server.name));
}

t.test("a process that is killed is replaced, and the link is down meanwhile", { skip }, async (t) => {
	const lan = routedLan();
	const { link, watcher, logged } = await opened(t, lan);
	const { mac } = link;
	const pid = tunnelPid(lan);
	process.kill(pid, "SIGKILL");
	await until("down and up", () => watcher.seen.length === 2, LIMIT_MS);
	t.strictSame(watcher.seen, ["down 1462", "up 1462"]);
	t.equal(link.mac, mac, "its address is the same");
	t.match(logged.join("\n"), /its process has ended; another one is started/);
});

t.test("one that hangs is as good as dead", { skip }, async (t) => {
	const lan = routedLan();
	const { watcher, logged } = await opened(t, lan);
	const pid = tunnelPid(lan);
	process.kill(pid, "SIGSTOP");
	await until("down and up", () => watcher.seen.length === 2, LIMIT_MS);
	t.match(logged.join("\n"), /its process has been silent for 5 s/);
	await until("it has been ended", () => !existsSync(`/proc/${pid}/status`), LIMIT_MS);
});

t.test("the way becomes narrower, wider, and goes", { skip }, async (t) => {
	const lan = routedLan(1500);
	const { link, watcher, logged } = await opened(t, lan, { leastMtu: 534 });
	const mtu = (value: number) => lan.server.ip("link", "set", "lan0", "mtu", String(value));
	t.equal(link.mtu, 1462, "20 of IPv4, 4 of GRE and 14 of Ethernet are not for payload");
	mtu(1000);
	await until("a change", () => watcher.seen.length === 1, LIMIT_MS);
	mtu(9000);
	await until("a change", () => watcher.seen.length === 2, LIMIT_MS);
	const room = link.acquire();
	t.equal(room?.capacityBytes, 8962 + 14, "there is room for what may be sent now");
	mtu(560);
	await until("a change", () => watcher.seen.length === 3, LIMIT_MS);
	t.match(logged.at(-1), "leaves frames an MTU of 522, and no room for a sector");
	lan.server.ip("address", "del", `${NEAR}/24`, "dev", "lan0");
	await until("a change", () => watcher.seen.length === 4, LIMIT_MS);
	t.match(link.status, /^down, there is no way to 192.0.2.7/);
	mtu(1500);
	lan.server.ip("address", "add", "192.0.2.3/24", "dev", "lan0");
	const { mac } = link;
	await until("a change", () => watcher.seen.length === 5, LIMIT_MS);
	t.strictSame(watcher.seen, ["up 962", "up 8962", "up 522", "down 522", "up 1462"]);
	t.not(link.mac, mac, "from another address it is another link to the others");
});

t.test("what can't be opened says why", { skip }, async (t) => {
	const lan = routedLan();
	t.teardown(() => lan.remove());
	const open = (peer: string, prefix: readonly string[] = []) =>
		GreLink.open(`gre:${peer}`, peer, {
			pump: new Pump(),
			start: () => startTunnel(peer, ["ip", "netns", "exec", lan.server.name, ...prefix]),
		});
	await t.rejects(open("198.51.100.1"), { message: /^gre:198.51.100.1: there is no way to 198.51.100.1 / });
	const powerless = ["setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw"];
	await t.rejects(open(FAR, powerless), {
		message: "gre:192.0.2.7: raw IP packets need the capability CAP_NET_RAW; run as root",
	});
	await t.rejects(open(FAR, ["true"]), { message: "gre:192.0.2.7: its process has ended" });
	await t.rejects(open(FAR, ["/nowhere/at/all"]), { message: "gre:192.0.2.7: its process has ended" });
});
