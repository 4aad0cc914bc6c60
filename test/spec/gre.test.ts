// The address behind `gre:`: of one other machine, and written in one way.

import t from "tap";
import { OperatorError } from "../../lib/errors.js";
import { readGrePeer } from "../../lib/spec/gre.js";

t.test("what is no address of one other machine is refused", async (t) => {
	const wrong: [string, string][] = [
		["gre:", "that is no IP address"],
		["gre:example.org", "that is no IP address"],
		["gre:192.0.2.300", "that is no IP address"],
		["gre:192.0.2.1:47", "that is no IP address"],
		["gre:0.0.0.0", "the address is no machine's"],
		["gre:255.255.255.255", "the address is no machine's"],
		["gre:127.0.0.1", "the address is this machine itself"],
		["gre:::1", "the address is this machine itself"],
		["gre:::", "the address is no machine's"],
		["gre:224.0.0.1", "the address is a group's"],
		["gre:239.255.255.255", "the address is a group's"],
		["gre:ff02::1", "the address is a group's"],
		["gre:::ffff:192.0.2.1", "the address is one of IPv4; write it as such"],
		["gre:fe80::1", "a link-local address needs its interface, as in fe80::1%eth0"],
		["gre:fe80::1%", "a link-local address needs its interface, as in fe80::1%eth0"],
		["gre:2001:db8::1%eth0", "only fe80::1%eth0 has a %"],
		["gre:192.0.2.1%eth0", "only fe80::1%eth0 has a %"],
	];
	for (const [netif, why] of wrong) {
		const message = `netif "${netif}": ${why}; gre:ADDRESS takes the other end's IPv4 or IPv6 address`;
		t.throws(() => readGrePeer(netif), new OperatorError(message), netif);
	}
});

t.test("others are written as the kernel writes them", async (t) => {
	t.equal(readGrePeer("gre:192.0.2.7"), "192.0.2.7");
	t.equal(readGrePeer("gre:223.255.255.255"), "223.255.255.255");
	t.equal(readGrePeer("gre:2001:0DB8:0:0::0007"), "2001:db8::7");
	t.equal(readGrePeer("gre:FE80::7%eth0"), "fe80::7%eth0");
});
