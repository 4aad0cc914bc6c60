/**
 * Clients that mean harm, or don't know better: they say nothing, send slowly, take nothing, come in thousands, send what is no HTTP. Each
 * is refused or cut off within limits that are counted, and others are served.
 */

import { readdirSync } from "node:fs";
import { connect as connectPlain, type Socket } from "node:net";
import path from "node:path";
import { connect } from "node:tls";
import t, { type Test } from "tap";
import { Random } from "../../lib/random.js";
import { until } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import { Stage, signed } from "./stage.js";

const SEED = 20261128;
const CONNECTIONS = 64;
const AT_ONCE = 32;
const limits = {
	connections: CONNECTIONS,
	headersMs: 500,
	idleMs: 1000,
	pace: { bytes: 64 * 1024, ms: 700 },
	lingerMs: 300,
	bodies: 4,
};
const stage = new Stage();
await stage.start(limits);

/** A connection behind TLS, and all that came on it. */
class Line {
	readonly #socket: Socket;
	text = "";
	isClosed = false;

	constructor(socket: Socket) {
		this.#socket = socket;
		socket.on("data", (piece) => {
			this.text += piece.toString("latin1");
		});
		socket.on("error", () => undefined);
		socket.on("close", () => {
			this.isClosed = true;
		});
	}

	static async open(): Promise<Line> {
		const socket = connect({ host: "localhost", port: stage.port, ca: stage.ca, servername: "localhost" });
		const line = new Line(socket);
		await new Promise<void>((resolve) => {
			socket.on("secureConnect", resolve).on("close", () => resolve());
		});
		return line;
	}

	send(text: string | Buffer): void {
		this.#socket.write(text);
	}

	pauseReading(): void {
		this.#socket.pause();
	}

	end(): void {
		this.#socket.destroy();
	}

	closed(): Promise<void> {
		return until("the end of a connection", () => this.isClosed, LIMIT_MS);
	}
}

function head(method: string, target: string, headers: Record<string, string>): string {
	const rows = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
	return `${method} ${target} HTTP/1.1\r\n${rows.join("")}\r\n`;
}

/** The head of a PUT that is signed well. */
function putHead(name: string, bytes: number): string {
	const headers = {
		"content-length": String(bytes),
		"x-amz-content-sha256": "UNSIGNED-PAYLOAD",
	};
	return head("PUT", name, signed("PUT", name, stage.host, { headers }));
}

const files = (): string[] => readdirSync(path.join(stage.folder, "gold")).sort();
const halves = (): string[] =>
	readdirSync(path.join(stage.folder, ".vblade-objects")).filter((name) => name !== "lock");

/** (On a busy machine these limits may be too short for anybody: it is tried again.) */
async function put(where: string, body?: Buffer): Promise<void> {
	const isThere = async (): Promise<boolean> => {
		const answer = await stage.ask("PUT", where, body && { body }).catch(() => undefined);
		return answer?.status === 200 || answer?.code === "BucketAlreadyOwnedByYou";
	};
	await until(where, isThere, LIMIT_MS);
}

t.before(async () => {
	await put("/gold");
	await put("/gold/there", Buffer.alloc(8 * 1024 * 1024, 7));
});

/** After each of these all is as before. */
function ordeal(name: string, body: (t: Test) => Promise<void>): void {
	t.test(name, async (t) => {
		await body(t);
		const { body: bytes } = await stage.ask("GET", "/gold/there");
		t.equal(bytes.length, 8 * 1024 * 1024, "others are served");
		await until("no half is left", () => halves().length === 0, LIMIT_MS);
	});
}

ordeal("who says nothing, or says it slowly, is cut off", async (t) => {
	const silent = await Line.open();
	const slow = await Line.open();
	slow.send("GET / HTTP/1.1\r\n");
	let sent = 0;
	const drip = setInterval(() => slow.send(`x-${++sent}: a\r\n`), 50);
	const noTls = new Line(connectPlain(stage.port, "127.0.0.1"));
	await Promise.all([silent.closed(), slow.closed(), noTls.closed()]);
	clearInterval(drip);
	t.match(slow.text, /^HTTP\/1.1 408 |^$/);
});

ordeal("a body that stops, drips or breaks off is no object", async (t) => {
	const stops = await Line.open();
	stops.send(putHead("/gold/stops", 1000));
	stops.send("some");
	const drips = await Line.open();
	drips.send(putHead("/gold/drips", 100_000));
	const drip = setInterval(() => drips.send("x"), 50);
	const breaks = await Line.open();
	breaks.send(putHead("/gold/breaks", 1000));
	breaks.send("some");
	await until("three halves", () => halves().length === 3, LIMIT_MS);
	breaks.end();
	await Promise.all([stops.closed(), drips.closed(), breaks.closed()]);
	clearInterval(drip);
	t.strictSame(files(), ["there"]);
});

