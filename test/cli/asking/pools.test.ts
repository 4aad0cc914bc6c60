/** Commands of pools and volumes that a running daemon has: what they print and do, with a control process whose worker has a real pool. */

import { readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { Readable } from "node:stream";
import t from "tap";
import { statusCommand } from "../../../lib/cli/asking/status.js";
import { processOutput } from "../../../lib/cli/client.js";
import { volumeDiffCommand } from "../../../lib/cli/pools/difference.js";
import { volumeExportCommand, volumeImportCommand } from "../../../lib/cli/pools/image.js";
import { poolLsCommand, poolShowCommand } from "../../../lib/cli/pools/pool.js";
import { volumeRmCommand } from "../../../lib/cli/pools/remove.js";
import { volumeDuCommand, volumeHistoryCommand } from "../../../lib/cli/pools/space.js";
import { volumeReceiveCommand, volumeSendCommand } from "../../../lib/cli/pools/stream.js";
import { volumeCreateCommand, volumeLsCommand, volumeShowCommand } from "../../../lib/cli/pools/volume.js";
import {
	volumeCloneCommand,
	volumeHoldCommand,
	volumeReleaseCommand,
	volumeRenameCommand,
	volumeResizeCommand,
	volumeRollbackCommand,
	volumeSetCommand,
	volumeSnapshotCommand,
} from "../../../lib/cli/pools/volume-changes.js";
import { PoolList, VolumeList } from "../../../lib/control/model.js";
import { OperatorError } from "../../../lib/errors.js";
import { ask } from "../../control/stage.js";
import { until } from "../../support/cleanup.js";
import { LIMIT_MS } from "../../support/limit.js";
import { longTest } from "../../support/long.js";
import { newDirectory } from "../../support/mounts.js";
import { newPool, told } from "../../support/pools.js";
import { run } from "./ask.js";
import { SIZE, stageOf, twoSnapshots } from "./pool-stage.js";

t.test("volumes are made, changed and looked at", async (t) => {
	const folder = await newPool();
	const { said, refused } = await stageOf(t, folder);
	t.match(
		await said(volumeCreateCommand, "fast/web", "10G"),
		/^volume +fast\/web\nsize +10G\nused +0\nunique +0\nshared +0\npast +0\npage +4K\n/,
	);
	t.match(JSON.parse(await said(volumeCreateCommand, "fast/db", "1M", "--page=64K", "--json")), {
		pool: "fast",
		disk: "db",
		pageBytes: 65536,
	});
	t.match(
		await said(volumeLsCommand),
		/^NAME +SIZE +USED +UNIQUE +PAST +QUOTA +SNAPS +MOMENTS FROM +DISK\nfast\/db +1M +0 +0 +0 +- +0 +\S+Z +db\nfast\/web +10G +0 +0 +0 +- +0 +\S+Z +-\n$/,
	);
	const momentsFrom = (text: string): string => JSON.parse(text).momentsFrom;
	const before = momentsFrom(await said(volumeShowCommand, "fast/web", "--json"));
	t.ok(momentsFrom(await said(volumeSetCommand, "fast/web", "history=0", "--json")) > before, "no more");
	await said(volumeSetCommand, "fast/web", "history=");
	t.match(
		await said(poolLsCommand),
		new RegExp(
			`^NAME +VOLUMES +SIZE +USED +FREE +FREEING +MOMENTS FROM +PATH\nfast +2 +(\\S+ +){5}${folder}\n$`,
		),
	);
	t.match(await said(poolShowCommand, "fast"), /^pool +fast\n(.*\n)*format +\d\n/);
	t.match(await said(volumeResizeCommand, "fast/web", "20G"), /^size +20G$/m);
	t.match(await refused(volumeResizeCommand, "fast/web", "1G"), /larger than that; --shrink cuts it off/);
	t.match(await said(volumeResizeCommand, "fast/web", "1G", "--shrink"), /^size +1G$/m);
	t.match(
		await said(volumeSetCommand, "fast/web", "quota=512M", "keep.hourly=7d"),
		/^quota +512M\nkeep +hourly 7d$/m,
	);
	t.match(await said(volumeSetCommand, "fast/web", "keep.hourly="), /^quota +512M\ncreated/m);
	t.match(JSON.parse(await said(volumeSetCommand, "fast/web", "quota=", "--json")), { quotaBytes: null });
	t.match(await said(volumeRenameCommand, "fast/web", "www"), /^volume +fast\/www$/m);
	t.match(await refused(volumeShowCommand, "fast/web"), /pool "fast": there is no volume "web"/);
	t.match(await refused(volumeRmCommand, "--force", "fast/db"), /volume "fast\/db": disk db is on it/);
	t.match(await refused(volumeRenameCommand, "fast/db", "x"), /disk db is on it/);
	t.equal(await said(volumeRmCommand, "--force", "fast/www"), "");
	t.notMatch(await said(volumeLsCommand, "fast"), /www/);
	t.match(await refused(volumeLsCommand, "slow"), /pool "slow": there is none of this name/);
	t.match(await run(volumeShowCommand, "web"), { status: 2, err: /volume "web": POOL\/NAME is allowed/ });
});

t.test("snapshots, clones, and the way back", async (t) => {
	const { stage, said, refused } = await stageOf(t, await newPool());
	for (const name of ["mail", "db"]) await said(volumeCreateCommand, `fast/${name}`, "1M");
	t.match(
		await said(volumeSnapshotCommand, "fast/mail@a", "fast/db@a"),
		/^fast\/mail@a {2}(\S+)\nfast\/db@a {2}\1\n$/,
		"of one moment",
	);
	t.match(await refused(volumeSnapshotCommand, "fast/mail@a"), /has a snapshot "a" already/);
	t.match(await refused(volumeSnapshotCommand, "fast/mail@b", "slow/db@b"), /pool "slow": there is none/);
	t.match(await said(volumeHoldCommand, "fast/db@a"), /snapshot +a {2}\S+ {2}frees 0 {2}held\n/);
	t.match(await refused(volumeRmCommand, "--force", "fast/db@a"), /db@a: is held/);
	t.notMatch(await said(volumeReleaseCommand, "fast/db@a"), /held/);
	t.match(
		await refused(volumeRmCommand, "--force", "fast/mail@a"),
		/snapshot "fast\/mail@a": disk old is on it/,
	);
	t.match(await refused(volumeRmCommand, "--force", "fast/mail"), /disk old is on fast\/mail@a/);
	t.match(await said(volumeCloneCommand, "fast/db@a", "copy"), /^volume +fast\/copy\nsize +1M\n/);
	t.match(await said(volumeCloneCommand, "fast/db@a", "fast/copy2"), /^volume +fast\/copy2\n/);
	t.match(
		await refused(volumeRollbackCommand, "fast/db@a"),
		/disk db is on it; by force \(--force\) it is closed first/,
	);
	t.match(await refused(volumeRollbackCommand, "fast/db@none", "-f"), /there is no snapshot "none"/);
	const before = JSON.parse(await said(volumeShowCommand, "fast/db", "--json"));
	stage.workers.calls.length = 0;
	const after = JSON.parse(await said(volumeRollbackCommand, "fast/db@a", "--force", "--json"));
	t.match(after.snapshots, [{ name: "a" }, { name: "before-a" }]);
	t.not(after.wwn, before.wwn, "another disk to its initiators");
	await until("db again", async () => stage.workers.calls.length > 1, LIMIT_MS);
	t.strictSame(stage.workers.calls, ["remove db", "add db"], "which are cut off, and come back");
	t.match(
		await refused(volumeRollbackCommand, "fast/copy@a"),
		/there is no snapshot "a"/,
		"a clone has none",
	);
});

t.test("what volumes and snapshots take up, and how far back they go", async (t) => {
	const folder = await newPool();
	await twoSnapshots(folder);
	const du = await told(volumeDuCommand, folder);
	const history = await told(volumeHistoryCommand, `${folder}/web`);
	t.match(
		du,
		/^ *SIZE +USED +UNIQUE +PAST +NAME\n *1\.1M +\S+ +\S+ +\S+ +\S+\/web\n( *1\.1M +\S+ +\S+ +- +\S+\/web@[ab]\n){2}pool /,
	);
	t.match(await told(volumeDuCommand, `${folder}/web`), /\/web@b\n$/, "of one volume, nothing of the pool");
	t.match(
		history,
		/^volume +\S+\/web\nmoments +each one from \S+Z on, .*\nhistory +1h\nkeep +-\n\nTAKEN +SIZE +FREES +HELD +SNAPSHOT +CLONES\n/,
	);
	const { said, refused } = await stageOf(t, folder);
	const named = (text: string): string => text.replaceAll(folder, "fast");
	const rows = (text: string): string[] =>
		named(text)
			.split("\n")
			.slice(1, 4)
			.map((row) => row.replaceAll(/ +/g, " "));
	t.strictSame(rows(await said(volumeDuCommand, "fast")), rows(du), "as by who has the pool for himself");
	t.strictSame(rows(await said(volumeDuCommand)), rows(du));
	t.match(await said(volumeDuCommand), /\npool fast: \S+ used of \S+, \S+ free\n$/);
	const one = JSON.parse(await said(volumeDuCommand, "fast/web", "--json"));
	t.match(one, {
		pools: [],
		volumes: [{ name: "web", snapshotCount: 2 }],
		snapshots: [{ name: "a" }, { name: "b" }],
	});
	t.equal(named(history), await said(volumeHistoryCommand, "fast/web"));
	t.match(await refused(volumeDuCommand, "fast/none"), /there is no volume "none"/);
	t.match(await refused(volumeHistoryCommand, "fast/none"), /there is no volume "none"/);
	t.match(
		await said(statusCommand),
		/\nPOOL +VOLUMES .*\nfast +1 .*\n\nVOLUME +SIZE .*\nfast\/web .* 2 +\S+Z +-\n/,
		"all at a glance",
	);
	t.match(JSON.parse(await said(statusCommand, "--json")), {
		pools: [{ name: "fast" }],
		volumes: [{ name: "web" }],
	});
});

t.test("what volumes held is compared, exported and sent", async (t) => {
	const folder = await newPool();
	const bytes = await twoSnapshots(folder);
	const offline = await told(volumeDiffCommand, `${folder}/web@a`, `${folder}/web@b`);
	const { stage, at, said, refused } = await stageOf(t, folder);
	t.equal(offline, `8192 4096 data\n${SIZE - 512} 512 data\n`);
	t.equal(
		await said(volumeDiffCommand, "fast/web@a", "fast/web@b"),
		offline,
		"as by who has the pool for himself",
	);
	t.match(await said(volumeDiffCommand, "fast/web@b"), "0 4096 data\n", "with what it is now");
	const file = path.join(newDirectory(), "b.raw");
	await said(volumeExportCommand, "fast/web@b", file);
	t.ok(readFileSync(file).equals(bytes));
	bytes.fill(5, 0, 4096);
	await said(volumeExportCommand, "fast/web", file, "--force");
	t.ok(readFileSync(file).equals(bytes), "what it is now");
	const stream: Uint8Array[] = [];
	const take = async (piece: Uint8Array): Promise<void> => void stream.push(Uint8Array.from(piece));
	t.equal(await volumeSendCommand(["fast/web@b", at], processOutput, take), 0);
	const other = await newPool();
	await volumeReceiveCommand([`${other}/web`], { out: () => {}, err: () => {} }, Readable.from(stream));
	t.equal(await told(volumeDiffCommand, `${other}/web@b`), "", "the other pool has the snapshot");
	await told(volumeExportCommand, `${other}/web`, file, "--force");
	bytes.fill(0, 0, 4096);
	t.ok(readFileSync(file).equals(bytes));
	t.match(await refused(volumeExportCommand, "fast/web@none", `${file}2`), /has no snapshot "none"/);
	const data = "/api/v1/volumes/fast%2Fweb%40b/data?offset=0&length=512";
	const { port } = (
		await stage.control.listen({ transport: "tcp", where: { host: "127.0.0.1", port: 0 } })
	).address() as AddressInfo;
	t.equal(
		(await ask({ host: "127.0.0.1", port }, "GET", data)).status,
		401,
		"who may look may not read disks",
	);
});

/** What is written to standard output. */
async function sent(...argv: string[]): Promise<Buffer> {
	const stream: Uint8Array[] = [];
	const take = async (piece: Uint8Array): Promise<void> => void stream.push(Uint8Array.from(piece));
	t.equal(await volumeSendCommand(argv, processOutput, take), 0);
	return Buffer.concat(stream);
}

t.test("volumes are made of images, and of what is sent", async (t) => {
	const folder = await newPool();
	const from = await newPool();
	const bytes = await twoSnapshots(from);
	const { stage, at, said, refused } = await stageOf(t, folder);
	const image = path.join(newDirectory(), "b.raw");
	await told(volumeExportCommand, `${from}/web@b`, image);
	t.match(
		await said(volumeImportCommand, "fast/new", image, "--page=16K"),
		/^volume +fast\/new\nsize +1\.1M\nused +\S+\n(.*\n)*page +16K\n/,
	);
	const back = path.join(newDirectory(), "back.raw");
	await said(volumeExportCommand, "fast/new", back);
	t.ok(readFileSync(back).equals(bytes));
	t.match(await run(volumeImportCommand, at, "fast/new", image), { err: /volume "new": is there already/ });
	const { volume } = stage.workers;
	let writes = 0;
	stage.workers.volume = async (pool, question, written) => {
		if (question.ask === "write" && ++writes > 2) throw new OperatorError("the worker has gone");
		return volume(pool, question, written);
	};
	t.match(await refused(volumeImportCommand, "fast/again", image), /the worker has gone/);
	stage.workers.volume = volume;
	await said(volumeImportCommand, "fast/again", image);
	await said(volumeExportCommand, "fast/again", back, "--force");
	t.ok(readFileSync(back).equals(bytes), "interrupted, it is gone on with");
	t.notMatch(await said(volumeLsCommand, "fast"), /part/, "nothing else is left");

	const receive =
		(stream: Buffer) =>
		(argv: readonly string[], output = processOutput) =>
			volumeReceiveCommand(argv, output, Readable.from([stream.subarray(0, 5000), stream.subarray(5000)]));
	const whole = await sent(`${from}/web@a`);
	await t.rejects(run(receive(whole.subarray(0, -100)), at, "fast/db"), {
		message: /breaks off before its end/,
	});
	t.match(await said(volumeReceiveCommand, "--token", "fast/db"), /^\S{50,}\n$/);
	t.match(JSON.parse(await said(receive(whole), "--json", "fast/db")), { pool: "fast", name: "db" });
	const more = await sent(`${from}/web@b`, "-i", "@a");
	t.ok(more.length < whole.length / 2);
	t.match(await refused(receive(more), "fast/db"), /disk db is on it/);
	t.match(await run(receive(more), at, "fast/none"), { status: 2, err: /has no volume "none"/ });
	await said(receive(whole), "fast/web");
	t.match(JSON.parse(await said(receive(more), "--json", "fast/web")).snapshots, [
		{ name: "a" },
		{ name: "b" },
	]);
	await said(volumeExportCommand, "fast/web", back, "--force");
	t.ok(readFileSync(back).equals(bytes));
	t.match(await run(receive(more), at, "fast/web"), { status: 2, err: /has the snapshot already/ });

	const write = (name: string, body: object) =>
		stage.ask("POST", `/api/v1/volumes/fast%2F${name}/data`, { body });
	const piece = { offsetBytes: 0, lengthBytes: 512, data: Buffer.alloc(512, 1).toString("base64") };
	t.match((await write("web", { pieces: [piece], sync: true })).body, {
		detail: /changes while it is copied/,
	});
	t.equal((await write("web.part", { pieces: [{ ...piece, lengthBytes: 1024 }], sync: true })).status, 422);
	t.equal((await write("web%40a", { pieces: [piece], sync: true })).status, 422, "the past stays as it was");
});

longTest("lists have one form, whoever has the pool", {}, async (t) => {
	const folder = await newPool();
	await twoSnapshots(folder);
	const alone = [
		PoolList.parse(JSON.parse(await told(poolLsCommand, "--json", folder))),
		VolumeList.parse(JSON.parse(await told(volumeLsCommand, "--json", folder))),
	] as const;
	const { said } = await stageOf(t, folder);
	const [pools, volumes] = [
		PoolList.parse(JSON.parse(await said(poolLsCommand, "--json"))),
		VolumeList.parse(JSON.parse(await said(volumeLsCommand, "--json"))),
	];
	// (What a file system has left is also for others to say.)
	const { usedBytes, sizeBytes, freeBytes } = alone[0].pools[0] ?? {};
	t.strictSame(
		alone[0].pools,
		pools.pools.map((each) => ({ ...each, name: folder, usedBytes, sizeBytes, freeBytes })),
	);
	const { momentsFrom } = alone[1].volumes[0] ?? {};
	t.strictSame(alone[1], {
		...volumes,
		volumes: volumes.volumes.map((each) => ({ ...each, pool: folder, momentsFrom })),
	});
});
