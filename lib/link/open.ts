/**
 * Opens the link that the operator's `netif` means. Called by `lib/daemon/` and by the commands of our initiator; hands
 * on a `Link` and nothing of what kind it is.
 */

import { OperatorError } from "../errors.js";
import { Errno, isNativeError } from "../native.js";
import type { Pump } from "../pump.js";
import type { NetifSpec } from "../spec/spec.js";
import { quote } from "../text.js";
import { interfaceNames } from "./interfaces.js";
import type { Link, LinkOptions } from "./link.js";
import { PacketLink, type PacketLinkOptions } from "./packet.js";
import { PcapLink } from "./pcap.js";
import { UnixLink } from "./unix.js";

/** The same for two netifs that are one link: an interface may have several names, and `interfaceName` is the kernel's (`interfaceOf`). */
export function linkKey(netif: NetifSpec, interfaceName: string): string {
	return netif.kind === "interface" ? interfaceName : netif.name;
}

/** What a process that may not do it itself has done by another one. */
export interface LinkHelpers {
	/** Listens on a unix socket, and gives its descriptor. Throws an OperatorError. */
	readonly listenUnix?: (path: string) => Promise<number>;
	/** Opens a tunnel; by default what does is loaded then, which a process that can open no file any more can't. */
	readonly openTunnel?: (name: string, peer: string, options: LinkOptions & { pump: Pump }) => Promise<Link>;
	/** Why there is no libpcap here. */
	readonly noPcap?: string;
}

/** Throws an OperatorError if there is no such interface or folder, it is in use, or the privilege is missing. */
export async function openLink(
	netif: NetifSpec,
	pump: Pump,
	options: PacketLinkOptions,
	{ listenUnix, noPcap, openTunnel }: LinkHelpers = {},
): Promise<Link> {
	switch (netif.kind) {
		case "unix":
			return UnixLink.open(netif.path, { pump, ...options, ...(listenUnix && { listenUnix }) });
		case "gre": {
			// Of the kinds of link only it starts a process, and loads what that takes.
			const how = { pump, ...options };
			if (openTunnel !== undefined) return openTunnel(netif.name, netif.peer, how);
			return (await import("./gre.js")).GreLink.open(netif.name, netif.peer, how);
		}
		case "pcap":
			if (noPcap !== undefined) throw new OperatorError(`${netif.name}: ${noPcap}`);
			return PcapLink.open(netif.interfaceName, { pump, ...options });
		case "interface":
			return openPacketLink(netif.name, pump, options);
	}
}

function openPacketLink(name: string, pump: Pump, options: PacketLinkOptions): PacketLink {
	try {
		return new PacketLink(name, pump, options);
	} catch (error) {
		if (!isNativeError(error)) throw error;
		if (error.step === "find" && error.errno === Errno.ENODEV)
			throw new OperatorError(
				`${quote(name)}: there is no such network interface; there are ${interfaceNames().join(", ")}`,
			);
		if (error.errno === Errno.EPERM || error.errno === Errno.EACCES)
			throw new OperatorError(
				`${name}: raw Ethernet frames need the capability CAP_NET_RAW; run as root, or use unix:PATH`,
			);
		throw new OperatorError(`${name}: can't open a packet socket (${error.step}: ${error.message})`);
	}
}
