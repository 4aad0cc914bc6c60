// What happens to pools of a running daemon: disks that clients use go back and shrink by force alone, a clone is flattened though its worker is killed,
// what a reload says of a pool holds, and another daemon wants it too.
import { writeFileSync } from "node:fs";
import t from "tap";
import { volumeFlattenCommand } from "../../lib/cli/pools/flatten.js";
import { volumeExportCommand, volumeImportCommand } from "../../lib/cli/pools/image.js";
import { poolCreateCommand } from "../../lib/cli/pools/pool.js";
import { volumeRmCommand } from "../../lib/cli/pools/remove.js";
import { volumeCreateCommand } from "../../lib/cli/pools/volume.js";
import {
	volumeCloneCommand,
	volumeResizeCommand,
	volumeRollbackCommand,
	volumeSnapshotCommand,
} from "../../lib/cli/pools/volume-changes.js";
import type { RemoteDisk } from "../../lib/client/remote-disk.js";
import { SECTOR_BYTES } from "../../lib/wire/sector.js";
import { read } from "../image/images.js";
import { until } from "../support/cleanup.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { told } from "../support/pools.js";
import { sendSignal } from "../support/process.js";
import { DaemonTree, diskToml } from "./tree-bench.js";

/** More than a stretch that is flattened at once. */
const CLONE_BYTES = 24 * 2 ** 20;

