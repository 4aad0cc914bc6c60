/**
 * The hidden command `vblade gre --fd N PEER`: a tunnel's process, as a server starts it (`lib/link/tunnel-process.ts`); and
 * `vblade gre --fd N --keep PEER ...`: one that starts those (`lib/gre/keeper.ts`). Not for people, so without help.
 */

import { OperatorError } from "../errors.js";
import { runKeeper } from "../gre/keeper.js";
import { runTunnel } from "../gre/main.js";
import { GRE_PREFIX, readGrePeer } from "../spec/gre.js";

/** Resolves to the exit status. */
export async function greCommand(argv: readonly string[]): Promise<number> {
	const [option, text = "", ...words] = argv;
	const descriptor = /^[0-9]{1,9}$/.test(text) ? Number(text) : 0;
	const keeps = words[0] === "--keep";
	const peers = words.slice(keeps ? 1 : 0).map((peer) => readGrePeer(`${GRE_PREFIX}${peer}`));
	const [peer] = peers;
	if (option !== "--fd" || descriptor < 3 || peer === undefined || (peers.length > 1 && !keeps))
		throw new OperatorError("vblade gre: is not for people; give a server the netif gre:ADDRESS");
	// The end of what the descriptor leads to is the end: whoever gives us work still wants it done when he is told to end.
	for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});
	await (keeps ? runKeeper(descriptor, peers) : runTunnel(peer, descriptor));
	return 0;
}
