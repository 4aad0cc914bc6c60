// TLS of the NBD server against whoever means harm: a thousand handshakes that stop, alerts without end, data before it is time for any, a
// greeting of TLS that never ends. All of it is bounded and told, others are served meanwhile, and nothing is left in the end.

import { Socket } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import { connect } from "node:tls";
import t, { type Test } from "tap";
import { native } from "../../lib/native.js";
import { Command, NbdError, Option } from "../../lib/nbd/protocol.js";
import { TestClient } from "./client.js";
import { begun, descriptors, secured, type Under, under } from "./tls-under.js";

/** Of one handshake: our end, and in the server's thread the connection and both ends of what is encrypted. */
const DESCRIPTORS = 4;
const HANDSHAKES_MAX = 256;

const record = (kind: number, data: Uint8Array): Buffer => {
	const head = Buffer.from([kind, 3, 3, 0, 0]);
	head.writeUInt16BE(data.length, 3);
	return Buffer.concat([head, data]);
};

/** What a client of TLS begins with. */
async function greeting(): Promise<Buffer> {
	const [ours, theirs] = native.socketPair();
	const far = new Socket({ fd: theirs, readable: true, writable: true });
	const tls = connect({
		socket: new Socket({ fd: ours, readable: true, writable: true }),
		servername: "localhost",
	});
	tls.on("error", () => {});
	const bytes = await new Promise<Buffer>((resolve) => far.once("data", resolve));
	tls.destroy();
	far.destroy();
	return bytes;
}

/** One that has begun TLS says this: it is refused, and its connection is over. */
async function refusalOf(all: Under, bytes: Uint8Array): Promise<string> {
	const socket = await begun(all);
	const over = new Promise((resolve) => socket.once("close", resolve));
	socket.resume();
	socket.write(bytes);
	const why = await all.refusal();
	await over;
	return why;
}

t.test("a thousand that stop in the handshake, while plain clients are served", async (t) => {
	const all = await under(t, false);
	const first = new TestClient(await secured(await begun(all)));
	first.option(Option.abort);
	await first.answers();
	first.end();
	while ([...all.server.server.connections()].length > 0) await turn();
	const before = descriptors();
	const plain = all.server.connect();
	await plain.go();
	const stopped: Socket[] = [];
	const hello = await greeting();
	for (let i = 0; i < 1000; i++) {
		const socket = await begun(all);
		stopped.push(socket);
		socket.resume();
		socket.write(hello.subarray(0, 1 + (i % (hello.length - 1))));
		if (i % 20 > 0) continue;
		t.equal(await plain.write(4096 * i, Buffer.alloc(4096, 1)), NbdError.none);
		plain.request(Command.read, 1n, 4096 * i, 4096);
		await plain.chunks();
	}
	while (all.refusals.length < 1000 - HANDSHAKES_MAX) await turn();
	t.equal(all.refusals.length, 1000 - HANDSHAKES_MAX, "for each that is too many the oldest is cut off");
	const most = before + 1000 + DESCRIPTORS * HANDSHAKES_MAX;
	while (descriptors() > most) await turn();
	for (const each of stopped) each.destroy();
	plain.end();
	while (descriptors() > before) await turn();
	t.pass("and none is left");
});

async function bad(t: Test): Promise<void> {
	const all = await under(t);
	const hello = await greeting();
	const alerts = Buffer.concat(Array.from({ length: 10_000 }, () => record(21, Buffer.from([1, 90]))));
	t.ok(await refusalOf(all, alerts), "alerts without end");
	t.ok(await refusalOf(all, Buffer.concat([hello, alerts])), "and behind a greeting");
	const early = record(23, Buffer.alloc(16_384, "IHAVEOPT"));
	t.ok(await refusalOf(all, early), "data before anything");
	t.ok(
		await refusalOf(all, Buffer.concat([hello, early, early])),
		"data behind a greeting that has said nothing of it",
	);
	const endless = Buffer.alloc(16_384);
	endless.set([1, 0xff, 0xff, 0xff]);
	const more = Array.from({ length: 64 }, () => record(22, Buffer.alloc(16_384)));
	t.ok(await refusalOf(all, Buffer.concat([record(22, endless), ...more])), "a greeting of 16 MiB");
	t.ok(await refusalOf(all, Buffer.concat([hello, hello, hello])), "one after the other");
	t.equal(all.server.server.insecure, 6);
	t.same(all.server.troubles, [], "none of it was taken for NBD");
	const client = await secured(await begun(all));
	t.ok(client.encrypted, "others come in");
	client.destroy();
}

t.test("what makes no sense is refused, told, and no option of NBD", bad);
