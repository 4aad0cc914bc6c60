/**
 * A Linux kernel behind a router as our client: its own `gretap` at the other end of our tunnel, and its AoE driver on that. Played
 * by `gre.long.ts`.
 */

import { readFileSync } from "node:fs";
import type { Test } from "tap";
import { ip } from "../support/netns.js";
import { sendSignal } from "../support/process.js";
import { SERVER_ADDRESS, SITE_ADDRESS, SITE_ROUTER, Site } from "../support/site.js";
import { Stage } from "./stage.js";

const MEGABYTES = 256;
/** Of IPv4, GRE and Ethernet. */
const HEADERS_BYTES = 38;

export interface GreCase {
	readonly mtu: number;
	/** The server's tunnel is killed while the guest copies. */
	readonly kill: boolean;
}

/** ext4's whole life, from mkfs to comparing what came back. */
export async function behindRouter(t: Test, { mtu, kill }: GreCase): Promise<void> {
	const stage = new Stage(t, { mtu, megabytes: MEGABYTES });
	const site = new Site(stage.lan, mtu);
	t.teardown(() => site.remove());
	const vblade = await stage.serve(0, `gre:${SITE_ADDRESS}`);
	const console = await stage.run({
		script: "ext4.sh",
		variables: { disk: "e9.0", server: SERVER_ADDRESS, site: SITE_ADDRESS, router: SITE_ROUTER },
		interfaceNames: ["site0"],
		namespace: site.namespace,
		onLine: (line) => {
			if (kill && line.endsWith("made ext4")) sendSignal(tunnelOf(stage), "SIGKILL");
		},
	});
	t.match(console, `tunnel of MTU ${mtu - HEADERS_BYTES}`, "the kernel works out the same MTU");
	t.match(console, `found e9.0, ${MEGABYTES * 2048} sectors`, "it sees the disk with its whole size");
	t.match(console, /compared \d+ files/, "what came back is what was written");
	t.equal((await vblade.stop()).code, 0, "the server ends well");
	t.equal(/its process has ended; another one is started/.test(vblade.stderr), kill);
	await stage.check(t);
}

/** The tunnel's process. */
function tunnelOf({ lan }: Stage): number {
	const pids = ip("netns", "pids", lan.server.name).trim().split("\n").map(Number);
	const isTunnel = (pid: number) => readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("\0gre\0");
	return pids.find(isTunnel) ?? 0;
}
