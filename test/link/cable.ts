/** Virtual cables between two interfaces of the namespace, for the tests of links on interfaces. */

import { execFileSync } from "node:child_process";
import { interfaceInfo } from "../../lib/link/interfaces.js";
import { until } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";

function command(name: string, line: string): void {
	execFileSync(name, line.split(" "), { stdio: ["ignore", "ignore", "inherit"], timeout: LIMIT_MS });
}

export const ip = (line: string) => command("ip", line);
export const tc = (line: string) => command("tc", line);

/** A cable with an end `near` and an end `far`, both up. */
export async function layCable(nearMtu: number, farMtu = nearMtu): Promise<void> {
	ip(`link add name near mtu ${nearMtu} type veth peer name far mtu ${farMtu}`);
	ip("link set near up");
	ip("link set far up");
	const isUp = (name: string) => interfaceInfo(name)?.up === true;
	await until("the carrier", () => isUp("near") && isUp("far"), LIMIT_MS);
}
