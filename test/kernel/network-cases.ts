/**
 * What a Linux kernel makes of trouble between it and our server: two links of which one goes, a network that harms frames,
 * a server that is killed. Each case boots one kernel. Played in short by `network.test.ts`, at length by `network.long.ts`.
 */

import path from "node:path";
import type { Test } from "tap";
import { Random } from "../../lib/random.js";
import { pause, until } from "../support/cleanup.js";
import { GUEST_LIMIT_MS, LIMIT_MS } from "../support/limit.js";
import type { Lan } from "../support/netns.js";
import { PROJECT } from "../support/paths.js";
import { killByPidFile, Stage } from "./stage.js";

/** Compiled by scripts/setup from bad-bridge.c. */
const BAD_BRIDGE = path.join(PROJECT, "build/test/kernel/bad-bridge");

export interface LinksCase {
	readonly mtu: number;
	/** What is copied. */
	readonly megabytes: number;
	/** How a link goes: its interface is set down, or is deleted. */
	readonly goes: "down" | "deleted";
	readonly limitMs?: number;
}

/**
 * One blade on two links, of which one goes in the middle of a copy.
 *
 *     server lan0 <=====> lan0 guest's vec0
 *     server lan1 <=====> lan1 [ switch1 ] port1 <=====> guest1 guest's vec1
 *
 * The link that goes ends at a switch, so that the guest's port stays up: the driver is to find out by itself. (User-mode
 * Linux also panics when a port that it sends on goes down.)
 */
export async function links(
	t: Test,
	{ mtu, megabytes, goes, limitMs = GUEST_LIMIT_MS }: LinksCase,
): Promise<void> {
	const stage = new Stage(t, { mtu, megabytes: megabytes + 64, cables: 2 });
	const vblade = await stage.serve(0, "lan0,lan1");
	const { lan } = stage;
	const second = stage.addSwitch(1);
	let used: number[] = [];
	let before: number | undefined;
	const console = await stage.run({
		script: "links.sh",
		variables: { disk: "e9.0", megabytes },
		interfaceNames: ["lan0", second],
		limitMs,
		onLine: (line) => {
			if (line.endsWith("both links")) used = [received(lan, "lan0"), received(lan, "lan1")];
			if (line.endsWith("copying")) {
				before = received(lan, "lan0");
				if (goes === "down") lan.server.ip("link", "set", "lan1", "down");
				else lan.cut("lan1");
			}
		},
	});
	t.equal(used.length, 2, "frames were counted on both links");
	for (const [i, count] of used.entries()) t.ok(count > 100, `lan${i} is used: ${count} frames came over it`);
	t.ok(
		before !== undefined && received(lan, "lan0") > before,
		"when one was taken away, the other one went on",
	);
	t.match(console, /compared$/m, "without an error, and all is there");
	t.equal((await vblade.stop()).code, 0, "the server ends well");
	await stage.check(t);
}

/** Frames that an interface on the server's side has received. */
function received(lan: Lan, interfaceName: string): number {
	return Number(lan.server.exec("cat", `/sys/class/net/${interfaceName}/statistics/rx_packets`));
}

export interface BadNetworkCase {
	readonly mtu: number;
	readonly jobs: readonly string[];
	/** What each job writes in each round. */
	readonly megabytes: number;
	readonly rounds: number;
	/** Megabytes that are then copied to an ext4; with 0 there is none. */
	readonly copied: number;
	/** How many frames may be dropped, and how many damaged. */
	readonly losses: number;
	/** Chances in 10000 for each frame; see bad-bridge.c. */
	readonly drop: number;
	readonly damage: number;
	readonly double: number;
	readonly hold: number;
	readonly stall: number;
	readonly seed?: number;
	readonly limitMs?: number;
}

/**
 * A network that harms frames: server and guest are in one namespace, on a cable each, and a bridge in the other joins the
 * cables' other ends.
 */
