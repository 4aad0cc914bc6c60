// Where pools of the daemon may be: on a block device, which the opener opens for a worker; and where one is only a copy, a disk's state says so.
import { cpSync } from "node:fs";
import t from "tap";
import { poolCreateCommand } from "../../lib/cli/pools/pool.js";
import { volumeCreateCommand } from "../../lib/cli/pools/volume.js";
import { SECTOR_BYTES } from "../../lib/wire/sector.js";
import { inNamespace } from "../support/in-namespace.js";
import { loopDevice, newDirectory, newFile } from "../support/mounts.js";
import { told } from "../support/pools.js";
import { DaemonTree, diskToml } from "./tree-bench.js";

if (await inNamespace(import.meta.url)) {
	const tree = new DaemonTree();
	const { path: device } = loopDevice(newFile(newDirectory(), 96 * 2 ** 20), 512);
	for (const pool of [device, tree.path("pool")]) {
		await told(poolCreateCommand, pool);
		await told(volumeCreateCommand, `${pool}/web`, "1G");
	}
	cpSync(tree.path("pool"), tree.path("copy"), { recursive: true });
	tree.configure(
		[
			`[pool.raw]\npath = "${device}"\n[pool.copy]\npath = "${tree.path("copy")}"\n`,
			diskToml("raw", 'volume = "raw/web"', "9.0", `unix:${tree.frames}`),
			diskToml("copy", 'volume = "copy/web"', "9.1", `unix:${tree.frames}`),
		].join("\n"),
	);
	await tree.start();
	t.teardown(() => tree.stop());
	const sector = new Uint8Array(SECTOR_BYTES).fill(0x77);

	t.test("on a block device, also when the worker is another one", async (t) => {
		const { worker } = await tree.state("raw", "open");
		await (await tree.open(9, 0)).write(3, sector);
		await tree.kill("worker", worker as unknown as number);
		await tree.state("raw", "open");
		t.strictSame([...(await (await tree.open(9, 0)).read(3, 1))], [...sector]);
	});

	t.test("a copy is told from the first one", async (t) => {
		t.match(await tree.state("copy", "failed"), { reason: /is a copy of a pool .*--adopt/ });
	});
}
