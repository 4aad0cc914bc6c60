/**
 * Whoever is slow, sends too much, sends nonsense or comes a thousandfold is refused within a limit, with a problem where that can still
 * be said, and others are answered meanwhile.
 */

import net, { type AddressInfo } from "node:net";
import t, { type Test } from "tap";
import { Problem } from "../../lib/control/model.js";
import { WAITING_MAX } from "../../lib/control/one-by-one.js";
import { ApiServer, connectionsWithin } from "../../lib/control/server.js";
import { until } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import { Stage } from "./stage.js";

/** Sends bytes, and resolves to all that comes back until the other side ends the connection. */
function exchange(stage: Stage, ...pieces: (string | Buffer)[]): Promise<string> {
	return exchangeWith(net.connect(stage.socketPath), ...pieces);
}

function exchangeWith(socket: net.Socket, ...pieces: (string | Buffer)[]): Promise<string> {
	return new Promise((resolve, reject) => {
		let text = "";
		socket.setTimeout(LIMIT_MS, () => socket.destroy(new Error("neither an answer nor an end")));
		socket.on("data", (bytes) => {
			text += bytes;
		});
		// It may be refused in the middle of what is sent.
		socket.on("error", (error: NodeJS.ErrnoException) =>
			["EPIPE", "ECONNRESET"].includes(error.code ?? "") ? undefined : reject(error),
		);
		socket.on("close", () => resolve(text));
		for (const piece of pieces) socket.write(piece);
	});
}

/** Waits until somebody who asks is answered: those before may not be gone yet for the server. */
async function comesIn(stage: Stage): Promise<void> {
	const answers = (): Promise<boolean> =>
		stage.ask("GET", "/livez").then(
			({ status }) => status === 200,
			() => false,
		);
	await until("an answer", answers, LIMIT_MS);
}

function problemIn(t: Test, text: string, status: number): void {
	t.match(text, new RegExp(`^HTTP/1\\.1 ${status} `));
	t.match(text, /content-type: application\/problem\+json/i);
	t.equal(Problem.parse(JSON.parse(text.slice(text.indexOf("\r\n\r\n") + 4))).status, status);
}

t.test("what is no request is refused with a problem", async (t) => {
	const stage = new Stage();
	await stage.start(t);
	problemIn(t, await exchange(stage, "hello\r\n\r\n"), 400);
	problemIn(t, await exchange(stage, `GET / HTTP/1.1\r\nHost: x\r\nX: ${"x".repeat(20_000)}\r\n\r\n`), 431);
	problemIn(t, await exchange(stage, Buffer.from([0x16, 0x03, 0x01, 0x00, 0xf1, 0x01])), 400);
	const bad = [
		"GET / HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n",
		"GET http:// HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
	];
	for (const request of bad) t.match(await exchange(stage, request), /^HTTP\/1\.1 4\d\d /, request);
	const smuggled =
		"POST /api/v1/reload HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
	t.match(await exchange(stage, smuggled), /^HTTP\/1\.1 400 /);
	t.equal((await stage.ask("GET", "/livez")).status, 200);
});

t.test("what is asked for and is not there, or not so, is a problem", async (t) => {
	const stage = new Stage();
	await stage.start(t);
	const refused = async (method: string, address: string, status: number) => {
		const { status: is, body, headers } = await stage.ask(method, address, { headers: { "if-match": "*" } });
		t.equal(is, status, `${method} ${address}`);
		t.ok(Problem.parse(body));
		return headers;
	};
	await refused("GET", "/nothing", 404);
	await refused("GET", "/api/v1/disks/none", 404);
	await refused("GET", "/api/v1/disks/%2e%2e%2f", 404);
	await refused("GET", "/api/v1/jobs/none", 404);
	t.equal((await refused("DELETE", "/api/v1/disks", 405)).allow, "GET, POST, HEAD");
	t.equal((await refused("PUT", "/api/v1/disks/web", 405)).allow, "GET, PATCH, DELETE, HEAD");
	await refused("PATCH", "/api/v1/disks/web", 400);
});

t.test("a body has a limit, told or untold", async (t) => {
	const stage = new Stage();
	await stage.start(t);
	const body = JSON.stringify({ name: "x", memory: "x".repeat(2 ** 20) });
	t.equal((await stage.ask("POST", "/api/v1/disks", { body })).status, 413);
	const head =
		"POST /api/v1/disks HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
	const chunk = `10000\r\n${"x".repeat(65_536)}\r\n`;
	problemIn(t, await exchange(stage, head, ...Array.from({ length: 17 }, () => chunk)), 413);
	t.equal(
		(await stage.ask("POST", "/api/v1/disks", { body: Buffer.from([0x22, 0xff, 0x22]).toString("latin1") }))
			.status,
		422,
	);
	const deep = (open: string, close: string): string => `${open.repeat(100_000)}1${close.repeat(100_000)}`;
	t.equal((await stage.ask("POST", "/api/v1/disks", { body: deep("[", "]") })).status, 400);
	const patched = await stage.askTagged("PATCH", "web", { body: deep('{"aoe":', "}") });
	t.equal(patched.status, 400, "not a bug: who merges it needs no stack");
	const proto = '{"name":"p","memory":"1M","__proto__":{"read_only":true}}';
	t.equal((await stage.ask("POST", "/api/v1/disks", { body: proto })).status, 202);
	t.equal(
		(await stage.ask("GET", "/api/v1/disks/p")).body.readOnly,
		false,
		"that is no key, and of nothing the prototype",
	);
	t.equal((await stage.ask("GET", "/livez")).status, 200);
});

