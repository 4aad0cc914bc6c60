/** What S3 and Swift have in common: what their answers mean, what the network does to them, logins, sockets. Each against a stand-in. */

import type { LookupFunction } from "node:net";
import t from "tap";
import type { ObjectBackend } from "../../lib/object/backend.js";
import { ObjectError } from "../../lib/object/errors.js";
import { Objects } from "../../lib/object/objects.js";
import { S3Objects } from "../../lib/object/s3.js";
import { SwiftObjects } from "../../lib/object/swift.js";
import { atFirst, lostAnswer, type Mishap, type StandIn } from "./stand-in.js";
import { BUCKET, KEYS, StandInS3 } from "./stand-in-s3.js";
import { CONTAINER, StandInSwift } from "./stand-in-swift.js";

const LIMITS = { firstPauseMs: 1, mostPauseMs: 10, attempts: 4 };

interface Stage<Server extends StandIn> {
	readonly server: Server;
	readonly backend: ObjectBackend;
	readonly store: Objects;
}

async function s3(secret = KEYS.secret): Promise<Stage<StandInS3>> {
	const server = new StandInS3();
	const backend = new S3Objects({ ...KEYS, secret, endpoint: await server.start(), bucket: BUCKET });
	return staged(server, backend);
}

async function swift(version: 1 | 3 = 1, key?: string): Promise<Stage<StandInSwift>> {
	const server = new StandInSwift();
	await server.start();
	return staged(server, new SwiftObjects({ account: server.account(version, key), container: CONTAINER }));
}

function staged<Server extends StandIn>(server: Server, backend: ObjectBackend): Stage<Server> {
	const store = new Objects(backend, { limits: LIMITS });
	t.teardown(async () => {
		await store.close();
		await server.stop();
	});
	return { server, backend, store };
}

function kindOf(promise: Promise<unknown>): Promise<unknown> {
	return promise.catch((error: unknown) => (error instanceof ObjectError ? error.kind : error));
}

const status =
	(code: number, body = ""): Mishap =>
	() => ({ status: code, body });

for (const [name, make] of [
	["s3", s3],
	["swift", swift],
] as const) {
	t.test(`${name}: what statuses mean`, async (t) => {
		const { server, store } = await make();
		await store.open();
		await store.put("a", Buffer.from("bytes"));
		const meanings = {
			400: "refused",
			403: "refused",
			408: "unavailable",
			409: "unavailable",
			416: "damaged",
			429: "unavailable",
			500: "unavailable",
			503: "unavailable",
			507: "refused",
		};
		for (const [code, kind] of Object.entries(meanings)) {
			server.mishap = status(Number(code));
			t.equal(await kindOf(store.get("a")), kind, code);
			server.mishap = atFirst(1, "GET", status(Number(code)));
			const second = await kindOf(store.get("a"));
			t.equal(String(second), kind === "refused" ? kind : "bytes", `${code}, once`);
		}
	});

	if (name === "s3")
		t.test("s3: what a refusal without words may come from", async (t) => {
			const { server, store } = await make();
			await store.open();
			server.mishap = status(403);
			await t.rejects(store.get("a"), /: 403 \(it refuses the access key, its secret, .* clock is wrong\)$/);
			server.mishap = status(403, "<Error><Code>AccessDenied</Code><Message>No.</Message></Error>");
			await t.rejects(store.get("a"), /: 403 AccessDenied No\.$/);
		});

	t.test(`${name}: a PUT whose answer was lost counts as done`, async (t) => {
		const { server, store } = await make();
		await store.open();
		server.mishap = atFirst(1, "PUT", lostAnswer);
		t.equal(await store.put("a", Buffer.from("bytes")), "same", "it is found to be there");
		t.equal(server.objects.get("a")?.bytes.toString(), "bytes", "it is");
		server.mishap = atFirst(1, "PUT", status(409));
		t.equal(await store.put("b", Buffer.from("bytes")), "created", "409 is again, not exists");
	});

	t.test(`${name}: answers that are too short, too long or of other bytes are damaged`, async (t) => {
		const { server, store } = await make();
		await store.open();
		await store.put("a", Buffer.from("some bytes"));
		const range = { offset: 2, length: 4 };
		const answers: Record<string, Mishap> = {
			"all of it where a part was asked for": () => ({ status: 200, body: "some bytes" }),
			"another part": () => ({ status: 206, headers: { "content-range": "bytes 3-6/10" }, body: "e by" }),
			"a part that ends too soon": () => ({
				status: 206,
				headers: { "content-range": "bytes 2-4/10" },
				body: "me ",
			}),
			"a part without a range": () => ({ status: 206, body: "me b" }),
		};
		for (const [what, mishap] of Object.entries(answers)) {
			server.mishap = mishap;
			t.equal(await kindOf(store.get("a", range)), "damaged", what);
		}
		server.mishap = (_asked, answer) => ({ ...answer(), body: "some bytez" });
		t.equal(await kindOf(store.get("a")), "damaged", "of another checksum");
		server.mishap = (_asked, answer, response) => {
			const { headers = {} } = answer();
			response.writeHead(200, { ...headers, "content-length": 10 });
			response.write("some");
			setImmediate(() => response.destroy());
			return "handled";
		};
		t.equal(await kindOf(store.get("a")), "unavailable", "cut off on the way");
	});

	t.test(`${name}: sockets are few, and kept`, async (t) => {
		const { server, store } = await make();
		await store.open();
		await store.put("a", Buffer.alloc(100_000, 1));
		const gets = Array.from({ length: 100 }, (_, number) => store.get("a", { offset: number, length: 4096 }));
		t.equal((await Promise.all(gets)).length, 100, "a hundred parts");
		// (One more for Swift's login.)
		t.ok((await server.connections()) <= 33, `${await server.connections()} sockets`);
	});

	t.test(`${name}: who is refused is told so, and a store that is gone is unavailable`, async (t) => {
		const wrong = await (name === "s3" ? s3("wrong") : swift(1, "wrong"));
		t.equal(await kindOf(wrong.store.open()), "refused", "a wrong key");
		const { server, store, backend } = await make();
		await store.open();
		await server.stop();
		t.equal(await kindOf(store.get("a")), "unavailable", "nobody listens");
		const codes = backend.counts
			.all()
			.filter(({ op, code }) => op === "get" && code !== "200")
			.map(({ code }) => code);
		t.ok(codes.length > 0 && codes.every((code) => /^(E|UND_ERR)/.test(code)), `counted as ${codes.join()}`);
	});

	t.test(`${name}: each request is counted by what it was and how it ended`, async (t) => {
		const { server, store, backend } = await make();
		await store.open();
		await store.put("a", Buffer.from("bytes"));
		await kindOf(store.get("none"));
		server.mishap = atFirst(2, "GET", status(503));
		await store.get("a");
		const counts = new Map(backend.counts.all().map(({ op, code, times }) => [`${op} ${code}`, times]));
		for (const key of ["get 404", "get 200", "get 503", `put ${name === "s3" ? 200 : 201}`])
			t.notOk(counts.get(key)?.isEmpty ?? true, key);
	});
}

