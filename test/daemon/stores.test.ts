// Object stores and heads of pools as they are configured: where hosts are comes from elsewhere, and what does not answer is waited for by nobody but for a while.

import t from "tap";
import { ComingStores, type OpenedStores } from "../../lib/daemon/coming-stores.js";
import { StoreTroubles } from "../../lib/daemon/store-troubles.js";
import { lookupBy, makeStores, type StoreWays } from "../../lib/daemon/stores.js";
import { OperatorError } from "../../lib/errors.js";
import { ObjectError } from "../../lib/object/errors.js";
import { Proofs } from "../../lib/object/proofs.js";
import type { StorePoolOpening } from "../../lib/opener/messages.js";
import type { PoolTold } from "../../lib/pool/told.js";
import type { StoreSpec } from "../../lib/spec/store-spec.js";
import { StandInEtcd } from "../object/stand-in-etcd.js";
import { BUCKET, KEYS, StandInS3 } from "../object/stand-in-s3.js";
import { StandInSwift } from "../object/stand-in-swift.js";

const ways: StoreWays = {
	lookUp: async (host) => {
		if (host === "store.example") return ["127.0.0.1"];
		throw new OperatorError(`the address of ${host} is not to be had`);
	},
	proofs: new Proofs(),
	headFile: () => {
		throw new Error("no file is wanted");
	},
};

function opening(stored: Partial<StorePoolOpening["stored"]>, secret: string): StorePoolOpening {
	return {
		stored: {
			...{
				name: "gold",
				container: BUCKET,
				prefix: "pools/gold/",
				log: "/srv/gold",
				head: { kind: "store" },
			},
			...{ logBytes: 1, cacheBytes: 1, stable: "host" },
			store: { kind: "swift", auth: "", user: "", keyFile: "" },
			...stored,
		},
		keys: { secret, warnings: [] },
		host: "here",
	};
}

t.test("S3, by a name that somebody else looks up, with its head in the bucket or in etcd", async (t) => {
	const [s3, etcd] = [new StandInS3(), new StandInEtcd()];
	const [at, etcdAt] = [new URL(await s3.start()), await etcd.start()];
	t.teardown(() => Promise.all([s3.stop(), etcd.stop()]));
	at.hostname = "store.example";
	const store: StoreSpec = {
		kind: "s3",
		endpoint: at.origin,
		region: KEYS.region,
		style: "path",
		accessKey: KEYS.accessKey,
		secretFile: "/none",
	};
	const inBucket = makeStores("store:gold#0", opening({ store }, KEYS.secret), ways);
	await inBucket.store.open();
	await inBucket.head.open();
	t.equal((await inBucket.head.swap(null, Buffer.from("a"), Buffer.alloc(16, 1))).outcome, "done");
	t.equal(await inBucket.store.put("x/1", Buffer.from("bytes")), "created");
	t.ok(s3.objects.has("pools/gold/superblock"));
	t.ok(s3.objects.has("pools/gold/x/1"));
	t.ok(inBucket.requests().some(({ op, code }) => op === "swap" && code === "200"));
	await inBucket.close();
	const head = { kind: "etcd", endpoints: [etcdAt], prefix: "vblade/", historySeconds: 3600 } as const;
	const inEtcd = makeStores("store:gold#0", opening({ store, head }, KEYS.secret), ways);
	await inEtcd.head.swap(null, Buffer.from("a"), Buffer.alloc(16, 1));
	t.strictSame([...etcd.keys.rows.keys()], [Buffer.from("vblade/pools/gold").toString("base64")]);
	await inEtcd.close();
});

t.test("Swift, by either login; it can have no head", async (t) => {
	const swift = new StandInSwift();
	await swift.start();
	t.teardown(() => swift.stop());
	for (const version of [1, 3] as const) {
		const { key, ...account } = swift.account(version);
		const store = { kind: "swift", ...account, keyFile: "/none" } as const;
		const head = { kind: "etcd", endpoints: ["http://127.0.0.1:1"], prefix: "", historySeconds: 0 } as const;
		const stores = makeStores("store:gold#0", opening({ store, head }, key), ways);
		await stores.store.open();
		t.equal(await stores.store.put(`v/${version}`, Buffer.from("bytes")), "created");
		await stores.close();
		t.throws(() => makeStores("store:gold#0", opening({ store }, key), ways), /Swift keeps no conditions/);
	}
});

t.test("a host is where it was if it can't be looked up any more", async (t) => {
	let isAway = false;
	const lookup = lookupBy(async () => {
		if (isAway) throw new OperatorError("the address is not to be had");
		return ["192.0.2.1", "2001:db8::1"];
	});
	const ask = (host: string, all: boolean): Promise<unknown> =>
		new Promise((resolve) => {
			lookup(host, { all }, (error, address, family) => resolve(error?.code ?? [address, family]));
		});
	t.strictSame(await ask("a", false), ["192.0.2.1", 4]);
	const both = [
		{ address: "192.0.2.1", family: 4 },
		{ address: "2001:db8::1", family: 6 },
	];
	t.strictSame(await ask("a", true), [both, undefined]);
	isAway = true;
	t.strictSame(await ask("a", true), [both, undefined]);
	t.equal(await ask("b", true), "ENOTFOUND");
});

/** One that comes when it is told to. */
function fake(): { made: OpenedStores; come: (error?: Error) => void; closed: () => number } {
	let closed = 0;
	let come: (error?: Error) => void = () => {};
	const coming = new Promise<void>((resolve, reject) => {
		come = (error) => (error === undefined ? resolve() : reject(error));
	});
	const open = (): Promise<void> => coming;
	const stores = { store: { open }, head: { open }, requests: () => [], close: async () => void closed++ };
	return { made: { stores } as unknown as OpenedStores, come, closed: () => closed };
}

t.test("a store that does not answer is waited for in the background", async (t) => {
	const coming = new ComingStores(5);
	const first = fake();
	const take = (made: OpenedStores) => coming.take("store:gold#0", async () => made);
	await t.rejects(take(first.made), /store:gold: its object store has not answered yet/);
	first.come(new ObjectError("unavailable", "http://store.example: put: 503"));
	await new Promise(setImmediate);
	t.equal(first.closed(), 1, "what has not come is closed");
	const second = fake();
	await t.rejects(take(second.made), /http:\/\/store\.example: put: 503/, "the last time is what is known");
	second.come();
	t.equal(await take(fake().made), second.made, "the one that was begun");
	t.equal(second.closed(), 0);
});

t.test("troubles are told when they begin, change and end, the worst first", async (t) => {
	const told: PoolTold[] = [];
	const troubles = new StoreTroubles((each) => told.push(each));
	const said = (): string[] => told.splice(0).map(({ level, message }) => `${level}: ${message}`);
	troubles.ofStore("upload", "503");
	t.strictSame(said(), ["warn: what is written stays on this host: 503"]);
	troubles.ofStore("upload", "503");
	t.strictSame(said(), [], "the same again is nothing new");
	troubles.ofLease.paused?.("no answer");
	t.strictSame(said(), ["warn: nothing is answered: no answer"], "then nothing is written, either");
	troubles.ofLease.resumed?.();
	troubles.ofStore("upload", null);
	t.match(said(), ["warn: what is written stays on this host: 503", "info: its object store answers"]);
	t.equal(troubles.now, null);
});
