// Somebody puts a copy in the place of a file of a pool that a daemon has open, which opens its files through another process: status tells it, until the
// file that is open has its name again.
import { copyFileSync, renameSync } from "node:fs";
import path from "node:path";
import t from "tap";
import { poolCreateCommand } from "../../lib/cli/pools/pool.js";
import { volumeCreateCommand } from "../../lib/cli/pools/volume.js";
import { fileName } from "../../lib/pool/folder.js";
import { until } from "../support/cleanup.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { told } from "../support/pools.js";
import { DaemonTree, diskToml } from "./tree-bench.js";

/** A pool looks every half minute. */
const LOOKS_MS = 60_000;

if (await inNamespace(import.meta.url)) {
	const tree = new DaemonTree();
	const pool = tree.path("fast");
	await told(poolCreateCommand, pool);
	await told(volumeCreateCommand, `${pool}/web`, "2M");
	const disk = diskToml("web", 'volume = "fast/web"', "9.0", `unix:${tree.frames}`);
	tree.configure(`[pool.fast]\npath = "${pool}"\n${disk}`);
	await tree.start();
	t.teardown(() => tree.stop());
	const reason = async (): Promise<unknown> => (await tree.ask("GET", "/api/v1/pools/fast")).body.reason;

	t.test("a copy in the place of a file", async (t) => {
		await until("the pool is well", async () => (await reason()) === null, LIMIT_MS);

		const log = path.join(pool, fileName(0));
		copyFileSync(log, `${log}.copy`);
		renameSync(log, `${log}.kept`);
		renameSync(`${log}.copy`, log);
		const other = `${log}: is another file than the one that is open`;
		await until("it is told", async () => String(await reason()).startsWith(other), LOOKS_MS);
		const { body } = await tree.ask("GET", "/api/v1/events");
		t.match(JSON.stringify(body), /"kind":"pool-away","severity":"error".*is another file than the one/);
		renameSync(`${log}.kept`, log);
		await until("it is over", async () => (await reason()) === null, LOOKS_MS);
	});
}
