// Packet sockets whose interface changes or vanishes: down and up, another MTU or address, gone and back; with an XDP socket, too.

import { execFileSync } from "node:child_process";
import t, { type Test } from "tap";
import { interfaceInfo } from "../../lib/link/interfaces.js";
import { PacketLink } from "../../lib/link/packet.js";
import { Pump } from "../../lib/pump.js";
import { pause, until } from "../support/cleanup.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { ip, layCable } from "./cable.js";
import { frameTo, heard, openEnds, Sink, send } from "./packet-bench.js";

function upAndDown(t: Test, xdp: boolean): void {
	t.test("down and up again", async (t) => {
		const { pump, near, far, nearSink, farSink } = await openEnds(t, { xdp });
		await heard(far, near, nearSink);
		ip("link set near down");
		await until("down", () => !near.up && !far.up, LIMIT_MS);
		t.ok(nearSink.changes > 0 && farSink.changes > 0, "both ends are told");
		const { droppedOut } = near.stats;
		const lost = 3;
		// By an XDP socket the first one waits.
		for (let number = 0; number < lost + (xdp ? 1 : 0); number++) {
			send(near, frameTo(far.mac, `nowhere ${number}`));
			pump.run();
		}
		t.equal(near.stats.droppedOut, droppedOut + lost);
		ip("link set near up");
		await until("up", () => near.up && far.up, LIMIT_MS);
		await heard(far, near, nearSink);
		await heard(near, far, farSink);
		t.ok(nearSink.changes > 1);
		ip("link set far down");
		await until("no carrier", () => !near.up, LIMIT_MS);
		ip("link set far up");
		await until("a carrier", () => near.up, LIMIT_MS);
		await heard(far, near, nearSink);
	});

	t.test("opened while it is down, it serves when it comes up", async (t) => {
		await layCable(1500);
		ip("link set near down");
		const pump = new Pump();
		const near = new PacketLink("near", pump, { framesInFlight: 16 });
		const far = new PacketLink("far", pump, { framesInFlight: 16 });
		t.teardown(async () => {
			await near.close();
			await far.close();
			ip("link delete near");
		});
		const sink = new Sink();
		near.attach(sink);
		t.notOk(near.up);
		ip("link set near up");
		await heard(far, near, sink);
		t.ok(near.up);
	});
}

function otherProperties(t: Test, xdp: boolean): void {
	t.test("a new MTU: longer frames pass, slots fit, what waited is counted as lost", async (t) => {
		const { pump, near, far, nearSink, farSink } = await openEnds(t, { xdp });
		const old = near.acquire();
		send(near, frameTo(far.mac, "waits"));
		const before = near.stats.droppedOut;
		ip("link set near mtu 9000");
		ip("link set far mtu 9000");
		await until("the MTU", () => near.mtu === 9000 && far.mtu === 9000, LIMIT_MS);
		t.ok(nearSink.changes > 0 && farSink.changes > 0, "the sinks are told");
		t.ok(near.stats.droppedOut + near.stats.framesOut >= before + 1, "the frame is accounted for");
		if (old !== undefined) near.release(old);
		const slots = [];
		for (let slot = near.acquire(); slot !== undefined; slot = near.acquire()) slots.push(slot);
		t.ok(slots.every(({ capacityBytes }) => capacityBytes >= 9014));
		for (const slot of slots) near.release(slot);
		await heard(far, near, nearSink, 9014);
		await heard(near, far, farSink, 9014);
		ip("link set near mtu 1500");
		ip("link set far mtu 1500");
		await until("the old MTU", () => near.mtu === 1500 && far.mtu === 1500, LIMIT_MS);
		await heard(far, near, nearSink, 1514);
		pump.run();
	});

	t.test("a new address", async (t) => {
		const { near, far, nearSink, farSink } = await openEnds(t, { xdp });
		ip("link set near address 02:00:00:00:77:77");
		await until("the address", () => near.mac === 0x020000007777, LIMIT_MS);
		t.ok(nearSink.changes > 0);
		await heard(far, near, nearSink);
		await heard(near, far, farSink);
	});

	t.test("word that was lost is asked for", async (t) => {
		const { near, nearSink } = await openEnds(t, { xdp });
		// More than the netlink socket has room for, while nobody reads it.
		ip("link add name other type veth peer name other2");
		const script = Array.from({ length: 400 }, (_, i) => `link set other mtu ${1400 + (i % 100)}`);
		execFileSync("ip", ["-batch", "-"], { input: [...script, "link set near mtu 4321"].join("\n") });
		t.equal(near.mtu, 1500, "nothing has been heard yet");
		await until("the MTU", () => near.mtu === 4321, LIMIT_MS);
		t.ok(nearSink.changes > 0);
		ip("link delete other");
		execFileSync("ip", ["-batch", "-"], {
			input: ["link delete near", ...script.map(() => "link set lo mtu 65536\nlink set lo mtu 65535")].join(
				"\n",
			),
		});
		await until("the end", () => near.status === "gone", LIMIT_MS);
		await layCable(1500);
		await until("it is back", () => near.status === "up", LIMIT_MS);
	});
}

function goneAndBack(t: Test, xdp: boolean): void {
	t.test("deleted, and made again with the same name", async (t) => {
		const { pump, near, far, nearSink, farSink } = await openEnds(t, { xdp });
		for (const mtu of [1500, 4000]) {
			ip("link delete near");
			await until("the end", () => near.status === "gone" && far.status === "gone", LIMIT_MS);
			const { droppedOut } = near.stats;
			send(near, frameTo(far.mac, "nowhere"));
			pump.run();
			t.equal(near.stats.droppedOut, droppedOut + 1, "what is sent meanwhile is lost");
			const { changes } = nearSink;
			ip("link add name other type veth");
			ip("link delete other");
			await pause(20);
			t.equal(nearSink.changes, changes, "other interfaces are none of its business");
			await layCable(mtu);
			await until("the MTU", () => near.mtu === mtu && far.mtu === mtu, LIMIT_MS);
			await heard(far, near, nearSink, mtu + 14, LIMIT_MS);
			await heard(near, far, farSink, mtu + 14, LIMIT_MS);
			t.equal(near.mac, interfaceInfo("near")?.mac);
		}
	});

	t.test("a sink may close the link that hands it a frame", async (t) => {
		const { pump, near, far, nearSink } = await openEnds(t, { xdp });
		nearSink.onFrame = () => void near.close();
		for (let number = 0; number < 10; number++) send(far, frameTo(near.mac, "x"));
		pump.run();
		await until("a frame", () => nearSink.frames.length > 0, LIMIT_MS);
		await pause(20);
		t.equal(nearSink.frames.length, 1, "it gets no more");
	});
}

t.setTimeout(230_000);

if (await inNamespace(import.meta.url)) {
	for (const xdp of [false, true])
		await t.test(`${xdp ? "with" : "without"} an XDP socket`, async (t) => {
			upAndDown(t, xdp);
			otherProperties(t, xdp);
			goneAndBack(t, xdp);
		});
}
