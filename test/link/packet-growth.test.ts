// Packet sockets that are to hold more frames than they were opened for: a larger ring and more rooms, and no frame is lost between.

import t, { type Test } from "tap";
import { until } from "../support/cleanup.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { ip } from "./cable.js";
import { frameTo, heard, openEnds, send } from "./packet-bench.js";

/** More than a ring for 256 frames holds, rounded up as it may be. */
const TOTAL = 900;

function texts(total: number): string[] {
	return Array.from({ length: total }, (_, number) => `frame ${number}`);
}

function growth(t: Test, xdp: boolean): void {
	t.test("the ring and the rooms are for twice as many as can be under way", async (t) => {
		const { pump, near, far, nearSink, farSink } = await openEnds(t, { xdp });
		t.equal(near.freeRooms, 256);
		near.makeRoom(255);
		t.equal(near.freeRooms, 256, "not yet");
		near.makeRoom(1024);
		t.equal(near.freeRooms, 2048);
		// Nobody looks at the ring meanwhile; see "a ring that overflows" for what one of the old size does.
		for (let number = 0; number < TOTAL; number++) {
			send(far, frameTo(near.mac, `frame ${number}`));
			if (number % 100 === 99) pump.run();
		}
		await until("all", () => nearSink.frames.length === TOTAL, LIMIT_MS);
		t.strictSame(nearSink.texts(), texts(TOTAL));
		t.equal(near.stats.droppedIn, 0);
		t.equal(nearSink.changes, 0, "it is the link that it was");
		await heard(near, far, farSink);
	});

	t.test("what is in the old ring is handed on, and what waits leaves", async (t) => {
		const { pump, near, far, nearSink, farSink } = await openEnds(t, { xdp });
		let [sent, answers] = [0, 0];
		nearSink.onFrame = () => {
			if (send(near, frameTo(far.mac, `frame ${answers}`))) answers += 1;
		};
		for (const framesInFlight of [256, 512, 1024, 2048, 4096]) {
			for (const end = sent + 200; sent < end; sent++) send(far, frameTo(near.mac, `frame ${sent}`));
			far.drain();
			near.makeRoom(framesInFlight);
			pump.run();
		}
		await until("the answers", () => farSink.frames.length === sent, LIMIT_MS);
		t.strictSame(nearSink.texts(), texts(sent), "each once, in order");
		t.strictSame(farSink.texts(), texts(sent));
		t.match(near.stats, { framesIn: sent, framesOut: sent, droppedIn: 0, droppedOut: 0 });
		t.equal(near.freeRooms, 8192);
		near.makeRoom(1e6);
		t.equal(near.freeRooms, 8192, "there is a bound");
	});
}

function ends(t: Test, xdp: boolean): void {
	t.test("while it is down: it hears as before when it is up", async (t) => {
		const { near, far, nearSink } = await openEnds(t, { xdp });
		ip("link set near down");
		await until("down", () => !near.up, LIMIT_MS);
		near.makeRoom(1024);
		t.equal(near.freeRooms, 2048);
		ip("link set near up");
		await until("up", () => near.up && far.up, LIMIT_MS);
		await heard(far, near, nearSink);
		await near.close();
		near.makeRoom(4096);
		t.pass("nor does it hurt a link that is closed");
	});

	t.test("a sink may close the link that hands it what was in the old ring", async (t) => {
		const { near, far, nearSink } = await openEnds(t, { xdp });
		nearSink.onFrame = () => void near.close();
		for (let number = 0; number < 10; number++) send(far, frameTo(near.mac, "x"));
		far.drain();
		near.makeRoom(1024);
		t.equal(nearSink.frames.length, 1, "it gets no more");
	});
}

t.setTimeout(230_000);

if (await inNamespace(import.meta.url)) {
	for (const xdp of [false, true])
		await t.test(`${xdp ? "with" : "without"} an XDP socket`, async (t) => {
			growth(t, xdp);
			ends(t, xdp);
		});
}
