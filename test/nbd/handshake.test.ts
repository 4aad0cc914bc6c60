// The handshake of NBD over real sockets: exports by name, the old way and the new one, what is told of them, contexts; and whatever makes
// no sense, which is answered, or ends the connection, and never more.

import { setImmediate as nextTurn } from "node:timers/promises";
import t from "tap";
import {
	Command,
	HandshakeFlag,
	Info,
	NbdError,
	Option,
	OptionReply,
	TransmissionFlag,
} from "../../lib/nbd/protocol.js";
import { Random } from "../../lib/random.js";
import { VirtualClock } from "../../lib/testing/virtual-clock.js";
import { STEPS_PER_TURN, turn } from "../../lib/turn.js";
import { contextQuery, MIB, nameQuery, ServerUnderTest } from "./client.js";

function under(options = {}): ServerUnderTest {
	const server = new ServerUnderTest(undefined, options);
	t.teardown(() => server.close());
	return server;
}

t.test("an export is told of: size, flags, name, description, block sizes", async (t) => {
	const client = under().connect();
	await client.greet();
	client.option(Option.info, nameQuery("", [Info.name, Info.description, Info.blockSize]));
	const answers = await client.answers();
	const infos = new Map(answers.map(({ data }) => [data.length > 1 ? data.readUInt16BE() : -1, data]));
	t.equal(infos.get(Info.export)?.readBigUInt64BE(2), BigInt(64 * MIB));
	const flags = infos.get(Info.export)?.readUInt16BE(10) ?? 0;
	const { sendFlush, sendFua, canMultiConn, sendTrim, sendWriteZeroes, readOnly, sendDf } = TransmissionFlag;
	const wanted = sendFlush | sendFua | canMultiConn | sendTrim | sendWriteZeroes;
	t.equal(flags & (wanted | readOnly | sendDf), wanted, "one piece is for structured replies alone");
	t.equal(infos.get(Info.name)?.subarray(2).toString(), "web");
	t.equal(infos.get(Info.description)?.subarray(2).toString(), "a test");
	t.same(
		[2, 6, 10].map((at) => infos.get(Info.blockSize)?.readUInt32BE(at)),
		[512, 4096, 32 * MIB],
	);
	t.equal(answers.at(-1)?.reply, OptionReply.ack);
});

t.test("the old way: size and flags, zeros or none, and requests at once", async (t) => {
	for (const flags of [HandshakeFlag.fixedNewstyle, 3]) {
		const client = under().connect();
		await client.greet(flags);
		client.option(Option.exportName, Buffer.from("web"));
		client.request(0, 5n, 0, 512);
		const size = await client.take(8);
		t.equal(size.readBigUInt64BE(), BigInt(64 * MIB));
		await client.take(2 + (flags === 3 ? 0 : 124));
		t.same(await client.simple(), { error: NbdError.none, cookie: 5n });
	}
	const client = under().connect();
	await client.greet();
	client.option(Option.exportName, Buffer.from("none"));
	t.equal(await client.over(), 0, "there is no other way to refuse");
});

t.test("exports are listed, but for those that a client may not have", async (t) => {
	const server = under();
	const { disk } = server;
	server.server.add({ name: "secret", description: "", disk, accessOf: () => "none" });
	server.server.add({ name: "é".repeat(100), description: "", disk, accessOf: () => "read" });
	const client = server.connect();
	await client.greet();
	client.option(Option.list);
	const names = (await client.answers()).flatMap(({ reply, data }) =>
		reply === OptionReply.server ? [data.subarray(4, 4 + data.readUInt32BE()).toString()] : [],
	);
	t.same(names, ["web", "é".repeat(100)]);
	client.option(Option.go, nameQuery("secret"));
	t.equal((await client.answers()).at(-1)?.reply, OptionReply.errPolicy, "it is told why");
	client.option(Option.go, nameQuery("other"));
	t.equal((await client.answers()).at(-1)?.reply, OptionReply.errUnknown);
	client.option(Option.list, Buffer.from("x"));
	t.equal((await client.answers()).at(-1)?.reply, OptionReply.errInvalid);
});

t.test("contexts: those that there are, for the export that was meant", async (t) => {
	const client = under().connect();
	await client.greet();
	client.option(Option.setMetaContext, contextQuery("web", ["base:allocation"]));
	t.equal((await client.answers()).at(-1)?.reply, OptionReply.errInvalid, "structured replies come first");
	client.option(Option.structuredReply);
	await client.answers();
	const count = async (option: number, queries: readonly string[]): Promise<number> => {
		client.option(option, contextQuery("web", queries));
		return (await client.answers()).length - 1;
	};
	t.equal(await count(Option.listMetaContext, []), 1);
	t.equal(await count(Option.listMetaContext, ["base:"]), 1);
	t.equal(await count(Option.listMetaContext, ["qemu:"]), 0);
	t.equal(await count(Option.setMetaContext, ["base:", "qemu:dirty-bitmap:x"]), 0);
	t.equal(await count(Option.setMetaContext, ["base:allocation"]), 1);
});

t.test("a client that connects anew is cut off where it was before, and nobody else", async (t) => {
	const server = under();
	const sessions = ["vblade:session:abc", "vblade:session:abd", "vblade:session:", "vblade:session:a b"];
	const [mine, others, none, wrong] = await Promise.all(
		sessions.map(async (session) => {
			const client = server.connect();
			await client.go("web", true, [session]);
			return client;
		}),
	);
	const again = server.connect();
	await again.go("web", true, ["base:allocation", sessions[0]!]);
	t.equal(await mine!.over(), 0);
	t.same(server.troubles, ["the client has connected anew"]);
	for (const client of [none!, wrong!, others!, again]) {
		client.request(Command.read, 1n, 0, 512);
		t.equal((await client.chunks()).at(-1)!.cookie, 1n, "it is answered");
	}
});

