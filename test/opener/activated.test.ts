// Sockets that the service manager has opened: they are used where the configuration wants to listen there, and stay its own.
import { closeSync, existsSync, unlinkSync } from "node:fs";
import path from "node:path";
import t from "tap";
import { OperatorError } from "../../lib/errors.js";
import { native } from "../../lib/native.js";
import { Listeners } from "../../lib/opener/listeners.js";
import { openDescriptors } from "../channel/ends.js";
import { scratchDirectory } from "../support/cleanup.js";

const SAME_GROUP = 0xffff_ffff;

t.test("what is bound has a name", async (t) => {
	const file = path.join(scratchDirectory(), "a.sock");
	const sockets = new Map([
		[native.listenUnix(file, 0o600, SAME_GROUP), `unix:${file}`],
		[native.listenTcp("127.0.0.1", 0, 0), /^127\.0\.0\.1:[1-9][0-9]*$/],
		[native.listenTcp("::1", 0, 0), /^\[::1\]:[1-9][0-9]*$/],
	] as [number, string | RegExp][]);
	for (const [descriptor, name] of sockets) t.match(native.socketName(descriptor, false), name);
	t.equal(native.socketName(0x7fff_ffff, false), "");
	new Listeners([...sockets.keys()].map((descriptor) => ({ descriptor, name: "" }))).close();
});

t.test("they are used, and left to who has opened them", async (t) => {
	const before = openDescriptors();
	const file = path.join(scratchDirectory(), "b.sock");
	const tcp = native.listenTcp("127.0.0.1", 0, 0);
	const address = native.socketName(tcp, false);
	const unwanted = native.listenTcp("127.0.0.1", 0, 0);
	const unix = native.listenUnix(file, 0o600, SAME_GROUP);
	const listeners = new Listeners(
		[unix, tcp, unwanted].map((descriptor) => ({ descriptor, name: "vblade" })),
	);
	await listeners.listen("socket", `unix:${file}`);
	await listeners.listen("http", address);
	t.strictSame(
		listeners.names.map((name) => name.address),
		[`unix:${file}`, address],
	);
	await t.rejects(new Listeners().listen("http", address), OperatorError, "without it, it could not be had");
	listeners.close();
	t.ok(existsSync(file), "the service manager listens there still");
	t.equal(openDescriptors(), before);
});

t.test(
	"sockets for clients of disks are kept until the files have others, and left to who has opened them",
	async (t) => {
		const before = openDescriptors();
		const tcp = native.listenTcp("127.0.0.1", 0, 0);
		const address = native.socketName(tcp, false);
		const file = path.join(scratchDirectory(), "d.sock");
		const listeners = new Listeners([{ descriptor: tcp, name: "nbd" }]);
		for (const each of [address, `unix:${file}`]) {
			const descriptor = await listeners.forClients(each);
			t.equal(native.socketName(descriptor, false), each);
			closeSync(descriptor);
			closeSync(await listeners.forClients(each));
		}
		await listeners.retainClients([address]);
		t.notOk(existsSync(file), "nobody listens there any more");
		await listeners.retainClients([]);
		closeSync(await listeners.forClients(address));
		await listeners.listen("socket", `unix:${file}`);
		await t.rejects(listeners.forClients(`unix:${file}`), /something else of this daemon listens there/);
		listeners.close();
		t.equal(openDescriptors(), before);
	},
);

t.test("what somebody else has put where a socket was is not removed with it", async (t) => {
	const before = openDescriptors();
	const folder = scratchDirectory();
	const listeners = new Listeners();
	const places = ["command", "client", "frames"].map((name) => path.join(folder, name));
	await listeners.listen("socket", `unix:${places[0]}`);
	closeSync(await listeners.forClients(`unix:${places[1]}`));
	closeSync(await listeners.forFrames(places[2]!));
	const others = places.map((file) => {
		unlinkSync(file);
		return native.listenUnix(file, 0o600, SAME_GROUP);
	});
	listeners.close();
	for (const file of places) t.ok(existsSync(file), file);
	for (const descriptor of others) closeSync(descriptor);
	t.equal(openDescriptors(), before);
});

t.test("frames come in where commands don't", async (t) => {
	const file = path.join(scratchDirectory(), "c.sock");
	const listeners = new Listeners();
	t.teardown(() => listeners.close());
	await listeners.listen("socket", `unix:${file}`);
	await t.rejects(listeners.forFrames(file), { message: `${file}: that is where commands ask this daemon` });
	closeSync(await listeners.forFrames(`${file}2`));
});

t.test("where not all can be handed on, none is left over", async (t) => {
	const tcp = native.listenTcp("127.0.0.1", 0, 0);
	const none = 0x7fff_ffff;
	const listeners = new Listeners([tcp, none].map((descriptor) => ({ descriptor, name: "" })));
	await listeners.listen("http", native.socketName(tcp, false));
	await listeners.listen("http", native.socketName(none, false));
	const before = openDescriptors();
	t.throws(() => listeners.duplicates(), { message: /descriptor/ });
	t.equal(openDescriptors(), before);
	closeSync(tcp);
});
