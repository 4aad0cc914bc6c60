/**
 * The hidden command `vblade gre PEER --fd N`: a tunnel's process, as a server starts it (`lib/link/tunnel-process.ts`). Not for
 * people, so without help.
 */

import { OperatorError } from "../errors.js";
import { runTunnel } from "../gre/main.js";
import { GRE_PREFIX, readGrePeer } from "../spec/gre.js";

/** Resolves to the exit status. */
export async function greCommand(argv: readonly string[]): Promise<number> {
	const [peer = "", option, text = ""] = argv;
	const descriptor = /^[0-9]{1,9}$/.test(text) ? Number(text) : 0;
	if (argv.length !== 3 || option !== "--fd" || descriptor < 3)
		throw new OperatorError("vblade gre: is not for people; give a server the netif gre:ADDRESS");
	await runTunnel(readGrePeer(`${GRE_PREFIX}${peer}`), descriptor);
	return 0;
}