t.test("what makes no sense is answered, and the next option is heard", async (t) => {
	const client = under().connect();
	await client.greet();
	const cases: [option: number, data: Buffer, reply: number][] = [
		[77, Buffer.alloc(10), OptionReply.errUnsupported],
		[11, Buffer.alloc(0), OptionReply.errUnsupported],
		[Option.structuredReply, Buffer.alloc(1), OptionReply.errInvalid],
		[Option.startTls, Buffer.alloc(0), OptionReply.errPolicy],
		[Option.go, Buffer.alloc(0), OptionReply.errInvalid],
		[Option.go, Buffer.from([0xff, 0xff, 0xff, 0xff, 0, 0]), OptionReply.errInvalid],
		[Option.go, nameQuery("a".repeat(5000)), OptionReply.errInvalid],
		[Option.go, nameQuery("a".repeat(4096)), OptionReply.errUnknown],
		[Option.info, Buffer.concat([nameQuery("web"), Buffer.alloc(1)]), OptionReply.errInvalid],
		[Option.info, Buffer.alloc(100_000), OptionReply.errTooBig],
		[Option.list, Buffer.alloc(1), OptionReply.errInvalid],
	];
	for (const [option, data, reply] of cases) {
		client.option(option, data);
		t.equal((await client.answers()).at(-1)?.reply, reply, `option ${option}, ${data.length} bytes`);
	}
	client.option(Option.go, nameQuery("web"));
	t.equal((await client.answers()).at(-1)?.reply, OptionReply.ack);
});

t.test("what is no handshake ends the connection, and so does one that takes too long", async (t) => {
	const clock = new VirtualClock();
	const server = under({ clock });
	for (const flags of [0, 2, 8]) {
		const client = server.connect();
		await client.greet(flags);
		await client.over();
	}
	const client = server.connect();
	await client.greet();
	client.send(Buffer.from("GET / HTTP/1.1\r\n\r\n"));
	await client.over();
	const slow = server.connect();
	await slow.take(18);
	clock.pass(10_001);
	await slow.over();
	t.equal(server.troubles.length, 5);
	t.equal([...server.server.connections()].length, 0);
});

t.test("more clients than there may be are refused, others go on", async (t) => {
	const server = under({ connectionsMax: 3 });
	const clients = [server.connect(), server.connect(), server.connect()];
	const fourth = server.connect();
	t.equal(await fourth.over(), 0);
	for (const client of clients) await client.go();
	clients[0]!.end();
	for (let left = 2000; left > 0 && [...server.server.connections()].length > 2; left--)
		await new Promise((resolve) => setTimeout(resolve, 5));
	await server.connect().go();
	t.equal(server.server.refused, 1);
});

t.test("one client alone does not have all places, and has those again that it gives back", async (t) => {
	const crowded: string[] = [];
	const server = under({ connectionsMax: 8, onCrowded: ({ peer }: { peer: string }) => crowded.push(peer) });
	const clients = Array.from({ length: 6 }, (_, i) => server.connect(`192.0.2.7:${i + 1}`));
	for (const client of clients) await client.go();
	t.equal(await server.connect("192.0.2.7:9").over(), 0);
	t.same(crowded, ["192.0.2.7:9"]);
	await server.connect("192.0.2.8:1").go();
	clients[0]!.end();
	while ([...server.server.connections()].length > 6) await nextTurn();
	await server.connect("192.0.2.7:10").go();
});

t.test("a long list is told in parts, with turns of others between them", async (t) => {
	const server = under();
	for (let i = 1; i < 4096; i++) server.server.add({ ...server.exported, name: `disk${i}` });
	const client = server.connect();
	await client.greet();
	await nextTurn();
	const before = turn.total;
	let [last, most, isOver] = [before, 0, false];
	client.option(Option.list);
	const listed = client.answers().finally(() => {
		isOver = true;
	});
	while (!isOver) {
		await nextTurn();
		most = Math.max(most, turn.total - last);
		last = turn.total;
	}
	t.equal((await listed).length, 4097);
	t.ok(last - before >= 4096, `${last - before} steps in all`);
	t.ok(most <= STEPS_PER_TURN, `${most} in one turn`);
});

t.test("bytes of all kinds: the server answers, or hangs up, and goes on", async (t) => {
	const random = new Random();
	const server = under();
	for (let run = 0; run < 100; run++) {
		const client = server.connect();
		await client.take(18);
		const flags = Buffer.alloc(4);
		flags.writeUInt32BE(3);
		const pieces = Array.from({ length: 1 + random.below(4) }, () => {
			const data = Buffer.from(Array.from({ length: random.below(60) }, () => random.below(256)));
			const head = Buffer.from("IHAVEOPT");
			const rest = Buffer.alloc(8);
			rest.writeUInt32BE(random.below(13));
			rest.writeUInt32BE(random.chance(0.8) ? data.length : random.below(2 ** 31), 4);
			return Buffer.concat([head, rest, data]);
		});
		client.send(flags, ...pieces);
		await new Promise((resolve) => setTimeout(resolve, 2));
		client.end();
	}
	await server.connect().go();
	t.pass("it still serves");
});
