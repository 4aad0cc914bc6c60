// How much of a pool in an object store may be on its host is changed while it is used, also when its log is full since the store is away: by a reload, which closes nothing.
import { readFileSync, writeFileSync } from "node:fs";
import t from "tap";
import { StandInEtcd } from "../object/stand-in-etcd.js";
import { BUCKET, KEYS, StandInS3 } from "../object/stand-in-s3.js";
import { until } from "../support/cleanup.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { Host, keysOf, layBridge } from "./store-hosts.js";

const FAILED = /fail|error/i;
const LOG_BYTES = 64 * 2 ** 20;

t.setTimeout(3 * LIMIT_MS);

if (await inNamespace(import.meta.url)) {
	await layBridge(["host"]);
	const [s3, etcd] = [new StandInS3(), new StandInEtcd()];
	const [endpoint, head] = [await s3.start(), await etcd.start()];
	t.teardown(() => etcd.stop());
	const store = ['type = "s3"', `endpoint = "${endpoint}"`, ...keysOf(KEYS)];
	const secret = { key: "secret_file", text: KEYS.secret } as const;
	const host = new Host("host", { store, secret, container: BUCKET, etcd: [head] }, { stable: "host" });
	t.teardown(() => host.tree.program?.stop("SIGKILL", LIMIT_MS));
	const file = host.tree.path("vblade.toml");
	const text = readFileSync(file, "utf8");
	const sized = (size: string): void =>
		writeFileSync(file, text.replace(/^stable/m, `log_size = "${size}"\nstable`));
	const unshipped = async (): Promise<number> => {
		const { stored } = (await host.tree.ask("GET", "/api/v1/pools/gold")).body;
		return (stored as unknown as { unshippedBytes?: number } | null)?.unshippedBytes ?? 0;
	};

	sized("64M");
	await host.start();
	await host.say("pool", "create", "gold");
	await host.say("volume", "create", "gold/web", "512M");
	await host.tree.state("web", "open");

	t.test("a log that is full since the store is away is made larger", async (t) => {
		const failed = await host.events("disk-failed");
		await s3.stop();
		const writing = host.io("write -P 7 0 128M", "flush");
		await until("the log is full", async () => (await unshipped()) >= LOG_BYTES * 0.9, LIMIT_MS);
		sized("1G");
		t.notMatch(await host.say("reload"), FAILED);
		t.notMatch(await writing, FAILED, "what waited for room goes on");
		t.ok((await unshipped()) > LOG_BYTES * 1.5);
		t.notMatch(await host.io("read -P 7 0 128M"), FAILED);
		t.strictSame(await host.events("disk-failed"), failed, "nothing was closed");
	});
}
