/**
 * A private virtual LAN for a test or the demo: two network namespaces, one for servers and one for initiators, joined by
 * cables (veth pairs). Nothing in it can reach, or be reached from, the machine's own network.
 *
 *     vb<pid>s<n>  "server"                        vb<pid>c<n>  "client"
 *    +-----------------------+                    +-----------------------+
 *    |  vblade -> lan0  <=====================================>  lan0 <-  |  UML, aoeping, FramePort
 *    +-----------------------+                    +-----------------------+
 *
 * Needs root. The namespaces' names begin with `vb` and our pid, so that what a killed process has left can be told and
 * removed at the next start.
 */

import { execFileSync, spawnSync } from "node:child_process";
import path from "node:path";
import { atEnd, leftBehind } from "./cleanup.js";
import { LIMIT_MS } from "./limit.js";
import { Program, type RunOptions, sendSignal } from "./process.js";

/** Why there can be no namespaces here, or undefined: for `t.test(name, { skip: namespacesMissing() }, ...)`. */
export function namespacesMissing(): string | undefined {
	if (process.getuid?.() !== 0) return "network namespaces need root";
	try {
		ip("netns", "list");
	} catch {
		return "network namespaces need the ip command (package iproute2)";
	}
	// Root in a container may not do everything.
	const { status } = spawnSync("unshare", ["--net", "--mount", "true"], { timeout: LIMIT_MS });
	return status === 0 ? undefined : "network namespaces are not permitted here";
}

/** Runs `ip` with these arguments and gives back what it says. Throws with its message if it fails. */
export function ip(...args: string[]): string {
	return execFileSync("ip", args, {
		encoding: "utf8",
		timeout: LIMIT_MS,
		stdio: ["ignore", "pipe", "pipe"],
	});
}

/** A network namespace of ours. */
export class Namespace {
	readonly #remove: () => void;

	constructor(readonly name: string) {
		ip("netns", "add", name);
		this.#remove = atEnd(() => removeNamespace(name));
		// Without IPv6 a new link stays silent until we use it. The sysctl is missing where the kernel has no IPv6.
		this.exec("sh", "-c", "echo 1 2>/dev/null >/proc/sys/net/ipv6/conf/default/disable_ipv6 || true");
	}

	/** Runs `ip` inside. */
	ip(...args: string[]): string {
		return ip("-n", this.name, ...args);
	}

	/** Runs a short command inside and gives back its standard output. Throws if it fails. */
	exec(...command: string[]): string {
		return ip("netns", "exec", this.name, ...command);
	}

	/** Starts a program inside. */
	start(command: readonly string[], options: Omit<RunOptions, "namespace"> = {}): Program {
		return new Program(command, { ...options, namespace: this.name });
	}

	/** The MAC address of one of its interfaces, `02:...`. */
	mac(interfaceName: string): string {
		const [, mac] = /link\/ether ([0-9a-f:]{17})/.exec(this.ip("link", "show", interfaceName)) ?? [];
		if (!mac) throw new Error(`${this.name}: no MAC address on ${interfaceName}`);
		return mac;
	}

	remove(): void {
		this.#remove();
	}
}

export interface CableOptions {
	/** Most bytes of payload in a frame; 1500 if not given. */
	readonly mtu?: number;
	/** MAC addresses of the two ends; the kernel's choice if not given. */
	readonly serverMac?: string;
	readonly clientMac?: string;
}

let lans = 0;

/** Two namespaces and the cables between them. The first cable is `lan0` on both sides. */
export class Lan {
	readonly server: Namespace;
	readonly client: Namespace;

	constructor(options: CableOptions = {}) {
		sweep();
		lans++;
		this.server = new Namespace(`vb${process.pid}s${lans}`);
		this.client = new Namespace(`vb${process.pid}c${lans}`);
		this.cable("lan0", options);
	}

	/** Lays a cable whose two ends are called `name`, both up. */
	cable(name: string, { mtu = 1500, serverMac, clientMac }: CableOptions = {}): void {
		const end = (side: Namespace, mac: string | undefined) => [
			"name",
			name,
			"netns",
			side.name,
			"mtu",
			String(mtu),
			...(mac ? ["address", mac] : []),
		];
		ip("link", "add", ...end(this.server, serverMac), "type", "veth", "peer", ...end(this.client, clientMac));
		for (const side of [this.server, this.client]) side.ip("link", "set", name, "up");
	}

	/** Takes a cable away, both ends of it. */
	cut(name: string): void {
		this.server.ip("link", "delete", name);
	}

	remove(): void {
		this.client.remove();
		this.server.remove();
	}
}

/** Removes the namespaces of processes that were killed, and what still runs inside. */
function sweep(): void {
	for (const left of leftBehind("/run/netns", /^vb(\d+)[sc]\d+$/)) {
		try {
			removeNamespace(path.basename(left));
		} catch {
			// Another test process is at it too.
		}
	}
}

/** Removes a namespace of ours, and first ends what still runs inside, a daemon for one: all of it was started by us. */
function removeNamespace(name: string): void {
	for (const pid of ip("netns", "pids", name).split("\n")) {
		if (pid) sendSignal(Number(pid), "SIGKILL");
	}
	ip("netns", "delete", name);
}
