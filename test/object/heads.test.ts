/** Every kind of head passes the same suite, refuses what it can't rely on, and knows what became of a swap without an answer. */

import { randomBytes } from "node:crypto";
import { readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import t from "tap";
import { systemClock } from "../../lib/clock.js";
import { ObjectError } from "../../lib/object/errors.js";
import { Head } from "../../lib/object/head.js";
import type { HeadBackend } from "../../lib/object/head-backend.js";
import { EtcdHead } from "../../lib/object/head-etcd.js";
import { FileHead } from "../../lib/object/head-file.js";
import { NONCE_BYTES } from "../../lib/object/head-frame.js";
import { S3Head } from "../../lib/object/head-s3.js";
import { Objects } from "../../lib/object/objects.js";
import { Proofs } from "../../lib/object/proofs.js";
import { S3Objects } from "../../lib/object/s3.js";
import { Random } from "../../lib/random.js";
import { headConformance } from "../../lib/testing/head-conformance.js";
import { MemoryHead } from "../../lib/testing/memory-head.js";
import { VirtualClock } from "../../lib/testing/virtual-clock.js";
import { scratchDirectory } from "../support/cleanup.js";
import { atFirst, lostAnswer } from "./stand-in.js";
import { Keys, StandInEtcd } from "./stand-in-etcd.js";
import { BUCKET, type Conditions, KEYS, StandInS3 } from "./stand-in-s3.js";

const started: { stop(): Promise<void> }[] = [];
t.teardown(() => Promise.all(started.map((server) => server.stop())));
const scratch = scratchDirectory();
let folders = 0;
const LIMITS = { firstPauseMs: 5, mostPauseMs: 20 };

async function s3(
	conditions: Conditions = "kept",
): Promise<{ server: StandInS3; endpoint: string; make: () => S3Head }> {
	const server = new StandInS3();
	started.push(server);
	server.conditions = conditions;
	const endpoint = await server.start();
	return {
		server,
		endpoint,
		make: () => new S3Head({ ...KEYS, endpoint, bucket: BUCKET, prefix: "pool/" }, "head"),
	};
}

/** @param members of one cluster */
async function etcd(members: number): Promise<{ servers: StandInEtcd[]; make: () => EtcdHead }> {
	const keys = new Keys();
	const servers = Array.from({ length: members }, () => new StandInEtcd(keys));
	started.push(...servers);
	const [first = "", ...rest] = await Promise.all(servers.map((server) => server.start()));
	return { servers, make: () => new EtcdHead({ endpoints: [first, ...rest], key: "vblade/gold" }) };
}

const kinds: Record<string, () => Promise<() => HeadBackend>> = {
	memory: async () => {
		const backend = new MemoryHead({ clock: systemClock, random: new Random(1) });
		return () => backend;
	},
	file: async () => {
		const file = path.join(scratch, `head-${++folders}`);
		return () => new FileHead(file);
	},
	etcd: async () => (await etcd(1)).make,
	"etcd of three": async () => (await etcd(3)).make,
	s3: async () => (await s3()).make,
};

for (const [name, newPlace] of Object.entries(kinds))
	await headConformance(t, name, async () => {
		const make = await newPlace();
		return () => new Head(make(), { limits: LIMITS });
	});

function kindOf(promise: Promise<unknown>): Promise<unknown> {
	return promise.catch((error: unknown) => (error instanceof ObjectError ? error.kind : error));
}

function nonce(): Buffer {
	return randomBytes(NONCE_BYTES);
}

t.test("a store that does not keep conditions can't have a head", async (t) => {
	for (const conditions of ["none", "refused"] as const) {
		const { server, make } = await s3(conditions);
		const head = new Head(make(), { limits: LIMITS });
		t.equal(await kindOf(head.open()), "refused", conditions);
		await head.close();
		t.equal(server.objects.size, 0, "and nothing is left of the probe");
	}
});

t.test("who opens a store again and again has it prove that once in a while", async (t) => {
	for (const conditions of ["kept", "none"] as const) {
		const { server, endpoint } = await s3(conditions);
		const clock = new VirtualClock();
		const proofs = new Proofs(clock);
		let changes = 0;
		server.mishap = ({ method }) => {
			if (method === "PUT" || method === "DELETE") changes++;
			return undefined;
		};
		const open = async (): Promise<number> => {
			const before = changes;
			for (const each of [
				new Head(new S3Head({ ...KEYS, endpoint, bucket: BUCKET, prefix: "pool/", proofs }, "head"), {
					limits: LIMITS,
				}),
				new Objects(new S3Objects({ ...KEYS, endpoint, bucket: BUCKET, prefix: "pool/", proofs }), {
					limits: LIMITS,
				}),
			]) {
				await kindOf(each.open());
				await each.close();
			}
			return changes - before;
		};
		t.ok((await open()) >= 3, "the proofs, and the bucket");
		const again = await open();
		t.equal(again > 0, conditions === "none", `what was not proved is tried again: ${again} changes`);
		clock.pass(3_600_000);
		t.ok((await open()) >= 3);
	}
});

t.test("a store that keeps one condition and not the other can't have a head", async (t) => {
	const { server, make } = await s3();
	server.mishap = (asked, answer) => {
		if (asked.headers["if-match"] === undefined) return undefined;
		server.conditions = "none";
		const told = answer();
		server.conditions = "kept";
		return told;
	};
	const head = new Head(make(), { limits: LIMITS });
	t.equal(await kindOf(head.open()), "refused", "If-Match");
	await head.close();
});

t.test("a swap whose answer was lost is found to be done, or lost", async (t) => {
	const places = { etcd: await etcd(2), s3: await s3() };
	for (const [name, place] of Object.entries(places)) {
		const [server, method] = "servers" in place ? [place.servers[0], "POST"] : [place.server, "PUT"];
		const head = new Head(place.make(), { limits: LIMITS });
		await head.open();
		if (server === undefined) throw new Error("no server");
		const once = atFirst(1, method, lostAnswer);
		server.mishap = (asked, answer, response) =>
			asked.target.endsWith("/range") ? undefined : once(asked, answer, response);
		const swapped = await head.swap(null, Buffer.from("mine"), nonce());
		t.equal(swapped.outcome, "done", `${name}: it was done`);
		server.mishap = atFirst(1, method, () => ({
			status: 500,
			body: "<Error><Code>UnknownError</Code></Error>",
		}));
		const late = await head.swap(null, Buffer.from("again"), nonce());
		t.equal(
			late.outcome === "lost" && late.current?.bytes.toString(),
			"mine",
			`${name}: 500 after a race that is lost`,
		);
		await head.close();
	}
});

t.test("etcd: members that are gone, have no leader or no space", async (t) => {
	const { servers, make } = await etcd(3);
	const head = new Head(make(), { limits: { ...LIMITS, attempts: 6 } });
	await head.open();
	await servers[0]?.stop();
	t.equal((await head.swap(null, Buffer.from("mine"), nonce())).outcome, "done", "the next one is asked");
	const say = (status: number, code: number, message: string) => () => ({
		status,
		body: JSON.stringify({ error: message, code, message }),
	});
	for (const [status, code, message] of [
		[503, 14, "etcdserver: no leader"],
		[429, 8, "etcdserver: mvcc: database space exceeded"],
		[400, 11, "etcdserver: mvcc: required revision has been compacted"],
		[504, 4, "context deadline exceeded"],
	] as const) {
		for (const server of servers) server.mishap = say(status, code, message);
		t.equal(await kindOf(head.read()), "unavailable", message);
		const swapped = await head.swap(null, Buffer.from("other"), nonce());
		t.equal(swapped.outcome, "unknown", "nobody knows of a swap");
	}
	for (const server of servers) server.mishap = say(403, 7, "etcdserver: permission denied");
	t.equal(await kindOf(head.read()), "refused", "permission denied");
	await head.close();
});

t.test("a file that is no head is damaged, and nothing is left of how one was written", async (t) => {
	const folder = path.join(scratch, `none-${++folders}`);
	const nowhere = new Head(new FileHead(path.join(folder, "head")), { limits: LIMITS });
	t.equal(await kindOf(nowhere.open()), "refused", "no folder");
	const file = path.join(scratch, "torn");
	const head = new Head(new FileHead(file), { limits: LIMITS });
	await head.swap(null, Buffer.from("mine"), nonce());
	t.strictSame(
		readdirSync(scratch)
			.filter((name) => name.startsWith("torn"))
			.sort(),
		["torn", "torn.lock"],
	);
	writeFileSync(file, "something else");
	t.equal(await kindOf(head.read()), "damaged");
	await head.close();
});
