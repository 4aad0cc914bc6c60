// NBD in the daemon: disks by name at the sockets of `[nbd] listen`, all of one worker; what a reload changes while clients are connected;
// who may have what; and clients that outlive a worker's sockets.

import { execFileSync } from "node:child_process";
import { connect } from "node:net";
import t, { type Test } from "tap";
import { Command, NbdError, Option, OptionReply } from "../../lib/nbd/protocol.js";
import { type Answer, DaemonTree } from "../daemon/tree-bench.js";
import { until } from "../support/cleanup.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { run } from "../support/process.js";
import { nameQuery, TestClient } from "./client.js";

const PORT = 10809;

function socketAt(address: string) {
	const [, host, port] = /^\[?([^\]]+)\]?:([0-9]+)$/.exec(address) ?? [];
	const path = address.startsWith("unix:") ? address.slice("unix:".length) : undefined;
	return path === undefined ? connect({ host, port: Number(port) }) : connect({ path });
}

const clientAt = (address: string): TestClient => new TestClient(socketAt(address));

/** Names and descriptions, as a client is told them. */
async function listAt(address: string): Promise<Record<string, string>> {
	const client = clientAt(address);
	await client.greet();
	client.option(Option.list);
	const answers = (await client.answers()).filter(({ reply }) => reply === OptionReply.server);
	client.end();
	return Object.fromEntries(
		answers.map(({ data }) => {
			const length = data.readUInt32BE();
			return [data.toString("utf8", 4, 4 + length), data.toString("utf8", 4 + length)];
		}),
	);
}

/** What comes of asking for a disk, and the words of a refusal. */
async function goAt(address: string, name: string): Promise<{ reply: number; words: string; flags: number }> {
	const client = clientAt(address);
	await client.greet();
	client.option(Option.go, nameQuery(name));
	const answers = await client.answers();
	client.end();
	const last = answers.at(-1)!;
	return { reply: last.reply, words: last.data.toString(), flags: answers[0]!.data.readUInt16BE(10) };
}

