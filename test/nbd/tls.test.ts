// TLS of the NBD server against whoever does what he should not: silence, bytes that were sent before, renegotiation, ends in the middle,
// another's name; threads that end.

import { readFileSync } from "node:fs";
import { Socket } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import type { ConnectionOptions } from "node:tls";
import t from "tap";
import { native } from "../../lib/native.js";
import { Command, Option, OptionReply } from "../../lib/nbd/protocol.js";
import { SocketStream } from "../../lib/stream/socket-stream.js";
import { type TlsMaterial, type TlsSide, understood } from "../../lib/tls/side.js";
import { TlsThreads } from "../../lib/tls/threads.js";
import { contextQuery, nameQuery, TestClient } from "./client.js";
import { begun, descriptors, made, secured, under } from "./tls-under.js";

t.test(
	"what was said before TLS counts for nothing behind it; what comes in the clear is not taken for what is behind",
	async (t) => {
		const all = await under(t);
		const tls = await secured(await begun(all));
		const behind = new TestClient(tls);
		// (Structured replies were not asked for behind TLS.)
		behind.option(Option.setMetaContext, Buffer.alloc(8));
		t.equal((await behind.answers()).at(-1)?.reply, OptionReply.errInvalid);
		behind.option(Option.startTls);
		t.equal((await behind.answers()).at(-1)?.reply, OptionReply.errInvalid, "and TLS is not begun twice");
		behind.option(Option.go, nameQuery("web"));
		t.equal((await behind.answers()).at(-1)?.reply, OptionReply.ack);
		const [connection] = all.server.server.connections();
		t.equal(connection?.stream.identity, "cn:backup");
		t.match(connection?.stream.encryption, /^TLSv1\.3 TLS_/);
		tls.destroy();

		const injected = await begun(all);
		injected.write(Buffer.concat([Buffer.from("IHAVEOPT"), Buffer.from([0, 0, 0, 3, 0, 0, 0, 0])]));
		t.equal(await all.refusal(), "what the other end sends is no TLS");
		injected.destroy();
	},
);

t.test(
	"who sends nothing, a little, nonsense, or ends in the middle is gone within the limit, and leaves nothing",
	async (t) => {
		const all = await under(t);
		const first = await secured(await begun(all));
		const welcome = new TestClient(first);
		welcome.option(Option.abort);
		await welcome.answers();
		first.destroy();
		while ([...all.server.server.connections()].length > 0) await turn();
		const before = descriptors();
		const silent = await begun(all);
		const slow = await begun(all);
		// The first bytes of a ClientHello.
		slow.write(Buffer.from([22, 3, 1, 2]));
		all.clock.pass(9999);
		t.same(all.refusals, []);
		all.clock.pass(1);
		t.equal(await all.refusal(), "it took too long");
		t.equal(await all.refusal(), "it took too long");
		const nonsense = await begun(all);
		nonsense.write(Buffer.alloc(100_000, "GET / HTTP/1.1\r\n"));
		t.match(await all.refusal(), /is no TLS/);
		const gone = await begun(all);
		gone.end(Buffer.from([22, 3, 1]));
		t.equal(await all.refusal(), "the other end has hung up");
		for (const each of [silent, slow, nonsense, gone]) each.destroy();
		while (descriptors() > before) await turn();
		t.pass("no descriptor is left");
	},
);

t.test("old TLS, renegotiation and a client without a certificate are refused", async (t) => {
	const all = await under(t);
	const old = await begun(all);
	await t.rejects(
		secured(old, { maxVersion: "TLSv1.1", minVersion: "TLSv1", ciphers: "DEFAULT@SECLEVEL=0" }),
	);
	t.equal(await all.refusal(), "the other end speaks no TLS that is new enough");
	const again = await secured(await begun(all), { maxVersion: "TLSv1.2" });
	t.equal(again.getProtocol(), "TLSv1.2");
	const error = await new Promise((resolve) => {
		again.once("error", resolve);
		again.once("close", () => resolve("closed"));
		again.renegotiate({}, (error) => resolve(error ?? "it was done"));
	});
	t.not(error, "it was done");
	again.destroy();
	const without = new TestClient(await secured(await begun(all), { cert: undefined, key: undefined }));
	t.equal(await all.refusal(), "this client has shown no certificate");
	for (const [option, data] of [
		[Option.go, nameQuery("web")],
		[Option.list, Buffer.alloc(0)],
		[Option.structuredReply, Buffer.alloc(0)],
	] as const) {
		without.option(option, data);
		const answers = await without.answers();
		t.equal(answers.length, 1);
		t.equal(answers[0]?.reply, OptionReply.errPolicy);
		t.equal(answers[0]?.data.toString(), "this client has shown no certificate");
	}
});