export async function badNetwork(t: Test, options: BadNetworkCase): Promise<void> {
	const { mtu, jobs, megabytes, rounds, copied, losses, drop, damage, double, hold, stall } = options;
	const { seed } = new Random(options.seed);
	t.comment(`seed ${seed}`);
	const stage = new Stage(t, { mtu, megabytes: megabytes + copied + 64, cables: 2 });
	const rates = { seed, losses, drop, damage, double, hold, stall };
	const bridge = stage.lan.client.start([
		...[BAD_BRIDGE, "lan1", "lan0"],
		...Object.entries(rates).map(([name, value]) => `${name}=${value}`),
	]);
	await bridge.waitFor(/^ready$/m, LIMIT_MS);
	const vblade = await stage.serve();
	const console = await stage.run({
		script: "bad-network.sh",
		variables: { disk: "e9.0", jobs: jobs.join(","), size: `${megabytes}m`, rounds, copied },
		namespace: stage.lan.server,
		interfaceNames: ["lan1"],
		limitMs: options.limitMs ?? GUEST_LIMIT_MS,
	});
	t.match(console, `round ${rounds} verified`, "what fio wrote came back");
	if (copied > 0) t.match(console, /compared$/m, "and what the file system had");
	t.equal((await vblade.stop()).code, 0, "the server ends well");
	t.equal((await bridge.stop()).code, 0, "and so does the network");
	const [said = ""] = /^passed .*$/m.exec(bridge.output) ?? [];
	t.comment(said);
	for (const what of ["passed", "dropped", "damaged", "doubled", "held", "stalled"])
		t.match(said, new RegExp(`\\b${what} [1-9]`), `frames were ${what}`);
	if (copied > 0) await stage.check(t);
}

export interface OutageCase {
	/** What is killed first and started after a while, and then the next, which the last start brings. */
	readonly servers: readonly ("vblade" | "vbladed")[];
	readonly awayMs: number;
	readonly jobs: readonly string[];
	readonly megabytes: number;
	/** fio's operations a second: it must be busy until after the last start. */
	readonly rate: number;
	readonly limitMs?: number;
}

/** Waits until the server has something to do. */
async function busy(lan: Lan): Promise<void> {
	const before = received(lan, "lan0");
	await until("requests", () => received(lan, "lan0") > before + 200, LIMIT_MS);
}

/** The server is killed while fio writes and verifies, and started again. */
export async function outage(t: Test, options: OutageCase): Promise<void> {
	const { servers, awayMs, jobs, megabytes, rate, limitMs = GUEST_LIMIT_MS } = options;
	const stage = new Stage(t, { mtu: 9000, megabytes: jobs.length * megabytes + 64 });
	const start = async (kind: "vblade" | "vbladed"): Promise<() => Promise<unknown>> => {
		if (kind === "vblade") {
			const vblade = await stage.serve();
			return () => vblade.stop("SIGKILL");
		}
		const pidFile = await stage.serveAsDaemon();
		return async () => killByPidFile(pidFile);
	};
	let written = false;
	let outages = 0;
	let kill = await start(servers[0]!);
	const trouble = async () => {
		for (const next of [...servers.slice(1), servers[0]!]) {
			await busy(stage.lan);
			await kill();
			await pause(awayMs);
			kill = await start(next);
			if (!written) outages += 1;
		}
	};
	let troubled: Promise<void> | undefined;
	const console = await stage.run({
		script: "outage.sh",
		variables: { disk: "e9.0", jobs: jobs.join(","), size: `${megabytes}m`, rate },
		limitMs,
		onLine: (line) => {
			if (line.endsWith("writing")) troubled = trouble();
			if (line.endsWith("written")) written = true;
		},
	});
	await troubled;
	t.equal(outages, servers.length, "each time the server was killed and started, fio was at work");
	t.match(console, /verified$/m, "without an error, and all is there");
	await kill();
	await stage.check(t);
}
