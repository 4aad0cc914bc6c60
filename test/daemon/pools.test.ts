// Volumes of pools under the daemon: a pool's files are opened by the opener, a volume is served by a worker, and whichever process is killed, what was
// acknowledged is there.
import { readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import t from "tap";
import { poolCheckCommand, poolScrubCommand } from "../../lib/cli/pools/examine.js";
import { volumeFlattenCommand } from "../../lib/cli/pools/flatten.js";
import { volumeExportCommand, volumeImportCommand } from "../../lib/cli/pools/image.js";
import { poolCreateCommand } from "../../lib/cli/pools/pool.js";
import { volumeCreateCommand, volumeShowCommand } from "../../lib/cli/pools/volume.js";
import {
	volumeCloneCommand,
	volumeRenameCommand,
	volumeResizeCommand,
	volumeRollbackCommand,
	volumeSnapshotCommand,
} from "../../lib/cli/pools/volume-changes.js";
import { SECTOR_BYTES } from "../../lib/wire/sector.js";
import { until } from "../support/cleanup.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { told } from "../support/pools.js";
import { sendSignal } from "../support/process.js";
import { DaemonTree, diskToml } from "./tree-bench.js";

if (await inNamespace(import.meta.url)) {
	const tree = new DaemonTree();
	const pool = tree.path("fast");
	const quiet = { out: () => {}, err: () => {} };
	await poolCreateCommand([pool], quiet);
	for (const name of ["web", "mail"]) await volumeCreateCommand([`${pool}/${name}`, "1G"], quiet);
	const configure = (more: string): void =>
		tree.configure(
			[
				`workers = 2\n[pool.fast]\npath = "${pool}"\n`,
				diskToml("web", 'volume = "fast/web"', "9.0", `unix:${tree.frames}`),
				diskToml("mail", 'volume = "fast/mail"\ndurability = "none"', "9.1", `unix:${tree.frames}`),
				diskToml("none", 'volume = "fast/none"', "9.2", `unix:${tree.frames}`),
				diskToml("old", 'volume = "fast/none@one"', "9.3", `unix:${tree.frames}`),
				diskToml("past", 'volume = "fast/web@-0.001s"', "9.4", `unix:${tree.frames}`),
				more,
			].join("\n"),
		);
	const plain = tree.file("plain.img");
	/** A disk without a pool. */
	const configurePlain = (...links: string[]): void =>
		configure(
			diskToml("plain", `file = "${plain}"`, "9.5", links.map((link) => `unix:${link}`).join('", "')),
		);
	configurePlain(tree.path("others.sock"));
	await tree.start();
	t.teardown(() => tree.stop());
	const sector = (fill: number): Uint8Array => new Uint8Array(SECTOR_BYTES).fill(fill);
	const at = `--socket=${tree.socket}`;
	const said = (command: typeof poolCreateCommand, ...argv: string[]) => told(command, at, ...argv);
	/** What is said by one that could not. */
	const refused = async (command: typeof poolCreateCommand, ...argv: string[]): Promise<string> => {
		let text = "";
		t.equal(await command([at, ...argv], { out: () => {}, err: (more) => (text += more) }), 1);
		return text;
	};
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

	t.test("whoever is at a unix: link finds all of its disks there, which are one worker's", async (t) => {
		const { worker: other } = await tree.state("plain", "open");
		t.not(other, worker, "it has a link of its own");
		configurePlain(tree.path("others.sock"), tree.frames);
		t.ok(await tree.reload());
		await until("it is there", async () => (await tree.state("plain", "open")).worker === worker, LIMIT_MS);
		await (await tree.open(9, 5)).write(0, sector(5));
		const one = await tree.initiator();
		for (const slot of [0, 1, 4, 5]) t.equal((await tree.found(9, slot, one)).slot, slot);
	});

	t.test("the log goes on in files that the opener makes", async (t) => {
		const disk = await tree.open(9, 1);
		const bytes = new Uint8Array(128 * SECTOR_BYTES);
		for (let at = 0; at < 1024; at += 16)
			await Promise.all(Array.from({ length: 16 }, (_, i) => disk.write((at + i) * 128, bytes.fill(1))));
		t.ok(readdirSync(pool).includes("log.000001"));
		await (await tree.open(9, 0)).write(5, sector(0x5a));
	});

	t.test("a volume is made by command, and grows while it is served", async (t) => {
		t.match(await said(volumeCreateCommand, "fast/none", "1M"), /^volume +fast\/none$/m);
		await tree.state("none", "open");
		t.equal((await tree.open(9, 2)).identity.sectorCount, 2048);
		await said(volumeResizeCommand, "fast/none", "2M");
		t.equal((await tree.open(9, 2)).identity.sectorCount, 4096);
	});

	t.test("a volume is made of an image, flattened and looked at while others are served", async (t) => {
		const image = tree.path("image.raw");
		const bytes = Buffer.alloc(2 ** 20 + SECTOR_BYTES);
		for (let at = 0; at < bytes.length; at += SECTOR_BYTES)
			bytes.fill(at / SECTOR_BYTES, at, at + SECTOR_BYTES);
		writeFileSync(image, bytes);
		t.match(await said(volumeImportCommand, "fast/image", image), /^volume +fast\/image$/m);
		await said(volumeSnapshotCommand, "fast/image@a");
		await said(volumeCloneCommand, "fast/image@a", "copy");
		t.match(await said(volumeFlattenCommand, "fast/copy"), /^volume +fast\/copy$[\s\S]*^shared +0$/m);
		t.match(await said(volumeFlattenCommand, "fast/web"), /^volume +fast\/web$/m, "a disk is on it");
		await said(volumeExportCommand, "fast/copy", tree.path("copy.raw"));
		t.ok(readFileSync(tree.path("copy.raw")).equals(bytes));
		t.match(await said(volumeRenameCommand, "fast/copy", "fast/twin"), /^volume +fast\/twin$/m);
		for (const command of [poolCheckCommand, poolScrubCommand])
			t.match(await said(command, "fast"), /^fast: all is well in \d+ volumes, \d+ snapshots?\n$/);
	});

	t.test("a snapshot is a disk, and its volume goes back to it", async (t) => {
		const disk = await tree.open(9, 2);
		await disk.write(0, sector(1));
		await said(volumeSnapshotCommand, "fast/none@one");
		await disk.write(0, sector(2));
		await tree.state("old", "open");
		const old = await tree.open(9, 3);
		t.strictSame([...(await old.read(0, 1))], [...sector(1)]);
		await t.rejects(old.write(0, sector(3)), "only to be read");
		t.match(await refused(volumeRollbackCommand, "fast/none@one"), /disk none is on it/);
		await said(volumeRollbackCommand, "fast/none@one", "--force");
		await tree.state("none", "open");
		const back = await tree.open(9, 2);
		t.strictSame([...(await back.read(0, 1))], [...sector(1)]);
		t.not(back.identity.serial, disk.identity.serial, "another disk");
		t.match(await said(volumeShowCommand, "fast/none"), /^snapshot +before-one /m);
	});

	t.test("a moment is a disk, the same as long as it is open", async (t) => {
		await tree.state("past", "open");
		const past = await tree.open(9, 4);
		const before = [...(await past.read(3, 1))];
		await (await tree.open(9, 0)).write(6, sector(9));
		t.strictSame([...(await past.read(3, 1))], before);
		t.strictSame([...(await past.read(6, 1))], [...sector(0)]);
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
