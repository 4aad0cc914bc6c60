/**
 * A site behind a router: the client's namespace of a LAN routes between the server and one more namespace, where initiators are
 * that no Ethernet joins to the server. For tests of tunnels.
 *
 *     server lan0 192.0.2.1 <=====> 192.0.2.254 lan0 router site0 198.51.100.254 <=====> site0 198.51.100.7
 */

import { ip, type Lan, Namespace } from "./netns.js";

export const SERVER_ADDRESS = "192.0.2.1";
export const SITE_ADDRESS = "198.51.100.7";
export const SITE_ROUTER = "198.51.100.254";
const SERVER_ROUTER = "192.0.2.254";

let sites = 0;

export class Site {
	readonly namespace: Namespace;

	constructor(lan: Lan, mtu: number) {
		const { server, client: router } = lan;
		this.namespace = new Namespace(`vb${process.pid}s${900 + sites++}`);
		const end = ({ name }: Namespace) => ["site0", "netns", name, "mtu", String(mtu)];
		ip("link", "add", ...end(router), "type", "veth", "peer", ...end(this.namespace));
		server.ip("address", "add", `${SERVER_ADDRESS}/24`, "dev", "lan0");
		server.ip("route", "add", "default", "via", SERVER_ROUTER);
		router.ip("address", "add", `${SERVER_ROUTER}/24`, "dev", "lan0");
		router.ip("address", "add", `${SITE_ROUTER}/24`, "dev", "site0");
		for (const namespace of [router, this.namespace]) namespace.ip("link", "set", "site0", "up");
		router.exec("sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward");
	}

	/** The namespace itself is at the site's address; else a machine on its `site0` is. */
	settle(): void {
		this.namespace.ip("address", "add", `${SITE_ADDRESS}/24`, "dev", "site0");
		this.namespace.ip("route", "add", "default", "via", SITE_ROUTER);
	}

	remove(): void {
		this.namespace.remove();
	}
}