if (await inNamespace(import.meta.url)) {
	const tree = new DaemonTree();
	const pool = tree.path("fast");
	await told(poolCreateCommand, pool);
	for (const name of ["web", "idle"]) await told(volumeCreateCommand, `${pool}/${name}`, "2M");
	const image = tree.path("image.raw");
	const bytes = Buffer.alloc(CLONE_BYTES);
	for (let page = 0; page < CLONE_BYTES; page += 4096) bytes.writeUInt32LE(page + 1, page);
	writeFileSync(image, bytes);
	await told(volumeImportCommand, `${pool}/big`, image);
	await told(volumeSnapshotCommand, `${pool}/big@a`);
	await told(volumeCloneCommand, `${pool}/big@a`, "copy");
	const configure = (keys = ""): void =>
		tree.configure(
			[
				`[pool.fast]\npath = "${pool}"\n${keys}\n`,
				diskToml("web", 'volume = "fast/web"', "9.0", `unix:${tree.frames}`),
				diskToml("idle", 'volume = "fast/idle"', "9.1", `unix:${tree.frames}`),
			].join("\n"),
		);
	configure();
	await tree.start();
	t.teardown(() => tree.stop());
	const sector = (fill: number): Uint8Array => new Uint8Array(SECTOR_BYTES).fill(fill);
	const first = async (disk: RemoteDisk, lba = 0): Promise<number> => (await disk.read(lba, 1))[0] ?? -1;
	const at = `--socket=${tree.socket}`;
	const say = async (command: typeof poolCreateCommand, ...argv: string[]) => {
		let text = "";
		const out = (more: string): void => {
			text += more;
		};
		const status = await command([at, ...argv], { out, err: out });
		return { status, text };
	};
	const done = async (command: typeof poolCreateCommand, ...argv: string[]): Promise<void> => {
		const { status, text } = await say(command, ...argv);
		t.equal(status, 0, text);
	};

	t.test(
		"a disk that a client uses goes back and shrinks by force alone, and is another one then",
		async (t) => {
			await tree.state("web", "open");
			const disk = await tree.open(9, 0);
			await disk.write(0, sector(1));
			await done(volumeSnapshotCommand, "fast/web@one");
			await disk.write(0, sector(2));
			const isUsed =
				/volume "fast\/web": disk web is on it, and [0-9a-f:]{17} uses that; by force \(--force\) it is closed first/;
			let text = "";
			await until(
				"that it is used is known",
				async () => {
					({ text } = await say(volumeRollbackCommand, "fast/web@one"));
					return isUsed.test(text);
				},
				LIMIT_MS,
			);
			t.match((await say(volumeResizeCommand, "--shrink", "fast/web", "1M")).text, isUsed);
			t.match((await say(volumeRmCommand, "--force", "fast/web")).text, /disk web is on it/);
			t.equal(await first(disk), 2, "nothing was done");
			await done(volumeRollbackCommand, "--force", "fast/web@one");
			await tree.state("web", "open");
			const back = await tree.open(9, 0);
			t.equal(await first(back), 1);
			await done(volumeResizeCommand, "--shrink", "--force", "fast/web", "1M");
			await tree.state("web", "open");
			const small = await tree.open(9, 0);
			t.equal(small.identity.sectorCount, 2048);
			t.equal(await first(small), 1);
			t.equal(new Set([disk, back, small].map(({ identity }) => identity.serial)).size, 3);
			t.equal(await first(disk), 1, "a client that did not look goes on with what answers");
		},
	);

	t.test("one that nobody uses", async (t) => {
		const serial = async () => (await tree.ask("GET", "/api/v1/volumes/fast%2Fidle")).body.serial;
		const before = await serial();
		await done(volumeSnapshotCommand, "fast/idle@one");
		t.match((await say(volumeRollbackCommand, "fast/idle@one")).text, /disk idle is on it; by force/);
		await done(volumeRollbackCommand, "--force", "fast/idle@one");
		await tree.state("idle", "open");
		t.not(await serial(), before);
	});

	t.test("what a reload says of a pool holds at once", async (t) => {
		configure('history = "17m"\nhistory_space = "20%"\nhistory_min = "1m"\nkeep = { hourly = "2d" }');
		t.ok(await tree.reload());
		const wanted = { history: "17m", historySpace: "20%", historyMin: "1m", keep: { hourly: "2d" } };
		let settings: unknown;
		await until(
			"the worker has it",
			async () => {
				({ settings } = (await tree.ask("GET", "/api/v1/pools/fast")).body);
				return JSON.stringify(settings).includes("17m");
			},
			LIMIT_MS,
		);
		t.match(settings, wanted);
	});

	t.test("a clone is flattened although the worker is killed", async (t) => {
		const { body: job } = await tree.ask("POST", "/api/v1/volumes/fast%2Fcopy/flatten", {});
		const pid = await tree.pidOf("worker");
		await until(
			"some of it is done",
			async () => Number((await tree.ask("GET", `/api/v1/jobs/${job.id}`)).body.done) > 0,
			LIMIT_MS,
		);
		sendSignal(pid, "SIGKILL");
		await tree.nothingUnderWay();
		const { body: end } = await tree.ask("GET", `/api/v1/jobs/${job.id}`);
		if (String(end.state) !== "done") t.match(end, { state: "failed", message: /worker 0/ });
		const isThere = async () => (await tree.ask("GET", "/api/v1/volumes/fast%2Fcopy")).status === 200;
		await until("another worker answers", isThere, LIMIT_MS);
		await done(volumeFlattenCommand, "fast/copy");
		await done(volumeRmCommand, "--force", "fast/big");
		await done(volumeExportCommand, "fast/copy", tree.path("copy.raw"));
		t.ok((await read(tree.path("copy.raw"))).bytes.equals(bytes));
	});

	t.test("another daemon that wants it waits until it is free", async (t) => {
		const other = new DaemonTree();
		other.configure(
			[
				`[pool.fast]\npath = "${pool}"\n`,
				diskToml("web", 'volume = "fast/web"', "9.0", `unix:${other.frames}`),
			].join("\n"),
		);
		await other.start();
		try {
			t.match(await other.state("web", "failed"), { reason: /is in use by another vblade/ });
			await other.problem(/pool fast: .*in use by another vblade/);
			t.equal(await first(await tree.open(9, 0)), 1, "it is served on");
			await tree.stop();
			await other.state("web", "open");
			t.equal(await first(await other.open(9, 0)), 1);
		} finally {
			await other.stop();
		}
	});
}
