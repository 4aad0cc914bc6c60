/**
 * The process of a tunnel: joins the stream that it was started with and the packets of one peer, until the stream ends. Called by
 * `lib/cli/gre.ts`. It opens its socket as root and goes on as an ordinary user without any capability: what the package does with
 * what the network sends, it does as nobody.
 */

import { Socket } from "node:net";
import { isNativeError, native } from "../native.js";
import { becomeUser } from "../privileges.js";
import { openRawPackets } from "./raw-packets.js";
import { Tunnel } from "./tunnel.js";

/** Who it becomes, the first that there is. */
const USERS = ["vblade", "nobody"];

/** Resolves when the stream has ended, or it has been told why there is no tunnel. */
export async function runTunnel(peer: string, descriptor: number): Promise<void> {
	const tunnel = new Tunnel({ peer, stream: new Socket({ fd: descriptor }), routeTo });
	try {
		const port = openRawPackets(peer, tunnel);
		if (process.geteuid?.() === 0) becomeUser(ordinaryUser(), false);
		tunnel.start(port);
	} catch (error) {
		return tunnel.fail(error instanceof Error ? error.message : String(error));
	}
	await tunnel.ended;
}

function routeTo(peer: string): { mtu: number; local: string } {
	try {
		return native.routeTo(peer);
	} catch (error) {
		if (isNativeError(error)) throw new Error(`there is no way to ${peer} (${error.message})`);
		throw error;
	}
}

function ordinaryUser(): string {
	for (const name of USERS) {
		try {
			native.findUser(name);
			return name;
		} catch (error) {
			if (!isNativeError(error)) throw error;
		}
	}
	throw new Error(`there is no user to go on as instead of root: ${USERS.join(" or ")}`);
}
