// A client whose machine, or the line to it, is gone without a word: whoever listens is told after as long as was said, though nothing is to be sent.
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import t from "tap";
import { nativeMemory } from "../../lib/native.js";
import { Listener, listenOnTcp } from "../../lib/stream/listener.js";
import type { ByteStream } from "../../lib/stream/stream.js";
import { until } from "../support/cleanup.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";

const SILENCE_MS = 2_000;

if (await inNamespace(import.meta.url)) {
	const loopback = (state: "up" | "down") =>
		execFileSync("ip", ["link", "set", "lo", state], { timeout: LIMIT_MS });
	loopback("up");

	t.test("whoever listens is told", async (t) => {
		const memory = nativeMemory(8);
		const taken: ByteStream[] = [];
		let hasBroken = false;
		const listener = new Listener(listenOnTcp("127.0.0.1", 0, SILENCE_MS), (stream) => {
			taken.push(stream);
			stream.attach({
				readable: () => t.fail(`received ${stream.receive(memory, 0, 8)}`),
				writable: () => {},
				broken: () => {
					hasBroken = true;
					stream.close();
				},
			});
			stream.wantReadable(true);
		});
		t.teardown(() => listener.close());
		t.teardown(() => taken[0]?.close());
		const client = connect(Number(listener.name.split(":")[1]), "127.0.0.1");
		t.teardown(() => client.destroy());
		await once(client, "connect");
		await until("it is taken in", () => taken.length === 1, LIMIT_MS);
		t.notOk(hasBroken);
		loopback("down");
		await until("it is told", () => hasBroken, LIMIT_MS);
		t.equal(taken[0]?.trouble, "ETIMEDOUT");
	});
}