t.test("a container that somebody has removed is no absent object", async (t) => {
	const one = await s3();
	await one.store.open();
	one.server.hasBucket = false;
	const other = await swift();
	await other.store.open();
	other.server.hasContainer = false;
	for (const { store } of [one, other]) {
		t.equal(await kindOf(store.get("a")), "refused", "get");
		t.equal(await kindOf(store.head("a")), "refused", "head");
		t.equal(await kindOf(store.put("a", Buffer.from(""))), "refused", "put");
	}
});

t.test("s3 by host is addressed and signed so", async (t) => {
	const server = new StandInS3();
	const { port } = new URL(await server.start());
	const endpoint = `http://objects.test:${port}`;
	const hosts: string[] = [];
	const lookup: LookupFunction = (host, _options, found) => {
		hosts.push(host);
		found(null, [{ address: "127.0.0.1", family: 4 }]);
	};
	const store = new Objects(new S3Objects({ ...KEYS, endpoint, bucket: BUCKET, style: "host", lookup }), {
		limits: LIMITS,
	});
	t.teardown(async () => {
		await store.close();
		await server.stop();
	});
	await store.open();
	t.equal(await store.put("by/host", Buffer.from("bytes")), "created");
	t.equal((await store.get("by/host")).toString(), "bytes");
	t.ok(
		hosts.every((host) => host === `${BUCKET}.objects.test`),
		"asked by its name",
	);
	t.ok(server.asked.includes("PUT /by/host"), "the bucket is not in the path");
});

for (const version of [1, 3] as const)
	t.test(`swift, login ${version}: tokens that are forgotten are asked for anew, once for all`, async (t) => {
		const { server, store } = await swift(version);
		await store.open();
		await store.put("a", Buffer.from("bytes"));
		t.equal(server.logins, 1, "one login");
		server.tokens.clear();
		const gets = await Promise.all(Array.from({ length: 20 }, () => store.get("a")));
		t.ok(
			gets.every((bytes) => bytes.toString() === "bytes"),
			"all are answered",
		);
		t.equal(server.logins, 2, "and one more");
		server.mishap = ({ url }) => (url.pathname.startsWith("/v1/") ? { status: 401 } : undefined);
		t.equal(await kindOf(store.get("a")), "refused", "a token that is new and not good either");
	});

t.test("swift: what was there already is written once more, so that all copies are", async (t) => {
	const { server, store } = await swift();
	await store.open();
	// One of three has it, and that is not enough.
	server.mishap = atFirst(1, "PUT", (_asked, answer) => {
		answer();
		return { status: 503 };
	});
	t.equal(await store.put("a", Buffer.from("bytes")), "same");
	t.equal(
		server.asked.filter((asked) => asked.startsWith("PUT") && asked.endsWith("/a")).length,
		3,
		"503, 412, 201",
	);
});
