// Volumes of pools under the daemon: a pool's files are opened by the opener, a volume is served by a worker, and whichever process is killed, what was
// acknowledged is there.
import { readdirSync, renameSync } from "node:fs";
import t from "tap";
import { poolCreateCommand } from "../../lib/cli/pools/pool.js";
import { volumeCreateCommand } from "../../lib/cli/pools/volume.js";
import { SECTOR_BYTES } from "../../lib/wire/sector.js";
import { until } from "../support/cleanup.js";
import { inNamespace } from "../support/in-namespace.js";
import { sendSignal } from "../support/process.js";
import { DaemonTree, diskToml } from "./tree-bench.js";

const LIMIT_MS = 30_000;

if (await inNamespace(import.meta.url)) {
	const tree = new DaemonTree();
	const pool = tree.path("fast");
	const quiet = { out: () => {}, err: () => {} };
	await poolCreateCommand([pool], quiet);
	for (const name of ["web", "mail"]) await volumeCreateCommand([`${pool}/${name}`, "1G"], quiet);
	tree.configure(
		[
			`workers = 2\n[pool.fast]\npath = "${pool}"\n`,
			diskToml("web", 'volume = "fast/web"', "9.0", `unix:${tree.frames}`),
			diskToml("mail", 'volume = "fast/mail"\ndurability = "none"', "9.1", `unix:${tree.frames}`),
			diskToml("none", 'volume = "fast/none"', "9.2", `unix:${tree.frames}`),
		].join("\n"),
	);
	await tree.start();
	t.teardown(() => tree.stop());
	const sector = (fill: number): Uint8Array => new Uint8Array(SECTOR_BYTES).fill(fill);
	/** A worker tells it when it is looked at next. */
	const identityOnce = async () => {
		let identity: unknown = null;
		await until(
			"its identity",
			async () => {
				({ identity } = await tree.state("web", "open"));
				return identity !== null;
			},
			LIMIT_MS,
		);
		return identity as { serial: string; wwn: string };
	};
	const { worker } = await tree.state("web", "open");
	const identity = await identityOnce();

	t.test("a volume is a disk, and all of its pool are one worker's", async (t) => {
		const disk = await tree.open(9, 0);
		t.equal(disk.identity.serial.trim(), identity.serial);
		await disk.write(3, sector(0xa5));
		t.strictSame([...(await disk.read(3, 1))], [...sector(0xa5)]);
		t.equal((await tree.state("mail", "open")).worker, worker);
		t.match(await tree.state("none", "failed"), { reason: /has no volume "none"/ });
	});

	t.test("the log goes on in files that the opener makes", async (t) => {
		const disk = await tree.open(9, 1);
		const bytes = new Uint8Array(128 * SECTOR_BYTES);
		for (let at = 0; at < 1024; at += 16)
			await Promise.all(Array.from({ length: 16 }, (_, i) => disk.write((at + i) * 128, bytes.fill(1))));
		t.ok(readdirSync(pool).includes("log.000001"));
		await (await tree.open(9, 0)).write(5, sector(0x5a));
	});

	const ordeals: Readonly<Record<string, () => Promise<unknown>>> = {
		worker: () => tree.kill("worker", worker as unknown as number),
		control: () => tree.kill("control"),
		opener: async () => {
			sendSignal(tree.program.pid ?? 0, "SIGKILL");
			await tree.program.finished(LIMIT_MS);
			await tree.start();
		},
	};
	for (const [process, kill] of Object.entries(ordeals))
		t.test(`the ${process} is killed`, async (t) => {
			await kill();
			t.strictSame(await identityOnce(), identity, "the same disk");
			const disk = await tree.open(9, 0);
			t.strictSame([...(await disk.read(3, 1))], [...sector(0xa5)]);
			t.strictSame([...(await disk.read(5, 1))], [...sector(0x5a)]);
		});

	t.test("a pool that is not there is waited for", async (t) => {
		await tree.stop();
		renameSync(pool, tree.path("away"));
		await tree.start();
		t.match(await tree.state("web", "failed"), { reason: /no such directory/ });
		renameSync(tree.path("away"), pool);
		await tree.state("web", "open");
		t.strictSame([...(await (await tree.open(9, 0)).read(3, 1))], [...sector(0xa5)]);
	});
}
