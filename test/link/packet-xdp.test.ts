// Sending by an XDP socket: every length arrives, data from elsewhere too, and what can't go this way goes by the queue.

import t, { type Test } from "tap";
import { PacketLink } from "../../lib/link/packet.js";
import { nativeMemory } from "../../lib/native.js";
import { until } from "../support/cleanup.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { Program } from "../support/process.js";
import { frameTo, openEnds, send } from "./packet-bench.js";

/** Allows frames that are too long for an XDP socket. */
const LONG_MTU = 12_000;

/** Whether a frame that leaves the interface is seen there; by the queue it is. */
async function startWatch(t: Test, interfaceName: string): Promise<() => string[]> {
	const program = [
		"import socket",
		"port = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))",
		`port.bind(('${interfaceName}', 3))`,
		"print('ready', flush=True)",
		"while True:",
		"    frame, address = port.recvfrom(20000)",
		"    if address[2] == 4: print(frame[14:].rstrip(b'\\0').decode('latin1')[:20], flush=True)",
	].join("\n");
	const watch = new Program(["python3", "-c", program]);
	t.teardown(() => watch.stop("SIGKILL"));
	await watch.waitFor(/^ready$/m, LIMIT_MS);
	return () => watch.stdout.split("\n").slice(1, -1);
}

function intact(t: Test): void {
	t.test("frames of every length arrive, each once and as they were sent", async (t) => {
		const { pump, near, far, farSink } = await openEnds(t, { nearMtu: LONG_MTU, xdp: true });
		t.notOk(near.gathersFast, "not all that the MTU allows can go this way");
		// Chunks end at 4096 and 8192; what is longer than 9216 goes by the queue.
		const lengths = [60, 61, 4095, 4096, 4097, 8191, 8192, 8193, 9014, 9216, 9217, LONG_MTU + 14];
		const total = 2000;
		const sent: string[] = [];
		for (let number = 0; number < total; ) {
			for (let batch = 0; batch < 50; batch++, number++) {
				const frame = frameTo(
					far.mac,
					Buffer.alloc((lengths[number % lengths.length] ?? 60) - 14, `${number},`),
				);
				sent.push(frame.toString("latin1"));
				send(near, frame);
			}
			pump.run();
			await until("the batch", () => farSink.frames.length === number, LIMIT_MS);
		}
		const received = farSink.frames.map((frame) => frame.toString("latin1")).sort();
		sent.sort();
		t.ok(received.every((frame, index) => frame === sent[index]));
		t.match(near.stats, { framesOut: total, droppedOut: 0 });
		t.match(far.stats, { framesIn: total, droppedIn: 0 });
	});

	t.test("data from elsewhere is behind the head, however both fit into chunks", async (t) => {
		const { pump, near, far, farSink } = await openEnds(t, { nearMtu: 9000, xdp: true });
		t.ok(near.gathersFast);
		const data = nativeMemory(9000);
		data.bytes.forEach((_, index) => {
			data.bytes[index] = index % 251;
		});
		// A frame that was cut short would be filled up.
		const lengths = [24, 512, 4060, 4061, 4096, 4097, 8191, 8192, 8193, 8978];
		const head = frameTo(far.mac, Buffer.alloc(22, "h")).subarray(0, 36);
		for (const [index, length] of lengths.entries()) {
			send(near, head, data.address + index, length);
			pump.run();
		}
		await until("all", () => farSink.frames.length === lengths.length, LIMIT_MS);
		for (const [index, length] of lengths.entries()) {
			const frame = farSink.frames[index] ?? Buffer.alloc(0);
			t.ok(frame.subarray(0, 36).equals(head), `${length}: its head`);
			t.ok(frame.subarray(36).equals(data.bytes.subarray(index, index + length)), `${length}: its data`);
		}
		t.match(near.stats, { framesOut: lengths.length, droppedOut: 0 });
	});
}

function pastTheQueue(t: Test): void {
	t.test(
		"short frames are past the queue and unseen, long ones and those of another process are not",
		async (t) => {
			const { pump, near, far, farSink } = await openEnds(t, { nearMtu: LONG_MTU, xdp: true });
			const told: string[] = [];
			const log = (message: string, level = "warn") => void told.push(`${level}: ${message}`);
			const other = new PacketLink("near", pump, { framesInFlight: 16, xdp: true, log });
			t.teardown(() => other.close());
			const refusal = "verbose: near: sends without an XDP socket (bind: Device or resource busy)";
			t.strictSame(told, [refusal], "whoever wonders is told why it has no XDP socket");
			const seen = await startWatch(t, "near");
			send(near, frameTo(far.mac, "directly"));
			send(near, frameTo(far.mac, Buffer.concat([Buffer.from("queued "), Buffer.alloc(9300)])));
			send(other, frameTo(far.mac, "has none"));
			pump.run();
			await until("all", () => farSink.frames.length === 3, LIMIT_MS);
			await until("two are seen", () => seen().length === 2, LIMIT_MS);
			t.strictSame(seen().sort(), ["has none", "queued "]);
		},
	);
}

t.setTimeout(230_000);

if (await inNamespace(import.meta.url)) {
	intact(t);
	pastTheQueue(t);
}