if (await inNamespace(import.meta.url)) {
	execFileSync("ip", ["link", "set", "lo", "up"], { timeout: LIMIT_MS });
	const tree = new DaemonTree();
	const unix = `unix:${tree.path("nbd.sock")}`;
	const four = `127.0.0.1:${PORT}`;
	const six = `[::1]:${PORT}`;
	const listen = (...addresses: readonly string[]): string =>
		`[nbd]\nlisten = ${JSON.stringify(addresses)}\n`;
	const disk = (name: string, nbd: string | undefined, more = ""): string =>
		`[disk.${name}]\nfile = "${tree.file(`${name}.img`)}"\n${more}${nbd === undefined ? "" : `[disk.${name}.nbd]\n${nbd}\n`}`;
	const aoe = `[disk.web.aoe]\naddress = "9.0"\nnetif = ["unix:${tree.frames}"]\n`;
	const configure = (...parts: readonly string[]): void => tree.configure(`workers = 2\n${parts.join("")}`);
	const web = disk("web", 'description = "of the web"', "limit = { iops = 1000000 }\n");
	const mail = disk("mail", 'name = "post"');
	configure(listen(unix, four, six), web, aoe, mail, disk("other", undefined));
	await tree.start();
	t.teardown(() => tree.stop());
	const reload = async (t: Test): Promise<void> => {
		t.ok(await tree.reload());
		await tree.nothingUnderWay();
	};

	t.test("all disks of NBD are at all its sockets, whatever worker they would be with", async (t) => {
		for (const address of [unix, four, six])
			t.strictSame(await listAt(address), { web: "of the web", post: "" }, address);
		const workers = await Promise.all(
			["web", "mail"].map(async (name) => (await tree.state(name, "open")).worker),
		);
		t.equal(workers[0], workers[1]);
		t.equal((await goAt(four, "")).reply, OptionReply.errUnknown, "with two none is the default");
	});

	t.test("what is written by NBD is read by AoE", async (t) => {
		const client = clientAt(four);
		await client.go("web", false);
		t.equal(await client.write(4096, Buffer.alloc(4096, 7)), NbdError.none);
		const remote = await tree.open(9, 0);
		t.ok((await remote.read(8, 1)).every((byte) => byte === 7));
		client.end();
	});

	t.test("who is connected is told, with what it does and how long that takes", async (t) => {
		const client = clientAt(unix);
		await client.go("web", false);
		t.equal(await client.write(0, Buffer.alloc(4096, 7)), NbdError.none);
		client.request(Command.read, 1n, 0, 8192);
		await client.simple();
		const told = async (): Promise<Answer["body"]> => (await tree.ask("GET", "/api/v1/disks/web")).body;
		const isTold = async (): Promise<boolean> =>
			JSON.stringify(await told()).includes('"readBytes":8192,"writes":1');
		await until("the client is told of", isTold, LIMIT_MS);
		const { nbd, latency, aoe } = await told();
		const uid = process.getuid?.();
		t.match(nbd, {
			name: "web",
			description: "of the web",
			clientCount: 1,
			clients: [
				{
					peer: new RegExp(`^unix:pid ${process.pid} uid ${uid}$`),
					readOnly: false,
					reads: 1,
					writtenBytes: 4096,
				},
			],
		});
		t.match(aoe, { address: "9.0" });
		t.match(latency, { read: { count: Number }, write: { count: Number } });
		const shown = await run([...tree.vblade, "disk", "show", "web", "--socket", tree.socket], LIMIT_MS);
		t.match(shown.output, /nbd clients +1, refused 0\nnbd client +unix:pid/);
		t.match((await tree.ask("GET", "/api/v1/status")).body, { counts: { nbdClients: 1 } });
		client.end();
		await until(
			"it has gone",
			async () => JSON.stringify(await told()).includes('"clientCount":0'),
			LIMIT_MS,
		);
		const events = JSON.stringify((await tree.ask("GET", "/api/v1/events")).body.events);
		for (const what of ["is connected", "has gone"])
			t.match(events, new RegExp(`"nbd-client"[^}]*"disk":"web"[^}]*unix:pid ${process.pid}[^}]*${what}`));
	});

	t.test("a reload: disks come, are called otherwise and go, and others do not notice", async (t) => {
		const stays = clientAt(four);
		await stays.go("web", false);
		const leaves = clientAt(unix);
		await leaves.go("post", false);
		configure(listen(unix, four), web, aoe, disk("mail", 'name = "letters"'), disk("other", ""));
		await reload(t);
		t.equal(await leaves.over(), 0, "who had one by its old name is cut off");
		t.strictSame(await listAt(four), { web: "of the web", letters: "", other: "" });
		t.equal(await stays.write(0, Buffer.alloc(512, 1)), NbdError.none);
		const isGone = (): Promise<boolean> =>
			listAt(six).then(
				() => false,
				() => true,
			);
		await until("nobody listens there any more", isGone, LIMIT_MS);
		configure(listen(unix, four, six), web, aoe);
		await reload(t);
		await until("it listens there again", () => isGone().then((gone) => !gone), LIMIT_MS);
		t.equal((await goAt(six, "")).reply, OptionReply.ack, "the only one is the default");
		t.equal(await stays.write(0, Buffer.alloc(512, 1)), NbdError.none, "it has been there all the time");
		stays.end();
	});

	t.test("who may have it is refused with the reason, or cut off when that changes", async (t) => {
		const clients = (text: string): string => disk("mail", text);
		const stays = clientAt(unix);
		configure(
			listen(unix, four, six),
			clients('clients = ["192.0.2.0/24", "uid:0"]\nreaders = ["::1"]'),
			web,
		);
		await reload(t);
		await until("it is served", async () => "mail" in (await listAt(unix)), LIMIT_MS);
		await stays.go("mail", false);
		const refused = await goAt(four, "mail");
		t.equal(refused.reply, OptionReply.errPolicy);
		t.match(refused.words, /this client is not among those who may have it/);
		t.notOk("mail" in (await listAt(four)), "nor is it told of it");
		const asked = async (): Promise<string> =>
			JSON.stringify((await tree.ask("GET", "/api/v1/disks/mail")).body.nbd);
		await until("that is counted", async () => /"refused":[1-9]/.test(await asked()), LIMIT_MS);
		const READ_ONLY = 2;
		const { events } = (await tree.ask("GET", "/api/v1/events")).body;
		t.match(JSON.stringify(events), /"nbd-client","severity":"warning"[^}]*127\.0\.0\.1[^}]*was refused/);
		t.equal((await goAt(unix, "mail")).flags & READ_ONLY, 0);
		t.equal((await goAt(six, "mail")).flags & READ_ONLY, READ_ONLY);
		const reader = clientAt(six);
		await reader.go("mail", false);
		t.equal(await reader.write(0, Buffer.alloc(512)), NbdError.EPERM);
		configure(listen(unix, four, six), clients('clients = ["127.0.0.1"]\nreaders = ["::1"]'), web);
		await reload(t);
		t.equal(await stays.over(), 0, "who may not have it any more is cut off");
		reader.request(Command.read, 1n, 0, 512);
		t.equal((await reader.simple()).error, NbdError.none, "who may have it still goes on");
		reader.end();
	});

	t.test("what is fenced, or can't be opened, says so to those who may have it", async (t) => {
		const gone = `[disk.gone]\nfile = "${tree.path("gone.img")}"\n[disk.gone.nbd]\nclients = ["127.0.0.1"]\n`;
		configure(listen(unix, four, six), web, disk("mail", ""), gone);
		await reload(t);
		await tree.state("gone", "failed");
		const { reply, words } = await goAt(four, "gone");
		t.equal(reply, OptionReply.errUnknown);
		t.match(words, /^disk gone can't be served: .*there is no such file/);
		t.equal((await goAt(six, "gone")).words, "there is no such export", "it is not for this client");
		await tree.ask("POST", "/api/v1/disks/mail/fence", {});
		t.match(await goAt(four, "mail"), { reply: OptionReply.errUnknown, words: "disk mail is fenced" });
		await tree.ask("POST", "/api/v1/disks/mail/unfence", {});
		await tree.state("mail", "open");
		t.equal((await goAt(four, "mail")).reply, OptionReply.ack);
		configure(listen(unix, four, six), web, disk("mail", ""));
		await reload(t);
		t.equal((await goAt(four, "gone")).words, "there is no such export", "it is none any more");
	});

	t.test("clients that come while the worker is away wait for it", async (t) => {
		const before = await tree.state("web", "open");
		await tree.kill("worker", Number(before.worker));
		await tree.state("web", "open");
		t.match(await listAt(four), { web: "of the web" });
	});

	const healthy = async (): Promise<boolean> =>
		(await tree.ask("GET", "/api/v1/status")).body.health === "ok";

	t.test("a socket that can't be had keeps nobody from the rest", async (t) => {
		configure(listen(four, "192.0.2.1:10809"), web);
		await reload(t);
		await until(
			"it is told",
			async () => {
				const { events } = (await tree.ask("GET", "/api/v1/events")).body;
				return JSON.stringify(events).includes("192.0.2.1:10809");
			},
			LIMIT_MS,
		);
		t.strictSame(await listAt(four), { web: "of the web" });
		await tree.problem(/nbd: 192.0.2.1:10809: can't listen there/);
		configure(listen(four), web);
		await reload(t);
		await until("nothing is wrong any more", healthy, LIMIT_MS);
	});
}
