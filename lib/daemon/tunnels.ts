/** Tunnels of a server that is about to give up root. Asked by `daemon.ts`. */

import type { ExportSpec } from "../spec/spec.js";

/** They are started again when they end, which this process will not be able to do: another one is to, if there are any. */
export async function keepTunnels(exports: readonly ExportSpec[]): Promise<void> {
	const netifs = exports.flatMap((each) => (each.protocol === "aoe" ? each.netifs : []));
	const peers = new Set(netifs.flatMap((netif) => (netif.kind === "gre" ? [netif.peer] : [])));
	if (peers.size > 0) (await import("../gre/keeper.js")).startKeeper([...peers]);
}
