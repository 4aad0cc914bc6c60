/**
 * The address of the other end of a tunnel, as an operator writes it behind `gre:`. Used by whatever reads a netif; hands on the one
 * way to write that address. Pure.
 */

import { isIP, SocketAddress } from "node:net";
import { OperatorError } from "../errors.js";
import { quote } from "../text.js";

/** What comes before the address in a netif. */
export const GRE_PREFIX = "gre:";

/** Those that are not one other machine, and what they are. `::ffff:` is IPv4 in another dress, which no packet has. */
const UNFIT: readonly (readonly [RegExp, string])[] = [
	[/^(0\.|::$)/, "is no machine's"],
	[/^(127\.|::1$)/, "is this machine itself"],
	[/^(2(2[4-9]|3[0-9])\.|ff)/, "is a group's"],
	[/^2(4[0-9]|5[0-5])\./, "is no machine's"],
	[/^::ffff:/, "is one of IPv4; write it as such"],
];

/** The peer of `netif`, such as `gre:192.0.2.7`. Throws an OperatorError for what is no address of one other machine. */
export function readGrePeer(netif: string): string {
	const [address = "", zone] = netif.slice(GRE_PREFIX.length).split("%", 2);
	const family = isIP(address);
	const refuse = (why: string): never => {
		throw new OperatorError(
			`netif ${quote(netif)}: ${why}; gre:ADDRESS takes the other end's IPv4 or IPv6 address`,
		);
	};
	if (family === 0) refuse("that is no IP address");
	const peer = new SocketAddress({ address, family: family === 6 ? "ipv6" : "ipv4" }).address;
	for (const [pattern, what] of UNFIT) if (pattern.test(peer)) refuse(`the address ${what}`);
	const isLinkLocal = /^fe[89ab]/.test(peer);
	if (isLinkLocal !== (zone !== undefined && zone !== ""))
		refuse(
			isLinkLocal
				? "a link-local address needs its interface, as in fe80::1%eth0"
				: "only fe80::1%eth0 has a %",
		);
	return isLinkLocal ? `${peer}%${zone}` : peer;
}
