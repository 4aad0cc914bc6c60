/** Real Swift, its S3 face, and real etcd, each on loopback of a network namespace of this test's own, pass the suites too. */

import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import t from "tap";
import { ObjectError } from "../../lib/object/errors.js";
import { Head } from "../../lib/object/head.js";
import { EtcdHead } from "../../lib/object/head-etcd.js";
import { NONCE_BYTES } from "../../lib/object/head-frame.js";
import { S3Head } from "../../lib/object/head-s3.js";
import { Objects } from "../../lib/object/objects.js";
import { S3Objects } from "../../lib/object/s3.js";
import { SwiftObjects } from "../../lib/object/swift.js";
import { headConformance } from "../../lib/testing/head-conformance.js";
import { objectConformance } from "../../lib/testing/object-conformance.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { Etcd, etcdMissing } from "../support/services/etcd.js";
import { Swift, swiftMissing } from "../support/services/swift.js";

/** Containers and keys that tests have had. */
let places = 0;

function kindOf(promise: Promise<unknown>): Promise<unknown> {
	return promise.catch((error: unknown) => (error instanceof ObjectError ? error.kind : error));
}

async function withSwift(): Promise<void> {
	const swift = await Swift.start(3);
	try {
		await swiftTests(swift);
	} finally {
		await swift.stop();
	}
}

async function swiftTests(swift: Swift): Promise<void> {
	const { account, keys } = swift;
	const container = (): string => `place-${++places}`;
	const store = () => new Objects(new SwiftObjects({ account, container: container(), prefix: "in/" }));
	await objectConformance(t, "real swift", async () => store(), { isExclusive: false });
	const s3 = () => new S3Objects({ ...keys, endpoint: swift.url, bucket: container(), prefix: "in/" });
	await objectConformance(t, "real swift's s3", async () => new Objects(s3()), { isExclusive: false });
	await t.test("real swift's s3 can't have a head", async (t) => {
		const head = new Head(new S3Head({ ...keys, endpoint: swift.url, bucket: container() }, "head"));
		t.equal(await kindOf(head.open()), "refused");
		await head.close();
	});
	await t.test("real swift: tokens that are forgotten, servers that are killed", async (t) => {
		const one = store();
		await one.open();
		await one.put("a", Buffer.from("bytes"));
		await swift.forgetTokens();
		t.equal((await one.get("a")).toString(), "bytes", "it logs in again");
		await swift.forgetTokens();
		t.equal(
			await one.put("large", Buffer.alloc(8 * 1024 * 1024, 1)),
			"created",
			"also in the middle of a PUT",
		);
		swift.kill("object1");
		t.equal(await one.put("b", Buffer.from("bytes")), "created", "two of three are enough");
		t.equal((await one.get("b")).toString(), "bytes", "they are there");
		swift.kill("object2");
		t.equal(
			await kindOf(one.get("never-was", undefined, { limitMs: 1_500 })),
			"unavailable",
			"one of three knows of nothing",
		);
		t.equal(
			await kindOf(one.put("c", Buffer.from("bytes"), { limitMs: 1_500 })),
			"unavailable",
			"nor is one enough",
		);
		await one.close();
	});
}

async function withEtcd(): Promise<void> {
	const etcd = await Etcd.start(3);
	try {
		await etcdTests(etcd);
	} finally {
		await etcd.stop();
	}
}

/** Of what etcd may have, and of a value; so many are put there that it has room for half of them. */
const QUOTA_BYTES = 16 * 2 ** 20;
const VALUE_BYTES = 64 * 1024;
const VALUES = (2 * QUOTA_BYTES) / VALUE_BYTES;

async function withSmallEtcd(): Promise<void> {
	const etcd = await Etcd.start(1, QUOTA_BYTES);
	try {
		await t.test("real etcd: what was replaced does not fill it, if it is compacted", async (t) => {
			const last = async (key: string, historyMs: number): Promise<unknown> => {
				const backend = new EtcdHead({ endpoints: [etcd.endpoints[0]!], key, historyMs });
				const signal = AbortSignal.timeout(LIMIT_MS);
				let id: string | null = null;
				try {
					for (let i = 0; i < VALUES; i++) id = await backend.swap(id, randomBytes(VALUE_BYTES), signal);
					return (await backend.read(signal))?.id === id;
				} catch (error) {
					return error;
				} finally {
					await backend.close();
				}
			};
			t.equal(await last("compacted", 100), true, "with a short history");
			t.match(await last("kept", 0), /database space exceeded/, "with all of it");
		});
	} finally {
		await etcd.stop();
	}
}

async function etcdTests(etcd: Etcd): Promise<void> {
	const [first = "", ...rest] = etcd.endpoints;
	const make = (key: string) => new Head(new EtcdHead({ endpoints: [first, ...rest], key }));
	await headConformance(t, "real etcd", async () => {
		const key = `place-${++places}`;
		return () => make(key);
	});
	await t.test("real etcd: a member is killed, and then another one", async (t) => {
		const head = make("killed");
		await head.open();
		const one = await head.swap(null, Buffer.from("one"), randomBytes(NONCE_BYTES));
		t.equal(one.outcome, "done");
		await etcd.kill(0);
		const before = one.outcome === "done" ? one.revision : null;
		const two = await head.swap(before, Buffer.from("two"), randomBytes(NONCE_BYTES), { limitMs: 30_000 });
		t.equal(two.outcome, "done", "two of three go on");
		await etcd.kill(1);
		t.equal(await kindOf(head.read({ limitMs: 1_500 })), "unavailable", "one of three has no leader");
		const three = await kindOf(
			head.swap(before, Buffer.from("three"), randomBytes(NONCE_BYTES), { limitMs: 1_500 }),
		);
		t.match(three, { outcome: "unknown" }, "nor is anything known of a swap");
		await head.close();
	});
}

if (await inNamespace(import.meta.url)) {
	execFileSync("ip", ["link", "set", "lo", "up"], { timeout: LIMIT_MS });
	const noSwift = swiftMissing();
	if (noSwift === false) await withSwift();
	else t.pass("swift", { skip: noSwift });
	const noEtcd = etcdMissing();
	if (noEtcd === false) {
		await withEtcd();
		await withSmallEtcd();
	} else t.pass("etcd", { skip: noEtcd });
}
