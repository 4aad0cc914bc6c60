/**
 * The hidden command `vblade gre PEER --fd N`: a tunnel's process, as a server starts it (`lib/link/tunnel-process.ts`); and
 * `vblade gre PEER ... --fd N --keep`: one that starts those (`lib/gre/keeper.ts`). Not for people, so without help.
 */

import { OperatorError } from "../errors.js";
import { runKeeper } from "../gre/keeper.js";
import { runTunnel } from "../gre/main.js";
import { GRE_PREFIX, readGrePeer } from "../spec/gre.js";

/** Resolves to the exit status. */
export async function greCommand(argv: readonly string[]): Promise<number> {
	const at = argv.indexOf("--fd");
	const [, text = "", ...rest] = argv.slice(at);
	const descriptor = /^[0-9]{1,9}$/.test(text) ? Number(text) : 0;
	const keeps = rest.join() === "--keep";
	const peers = argv.slice(0, Math.max(0, at)).map((peer) => readGrePeer(`${GRE_PREFIX}${peer}`));
	const [peer] = peers;
	if (descriptor < 3 || peer === undefined || (!keeps && (peers.length > 1 || rest.length > 0)))
		throw new OperatorError("vblade gre: is not for people; give a server the netif gre:ADDRESS");
	// The end of what the descriptor leads to is the end: whoever gives us work still wants it done when he is told to end.
	for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});
	await (keeps ? runKeeper(descriptor, peers) : runTunnel(peer, descriptor));
	return 0;
}