t.test("who is gone in the middle of what he sends is no bug", async (t) => {
	const stage = new Stage();
	await stage.start(t);
	const head = "POST /api/v1/disks HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
	for (const how of ["end", "destroy"] as const) {
		const socket = net.connect(stage.socketPath);
		socket.on("error", () => undefined);
		socket.write(`${head}Expect: 100-continue\r\nContent-Length: 10\r\n\r\n`);
		await new Promise((resolve) => socket.once("data", resolve));
		const closed = new Promise((resolve) => socket.once("close", resolve));
		socket[how]();
		socket.resume();
		await closed;
	}
	t.equal((await stage.ask("GET", "/livez")).status, 200);
	const { events } = (await stage.ask("GET", "/api/v1/events")).body;
	t.notMatch(JSON.stringify(events), /bug/);
});

t.test("slow clients are given up, in the header and in the body", async (t) => {
	const stage = new Stage();
	await stage.start(t, { limits: { headersMs: 1000, requestMs: 1500 } });
	const [header, body] = await Promise.all([
		exchange(stage, "GET /livez HTTP/1.1\r\nHost: x\r\nX-Slow: "),
		exchange(
			stage,
			"POST /api/v1/disks HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{",
		),
	]);
	problemIn(t, header, 408);
	t.match(body, /^HTTP\/1\.1 4\d\d /);
	t.equal((await stage.ask("GET", "/livez")).status, 200);
});

t.test("an answer that nobody reads is given up", async (t) => {
	const stage = new Stage();
	await stage.start(t, { limits: { idleMs: 300 } });
	const socket = net.connect(stage.socketPath);
	const request = "GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n";
	socket.on("error", () => undefined);
	const closed = new Promise((resolve) => socket.once("close", resolve));
	socket.pause();
	// More than buffers on the way hold.
	for (let index = 0; index < 500; index++) socket.write(request);
	await new Promise((resolve) => setTimeout(resolve, 1500));
	socket.resume();
	await closed;
	t.pass("the server has ended it");
});

t.test("connections have a limit; when they are gone, others come in", async (t) => {
	const stage = new Stage();
	await stage.start(t, { limits: { connections: 20 } });
	const sockets = Array.from({ length: 20 }, () => net.connect(stage.socketPath));
	for (const socket of sockets) socket.on("error", () => undefined);
	await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once("connect", resolve))));
	await t.rejects(stage.ask("GET", "/livez"));
	for (const socket of sockets) socket.destroy();
	await comesIn(stage);
	t.pass("it serves again");
});

t.test(
	"connections take half of what a process may have open, and by TCP none of the socket's",
	async (t) => {
		t.same(connectionsWithin(1_048_576), { connections: 1000, connectionsByTcp: 1000 });
		t.same(connectionsWithin(Infinity), { connections: 1000, connectionsByTcp: 1000 });
		t.same(connectionsWithin(1048), { connections: 500, connectionsByTcp: 125 });
		t.same(connectionsWithin(20), { connections: 8, connectionsByTcp: 2 });
	},
);

t.test("ten thousand connections come and go", async (t) => {
	const stage = new Stage();
	await stage.start(t);
	const one = () =>
		new Promise<void>((resolve) => {
			const socket = net.connect(stage.socketPath);
			socket.on("error", () => undefined);
			socket.once("connect", () => socket.write("GET /livez HTTP/1.1\r\n"));
			socket.once("close", () => resolve());
			setTimeout(() => socket.destroy(), 50);
		});
	for (let round = 0; round < 5; round++) await Promise.all(Array.from({ length: 2000 }, one));
	await comesIn(stage);
	t.pass("and others come in");
});

t.test("disks may have names that every object knows", async (t) => {
	const stage = new Stage();
	await stage.start(t);
	for (const name of ["constructor", "toString", "valueOf"]) {
		const added = await stage.ask("POST", "/api/v1/disks", { body: { name, memory: "1M" } });
		t.equal(added.status, 202, name);
		await stage.done(added);
	}
	const changed = await stage.askTagged("PATCH", "web", { body: { limit: { iops: 100 } } });
	t.equal(changed.status, 202, "another one is changed, and they stay as they are");
	t.equal((await stage.ask("GET", "/api/v1/disks/constructor")).body.storage, "mem:1M");
	t.equal((await stage.ask("GET", "/api/v1/disks/hasOwnProperty")).status, 404);
});

t.test("what comes at once on one connection is answered one by one, and others meanwhile", async (t) => {
	let underWay = 0;
	let most = 0;
	const answered: string[] = [];
	const fetch = async ({ url }: Request): Promise<Response> => {
		most = Math.max(most, ++underWay);
		await new Promise((resolve) => setImmediate(resolve));
		underWay--;
		answered.push(new URL(url).pathname);
		return new Response("here\n");
	};
	const server = new ApiServer({ fetch });
	t.teardown(() => server.close());
	const { port } = (await server.listen("tcp", { host: "127.0.0.1", port: 0 })).address() as AddressInfo;
	const heard = (requests: string): Promise<string> => exchangeWith(net.connect(port, "127.0.0.1"), requests);
	const asks = (count: number): string =>
		Array.from({ length: count }, (_, i) => `GET /${i} HTTP/1.1\r\nHost: x\r\n`).join("\r\n");
	const some = await heard(`${asks(WAITING_MAX + 1)}Connection: close\r\n\r\n`);
	t.equal(some.match(/^HTTP\/1\.1 200 /gm)?.length, WAITING_MAX + 1, "a few may come");
	t.strictSame(
		answered,
		Array.from({ length: WAITING_MAX + 1 }, (_, i) => `/${i}`),
		"in their order",
	);
	t.equal(most, 1);
	const { length } = answered;
	await heard(`${asks(5000)}\r\n`);
	t.ok(answered.length <= length + WAITING_MAX, "of a thousand, the connection ends");
	t.match(await heard("GET /after HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), /^HTTP\/1\.1 200 /);
});
