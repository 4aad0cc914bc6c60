// Places for connections: one client never has all of them, whatever he is called by; what he gives back is free again.

import t from "tap";
import { clientOf, Places } from "../../lib/nbd/places.js";

t.test("one alone has at most three quarters, and others come in", async (t) => {
	const places = new Places(1024);
	const many = (peer: string): number => {
		let taken = 0;
		while (places.take(`${peer}:${taken + 1}`)) taken++;
		return taken;
	};
	t.equal(many("192.0.2.7"), 768);
	t.equal(many("192.0.2.8"), 192);
	t.equal(many("[2001:db8::1]"), 48);
	for (let i = 1; i <= 768; i++) places.give(`192.0.2.7:${i}`);
	t.ok(places.take("192.0.2.8:1"), "there are others again");
	t.equal(many("192.0.2.9"), 588);
});

t.test("a few places are few for all: the last is taken too", async (t) => {
	const places = new Places(3);
	const peers = ["a", "b", "c"].map((name) => `unix:pid 1 uid ${name.charCodeAt(0)}`);
	t.same(
		peers.map((peer) => places.take(peer)),
		[true, true, true],
	);
	t.notOk(places.take("127.0.0.1:1"));
	places.give(peers[1]!);
	t.ok(places.take("127.0.0.1:1"));
});

t.test("who counts as one client", async (t) => {
	for (const [peer, client] of [
		["192.0.2.7:4711", "192.0.2.7"],
		["[::ffff:192.0.2.7]:4711", "192.0.2.7"],
		["[2001:db8:1:2:3:4:5:6]:4711", "2001:db8:1:2"],
		["[2001:db8::6]:4711", "2001:db8:0:0"],
		["[::1]:4711", "0:0:0:0"],
		["unix:pid 12 uid 1000", "uid 1000"],
		["test", "test"],
	] as const)
		t.equal(clientOf(peer), client);
});
