// What pools in object stores need of files, and heads in files, which the opener reads and swaps for workers.
import { chmodSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import t from "tap";
import type { Log } from "../../lib/log.js";
import { ConfigFiles } from "../../lib/opener/config-files.js";
import { HeadFiles } from "../../lib/opener/head-files.js";
import { readStoreKeys } from "../../lib/opener/store-keys.js";
import type { StorePoolSpec } from "../../lib/spec/store-spec.js";

const say = (): void => {};
const LOG: Log = { error: say, warn: say, info: say, verbose: say };

function stored(secretFile: string, endpoint = "http://127.0.0.1:1", ca?: string): StorePoolSpec {
	const s3 = {
		kind: "s3",
		endpoint,
		region: "us-east-1",
		style: "path",
		accessKey: "AK",
		secretFile,
	} as const;
	return {
		...{ name: "gold", container: "gold", prefix: "", log: "/srv/gold", head: { kind: "file" } },
		...{ logBytes: 1, cacheBytes: 1, stable: "host" },
		store: { ...s3, ...(ca && { ca }) },
	};
}

t.test("a secret is one line of a file, and is told with nothing that is in it", async (t) => {
	const folder = t.testdir({
		good: " s3cr3t\n",
		empty: "\n",
		two: "one\ntwo\n",
		long: "x".repeat(5000),
		sub: {},
	});
	const read = (name: string) => readStoreKeys(stored(path.join(folder, name)));
	chmodSync(path.join(folder, "good"), 0o600);
	t.strictSame(await read("good"), { secret: "s3cr3t", warnings: [] });
	chmodSync(path.join(folder, "good"), 0o644);
	t.match((await read("good")).warnings, [/good: everyone can read this secret/]);
	for (const [mode, told] of [
		[0o602, /everyone can write this secret \(chmod o-w\)/],
		[0o666, /everyone can read and write this secret \(chmod o-rw\)/],
	] as const) {
		chmodSync(path.join(folder, "good"), mode);
		t.match((await read("good")).warnings, [told]);
	}
	for (const [name, why] of [
		["none", /none: there is no such file/],
		["empty", /empty: holds no secret/],
		["two", /two: holds no secret: it has more than one line/],
		["long", /long: holds more than a secret/],
		["sub", /sub: is no regular file/],
	] as const)
		await t.rejects(read(name), why);
});

t.test("behind TLS, whom to trust", async (t) => {
	const folder = t.testdir({ secret: "x", ca: "no certificate" });
	const secret = path.join(folder, "secret");
	t.match(await readStoreKeys(stored(secret, "https://127.0.0.1:1")), {
		storeTls: { ca: /BEGIN CERTIFICATE/ },
	});
	const own = stored(secret, "https://127.0.0.1:1", path.join(folder, "ca"));
	await t.rejects(readStoreKeys(own), /ca: holds no certificate/);
});

t.test(
	"what a worker hears of a pool is what the files say now, by the name that they give it",
	async (t) => {
		const folder = t.testdir({ secret: "s3cr3t" });
		const file = (name: string): string => path.join(folder, name);
		const configure = (more = ""): void =>
			writeFileSync(
				file("vblade.toml"),
				[
					'[store.attic]\ntype = "s3"\nendpoint = "http://127.0.0.1:1"\naccess_key = "AK"',
					`secret_file = "${file("secret")}"\n[pool.gold]\nstore = "attic"\ncontainer = "gold"`,
					`head = "file"\nlog = "${file("gold")}"\n${more}`,
				].join("\n"),
			);
		configure();
		const files = await ConfigFiles.read(file("vblade.toml"), LOG);
		t.ok(files.hasStores);
		const pathNow = (): string => files.storePaths[0] ?? "";
		const first = pathNow();
		t.match(await files.storePool(first), { stored: { name: "gold" }, keys: { secret: "s3cr3t" } });
		t.equal(files.headFolder(first), file("gold"));
		configure('stable = "store"');
		(await files.reread()).take();
		await t.rejects(files.storePool(first), /store:gold: is no pool of the files/, "it is another one now");
		t.throws(() => files.headFolder(first), /store:gold: is no pool of the files/);
		t.match(await files.storePool(pathNow()), { stored: { stable: "store" } });
		await t.rejects(files.storePool("/etc"), /is no pool of the files/);
	},
);

t.test("a head in a file is swapped if it is what it was", async (t) => {
	const log = t.testdir();
	const heads = new HeadFiles();
	t.strictSame(await heads.read(log), { answer: { id: null } });
	const { answer } = await heads.swap(log, null, Buffer.from("one"));
	t.type(answer.id, "string");
	t.match(await heads.read(log), { answer, value: Buffer.from("one") });
	t.strictSame((await heads.swap(log, null, Buffer.from("two"))).answer, { id: null }, "there is one");
	const next = await heads.swap(log, answer.id, Buffer.from("two"));
	t.match(await heads.read(log), { answer: next.answer, value: Buffer.from("two") });
	t.strictSame(readdirSync(log).sort(), ["superblock", "superblock.lock"]);
	const nowhere = await heads.read(path.join(log, "none"));
	t.strictSame(nowhere.answer.id, null);
	const lost = await heads.swap(path.join(log, "none"), null, Buffer.from("x"));
	t.match(lost.answer, { id: null, fault: { kind: "refused" } }, "what went wrong is an answer");
});
