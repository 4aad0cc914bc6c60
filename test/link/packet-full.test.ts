// Packet sockets whose ring, socket or device is full: what is lost is counted, what waits is sent as it was.

import t, { type Test } from "tap";
import { nativeMemory } from "../../lib/native.js";
import { until } from "../support/cleanup.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { ip, layCable, tc } from "./cable.js";
import { frameTo, heard, openEnds, send } from "./packet-bench.js";

const OTHER_MAC = 0x02aabbccddee;

function fullRings(t: Test): void {
	t.test("many times round the ring", async (t) => {
		const { pump, near, far, nearSink } = await openEnds(t);
		const total = 5000;
		for (let number = 0; number < total; ) {
			for (let batch = 0; batch < 100; batch++, number++) send(far, frameTo(near.mac, `frame ${number}`));
			pump.run();
			await until("the batch", () => nearSink.frames.length === number, LIMIT_MS);
		}
		t.strictSame(
			nearSink.texts(),
			Array.from({ length: total }, (_, number) => `frame ${number}`),
		);
		t.match(near.stats, { framesIn: total, droppedIn: 0 });
	});

	t.test("a ring that overflows loses frames, counts them and goes on", async (t) => {
		const { pump, near, far, nearSink } = await openEnds(t);
		const total = 900;
		// Nobody looks at the ring meanwhile.
		for (let number = 0; number < total; number++) {
			send(far, frameTo(near.mac, `frame ${number}`));
			if (number % 100 === 99) pump.run();
		}
		await until(
			"all are accounted for",
			() => near.stats.framesIn + near.stats.droppedIn === total,
			LIMIT_MS,
		);
		t.ok(near.stats.droppedIn > 0, `${near.stats.droppedIn} lost`);
		t.strictSame(
			nearSink.texts(),
			Array.from({ length: near.stats.framesIn }, (_, number) => `frame ${number}`),
		);
		t.equal(far.stats.framesOut, total);
		await heard(far, near, nearSink);
	});
}

function lostFrames(t: Test): void {
	t.test("a device whose queue is full loses frames, and only those", async (t) => {
		const { pump, near, far, farSink } = await openEnds(t);
		tc("qdisc add dev near root tbf rate 8kbit burst 2kb limit 4kb");
		for (let number = 0; number < 100; number++) send(near, frameTo(far.mac, Buffer.alloc(1000)));
		pump.run();
		const { framesOut, droppedOut } = near.stats;
		t.equal(framesOut + droppedOut, 100);
		t.ok(framesOut > 0 && droppedOut > 0, `${droppedOut} lost`);
		tc("qdisc del dev near root");
		await heard(near, far, farSink);
	});

	t.test("a frame whose data is gone is lost, its neighbours are not", async (t) => {
		const { pump, near, far, farSink } = await openEnds(t);
		send(near, frameTo(far.mac, "before"));
		send(near, frameTo(far.mac, "gone").subarray(0, 20), 4096, 512);
		send(near, frameTo(far.mac, "after"));
		pump.run();
		await until("two frames", () => farSink.frames.length === 2, LIMIT_MS);
		t.strictSame(farSink.texts(), ["before", "after"]);
		t.match(near.stats, { framesOut: 2, droppedOut: 1 });
	});
}

function fullSockets(t: Test): void {
	t.test("frames that wait for a full socket carry the data of their time", async (t) => {
		const { pump, near, far, farSink } = await openEnds(t);
		tc("qdisc add dev near root tbf rate 8kbit burst 4kb limit 1gb");
		const batch = 32;
		const data = nativeMemory(batch * 1000);
		let number = 0;
		while (near.stats.framesOut === number)
			for (let i = 0; i < batch; i++, number++) {
				data.bytes.fill(number & 0xff, i * 1000, (i + 1) * 1000);
				if (
					!send(
						near,
						frameTo(far.mac, String(number).padStart(6)).subarray(0, 20),
						data.address + i * 1000,
						1000,
					)
				)
					throw new Error("no slot");
				if (i === batch - 1) {
					pump.run();
					data.bytes.fill(0xee);
				}
			}
		t.ok(number > near.stats.framesOut, `blocked after ${near.stats.framesOut} of ${number} frames`);
		// Those that are sent now wait behind them.
		for (; ; number++) {
			data.bytes.fill(number & 0xff, 0, 1000);
			if (!send(near, frameTo(far.mac, String(number).padStart(6)).subarray(0, 20), data.address, 1000))
				break;
			data.bytes.fill(0xee);
		}
		pump.run();
		tc("qdisc change dev near root tbf rate 10gbit burst 1mb limit 1gb");
		await until("all frames", () => farSink.frames.length === number, LIMIT_MS);
		// The two processors may let frames pass each other.
		const numbers = farSink.frames.map((frame) => Number(frame.subarray(14, 20).toString()));
		t.equal(new Set(numbers).size, number, `${number} frames, each once`);
		const spoiled = farSink.frames.filter(
			(frame, index) =>
				frame.length !== 1020 ||
				!frame.subarray(20).every((byte) => byte === ((numbers[index] ?? -1) & 0xff)),
		);
		t.equal(spoiled.length, 0, "each with its data");
		t.match(near.stats, { framesOut: number, droppedOut: 0 });
		await heard(near, far, farSink);
	});
}

function endsOfFullSockets(t: Test): void {
	t.test("a link can be closed while its socket is full", async (t) => {
		const { pump, near } = await openEnds(t);
		tc("qdisc add dev near root tbf rate 8kbit burst 4kb limit 1gb");
		while (send(near, frameTo(OTHER_MAC, Buffer.alloc(1400)))) pump.run();
		await near.close();
		await near.close();
		t.pass("closed");
	});

	t.test("deleted while its socket is full", async (t) => {
		const { pump, near, far, nearSink, farSink } = await openEnds(t);
		tc("qdisc add dev near root tbf rate 8kbit burst 4kb limit 1gb");
		while (send(near, frameTo(OTHER_MAC, Buffer.alloc(1400)))) pump.run();
		ip("link delete near");
		await until("the end", () => !near.up, LIMIT_MS);
		await layCable(1500);
		await heard(far, near, nearSink);
		await heard(near, far, farSink);
		t.equal(near.acquire() === undefined, false, "the slots of what was lost are free again");
	});
}

t.setTimeout(230_000);

if (await inNamespace(import.meta.url)) {
	fullRings(t);
	lostFrames(t);
	fullSockets(t);
	endsOfFullSockets(t);
}
