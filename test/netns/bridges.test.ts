/**
 * Interfaces that are not plain cables: a bridge that changes its address, a macvlan, one that frames never reach, one whose MTU
 * leaves no room. Each is told once, and shown by SIGUSR1.
 */

import t from "tap";
import { until } from "../support/cleanup.js";
import { ataFrame, BROADCAST, fieldsOf, respondsTo } from "../support/frames.js";
import { LIMIT_MS } from "../support/limit.js";
import { lines, onStage, report, serve } from "./interfaces-bench.js";
import { SERVER_MAC } from "./stage.js";

t.setTimeout(230_000);

onStage("a bridge whose address follows its ports", async (t, stage) => {
	const { server: side } = stage.lan;
	side.ip("link", "add", "br0", "type", "bridge");
	side.ip("link", "set", "lan0", "master", "br0");
	side.ip("link", "set", "br0", "up");
	const before = side.mac("br0");
	t.equal(before, SERVER_MAC, "its address is that of its only port");
	const server = await serve(stage, "br0");
	t.equal((await stage.ask()).length, 1, "it is served on");
	const port = await stage.port();

	const read = (dst: string) => {
		const header = stage.header({ dst });
		const request = ataFrame(header, { command: 0x24, aflags: 0x40, count: 1 });
		return port.exchange(request, (frame) => respondsTo(frame, header.tag));
	};
	let [reads, silent] = [0, false];
	const readOn = (async () => {
		while (!silent) {
			await read(before);
			reads += 1;
		}
	})();
	const from = port.received.length;
	// As when a virtual machine starts.
	side.ip("link", "add", "tap0", "address", "02:00:00:00:00:00", "type", "veth", "peer", "name", "tap0p");
	side.ip("link", "set", "tap0", "master", "br0");
	const now = side.mac("br0");
	t.equal(now, "02:00:00:00:00:00", "a port with a lower address joins: the bridge takes that");
	const told = () =>
		port.received.slice(from).some((frame) => {
			const { dst, src, command } = fieldsOf(frame);
			return dst === BROADCAST && src === now && command === 1;
		});
	await until("an advertisement from the new address", told, LIMIT_MS);
	const then = reads;
	await until("more reads", () => reads > then + 20, LIMIT_MS);
	silent = true;
	await readOn;
	t.pass("a client that knows the old address is answered all the time");
	t.equal(fieldsOf((await read(now))[0] ?? Buffer.alloc(60)).src, now, "so is one that knows the new one");
	t.equal(fieldsOf((await read(before))[0] ?? Buffer.alloc(60)).src, now, "and answers come from there");
	t.equal(
		(await stage.askInVain({ dst: "02:00:00:00:00:55" })).length,
		0,
		"an address that is another's is not ours",
	);
	side.ip("link", "set", "br0", "promisc", "on");
	t.equal(
		(await stage.askInVain({ dst: "02:00:00:00:00:55" })).length,
		0,
		"not even where the bridge hears all",
	);
	t.notMatch(
		await report(server),
		/another MAC address|dropped in [1-9]/,
		"no frame was refused or lost before",
	);
});

onStage("a macvlan that takes every frame", async (t, stage) => {
	const { server: side } = stage.lan;
	try {
		side.ip("link", "add", "link", "lan0", "name", "mac0", "type", "macvlan", "mode", "passthru");
	} catch {
		t.pass("not run", { skip: "this kernel has no macvlan" });
		return;
	}
	side.ip("link", "set", "mac0", "up");
	await serve(stage, "mac0");
	t.equal((await stage.ask()).length, 1, "answers at its address");
	t.equal(
		(await stage.askInVain({ dst: "02:00:00:00:00:55" })).length,
		0,
		"and at no other, whatever the kernel says",
	);
});

onStage("an interface that frames never reach", async (t, stage) => {
	const { server: side } = stage.lan;
	const server = await serve(stage, "lan0");
	side.ip("link", "add", "br0", "type", "bridge");
	side.ip("link", "set", "lan0", "master", "br0");
	const useless =
		/warn: lan0: is a port of the bridge br0, so frames never arrive here; serve on br0 instead/;
	await server.waitFor(useless, LIMIT_MS);
	t.equal(
		(await stage.askInVain()).length,
		0,
		"told when it becomes a port of a bridge, which takes its frames",
	);
	t.match(await report(server), /: lan0: up, a port of the bridge br0\n/, "and shown");
	await server.stop();

	const second = await serve(stage, "lan0");
	await second.waitFor(useless, LIMIT_MS);
	t.equal(lines(second, useless), 1, "told at the start");
	t.match(await report(second), /: lan0: up, a port of the bridge br0\n/, "and shown as long as it is one");
	side.ip("link", "set", "lan0", "mtu", "1400");
	await second.waitFor(/info: lan0: MTU is now 1400\n/, LIMIT_MS);
	t.match(await report(second), /: lan0: up, a port of the bridge br0\n/, "whatever else changes");
	side.ip("link", "set", "lan0", "down");
	side.ip("link", "set", "lan0", "up");
	await second.waitFor(/the link is up\n/, LIMIT_MS);
	t.match(await report(second), /: lan0: up, a port of the bridge br0\n/, "and comes and goes");
	side.ip("link", "set", "br0", "name", "br1");
	t.match(await report(second), /: lan0: up, a port of the bridge br1\n/, "under the name it has");
	t.equal(lines(second, useless), 1, "told once");
	side.ip("link", "set", "lan0", "nomaster");
	t.equal(await stage.recovery(second), "answers again", "served when it is none any more");
	t.match(await report(second), /: lan0: up\n/);
});

onStage("an MTU that leaves no room for a sector", async (t, stage) => {
	const { server: side } = stage.lan;
	side.ip("link", "set", "lan0", "mtu", "547");
	const server = await serve(stage, "lan0");
	const small = /warn: lan0: an MTU of (547|500) leaves no room for a sector; initiators need at least 548/;
	await server.waitFor(small, LIMIT_MS);
	t.equal(lines(server, small), 1, "told at the start");
	side.ip("link", "set", "lan0", "mtu", "548");
	await until("room", async () => (await stage.sectorsSoon()) === 1024, LIMIT_MS);
	t.equal(lines(server, small), 1, "one sector fits: nothing to tell");
	side.ip("link", "set", "lan0", "mtu", "500");
	await server.waitFor(/an MTU of 500 leaves no room/, LIMIT_MS);
	t.equal(await stage.recovery(server), "answers again", "served on, with what fits");
	t.equal(lines(server, small), 2, "told once for each change");
	side.ip("link", "set", "lan0", "mtu", "1500");
	await server.waitFor(/info: lan0: MTU is now 1500\n/, LIMIT_MS);
	t.match(
		server.stderr.match(/.*lan0: .*MTU.*/g),
		[/ of 547 leaves/, / is now 548$/, / of 500 leaves/, / is now 1500$/],
		"one line for each change, out of it and back",
	);
});