t.test(
	"handshakes that stop keep nobody out: for one more than there may be, the oldest is cut off",
	async (t) => {
		const all = await under(t);
		const stopped: Socket[] = [];
		for (let i = 0; i < 256; i++) stopped.push(await begun(all));
		t.same(all.refusals, []);
		const tls = await secured(await begun(all));
		t.equal(await all.refusal(), "it took too long");
		t.equal(all.refusals.length, 1);
		tls.destroy();
		for (const each of stopped) each.destroy();
	},
);

t.test("an end without a goodbye is an end", async (t) => {
	const all = await under(t);
	const socket = await begun(all);
	const tls = await secured(socket);
	const behind = new TestClient(tls);
	behind.option(Option.go, nameQuery("web"));
	await behind.answers();
	socket.destroy();
	while ([...all.server.server.connections()].length > 0) await turn();
	t.same(all.server.troubles, ["the client has hung up"], "as without TLS");
});

t.test(
	"whoever calls himself by the name of another cuts off nobody whom he has not proved to be",
	async (t) => {
		const all = await under(t);
		const session = contextQuery("web", ["vblade:session:abc"]);
		const joined = async (options: ConnectionOptions = {}): Promise<TestClient> => {
			const behind = new TestClient(await secured(await begun(all), options));
			for (const [option, data] of [
				[Option.structuredReply, Buffer.alloc(0)],
				[Option.setMetaContext, session],
				[Option.go, nameQuery("web")],
			] as const) {
				behind.option(option, data);
				t.equal((await behind.answers()).at(-1)?.reply, OptionReply.ack);
			}
			return behind;
		};
		const [mine, stranger] = [await joined(), made.make("stranger")];
		const theirs = await joined({
			cert: readFileSync(stranger.certificate),
			key: readFileSync(stranger.key),
		});
		t.same(all.server.troubles, []);
		const again = await joined();
		t.equal(await mine.over(), 0);
		t.same(all.server.troubles, ["the client has connected anew"]);
		for (const each of [theirs, again]) {
			each.request(Command.read, 1n, 0, 512);
			t.equal((await each.chunks()).at(-1)!.cookie, 1n, "it is answered");
			each.end();
		}
	},
);

t.test(
	"threads that end take their connections along; who comes too late, or has no material, hears why",
	async (t) => {
		const threads = new TlsThreads(1);
		const signal = new AbortController().signal;
		const given = (side: TlsSide, signal: AbortSignal) => {
			const [ours, theirs] = native.socketPair();
			const over = new Promise<void>((resolve) =>
				new Socket({ fd: ours })
					.on("close", resolve)
					.on("error", () => {})
					.resume(),
			);
			return { over, secured: threads.secure(new SocketStream(theirs, "test"), side, signal) };
		};
		const side = (material: TlsMaterial): TlsSide => ({
			handle: understood("server", material),
			host: null,
			identity: null,
		});
		const nonsense = given(side({ certificate: "no certificate", key: "no key" }), signal);
		t.ok("why" in (await nonsense.secured));
		await nonsense.over;
		const late = given(side({}), AbortSignal.abort());
		t.match(await late.secured, { why: "it took too long" });
		await late.over;
		const waiting = given(side({}), signal);
		t.equal(threads.connectionCount, 1);
		threads.close();
		t.match(await waiting.secured, { why: "the server is being closed" });
		await waiting.over;
		const after = given(side({}), signal);
		t.match(await after.secured, { why: "the server is being closed" });
		await after.over;
		t.equal(threads.connectionCount, 0);
	},
);