ordeal("more at once than are received wait, and get their turn", async (t) => {
	const slow = await Promise.all(Array.from({ length: limits.bodies }, () => Line.open()));
	for (const [index, line] of slow.entries()) line.send(putHead(`/gold/slow-${index}`, 1000));
	await until("all places are taken", () => halves().length === limits.bodies, LIMIT_MS);
	t.equal((await stage.ask("PUT", "/gold/waited", { body: "a" })).status, 200, "when one was given up");
	await stage.ask("DELETE", "/gold/waited");
	await Promise.all(slow.map((line) => line.closed()));
});

ordeal("who asks for much and takes nothing is cut off", async (t) => {
	const line = await Line.open();
	line.pauseReading();
	const request = head("GET", "/gold/there", signed("GET", "/gold/there", stage.host, {}));
	line.send(request);
	await until("it is served", async () => (await connections()) === 1, LIMIT_MS);
	await until("it is cut off", async () => (await connections()) === 0, LIMIT_MS);
	t.ok(line.text.length < 8 * 1024 * 1024);
	line.end();
});

async function connections(): Promise<number> {
	return stage.server.connections();
}

ordeal("a flood of requests on one connection, and of connections from one address", async (t) => {
	const line = await Line.open();
	line.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n".repeat(20_000));
	await line.closed();
	const many = await Promise.all(Array.from({ length: 4 * CONNECTIONS }, () => Line.open()));
	await until("some are cut off", () => many.some(({ isClosed }) => isClosed), LIMIT_MS);
	t.ok((await connections()) <= CONNECTIONS, "no more than there may be");
	for (const each of many) each.end();
	await until("they are gone", async () => (await connections()) === 0, LIMIT_MS);
});

ordeal("what is no HTTP, by a seed", async (t) => {
	const random = new Random(SEED);
	const good = putHead("/gold/fuzz", 5);
	const sent = Array.from({ length: 160 }, () => {
		const bytes = Buffer.from(`${good}hello`, "latin1");
		for (let changes = 1 + random.below(6); changes > 0; changes--)
			bytes[random.below(bytes.length - 5)] = random.below(256);
		return random.chance(0.3) ? bytes.subarray(0, random.below(bytes.length)) : bytes;
	});
	for (let at = 0; at < sent.length; at += AT_ONCE)
		await Promise.all(
			sent.slice(at, at + AT_ONCE).map(async (bytes, index) => {
				const line = await Line.open();
				line.send(bytes);
				const isOver = (): boolean => line.isClosed || line.text.includes("\r\n\r\n");
				await until("an answer, or the end", isOver, LIMIT_MS);
				t.notMatch(line.text, /^HTTP\/1.1 500/, `${at + index}, seed ${SEED}`);
				line.end();
			}),
		);
	await stage.ask("DELETE", "/gold/fuzz");
	t.strictSame(files(), ["there"], "what was changed was not taken");
});

ordeal("bodies that are too long, or of no length; headers without an end", async (t) => {
	for (const [headers, wanted] of [
		[{ "content-length": String(6 * 1024 ** 3) }, /^HTTP\/1.1 400 .*EntityTooLarge/s],
		[{ "content-length": "99999999999999999999" }, /^HTTP\/1.1 400 /],
		[{ "content-length": "-1" }, /^HTTP\/1.1 400 /],
		[{ "transfer-encoding": "chunked" }, /^HTTP\/1.1 411 .*MissingContentLength/s],
		[{ "x-amz-meta-large": "x".repeat(20_000) }, /^HTTP\/1.1 400 .*MetadataTooLarge/s],
		[{ "x-large": "x".repeat(64 * 1024) }, /^HTTP\/1.1 431 /],
	] as const) {
		const line = await Line.open();
		const signing = { headers: { "x-amz-content-sha256": "UNSIGNED-PAYLOAD", ...headers } };
		const sent = signed("PUT", "/gold/bad", stage.host, signing);
		line.send(
			head("PUT", "/gold/bad", { ...sent, ...("x-amz-meta-large" in headers && { "content-length": "0" }) }),
		);
		await until("an answer", () => line.isClosed || wanted.test(line.text), LIMIT_MS);
		t.match(line.text, wanted);
		line.end();
	}
	t.strictSame(files(), ["there"]);
});

t.test("none of that was a defect", async (t) => {
	t.strictSame(
		stage.warnings.filter((warning) => warning.includes("bug")),
		[],
	);
});
