/**
 * Commands of pools and volumes that a running daemon has: what they print and what becomes of it, with a control process whose worker has a real
 * pool, and disks that are none.
 */

import t, { type Test } from "tap";
import { StorageEngine } from "../../../lib/block/engine.js";
import { poolLsCommand, poolShowCommand } from "../../../lib/cli/pools/pool.js";
import { volumeCreateCommand, volumeLsCommand, volumeShowCommand } from "../../../lib/cli/pools/volume.js";
import {
	volumeCloneCommand,
	volumeHoldCommand,
	volumeReleaseCommand,
	volumeRenameCommand,
	volumeResizeCommand,
	volumeRmCommand,
	volumeRollbackCommand,
	volumeSnapshotCommand,
} from "../../../lib/cli/pools/volume-changes.js";
import { WorkerPools } from "../../../lib/daemon/worker-pools.js";
import { Pump } from "../../../lib/pump.js";
import { Stage, settle } from "../../control/stage.js";
import { until } from "../../support/cleanup.js";
import { LIMIT_MS } from "../../support/limit.js";
import { newPool } from "../../support/pools.js";
import { run } from "./ask.js";

async function stageOf(t: Test) {
	const folder = await newPool();
	const pump = new Pump();
	const engine = new StorageEngine(pump);
	const pools = new WorkerPools({ engine, pump });
	t.teardown(async () => {
		await pools.close();
		engine.close();
	});
	const stage = new Stage();
	stage.opener.text = `${stage.opener.text}\n[pool.fast]\npath = "${folder}"\n[disk.db]\nvolume = "fast/db"\n[disk.old]\nvolume = "fast/mail@a"\n`;
	stage.workers.pool = (...asked) => pools.act(...asked);
	await stage.start(t);
	await settle();
	const at = `--socket=${stage.socketPath}`;
	/** What a command says that has done what it should. */
	const said = async (command: typeof poolLsCommand, ...argv: string[]): Promise<string> => {
		const { status, out, err } = await run(command, at, ...argv);
		t.equal(status, 0, `${argv.join(" ")}: ${err}`);
		return out;
	};
	/** What it says that could not. */
	const refused = async (command: typeof poolLsCommand, ...argv: string[]): Promise<string> => {
		const { status, err } = await run(command, at, ...argv);
		t.equal(status, 1, argv.join(" "));
		return err;
	};
	return { stage, folder, said, refused };
}

t.test("volumes are made, changed and looked at", async (t) => {
	const { folder, said, refused } = await stageOf(t);
	t.match(
		await said(volumeCreateCommand, "fast/web", "10G"),
		/^volume +fast\/web\nsize +10G\nused +0\npage +4K\n/,
	);
	t.match(JSON.parse(await said(volumeCreateCommand, "fast/db", "1M", "--page=64K", "--json")), {
		pool: "fast",
		disk: "db",
		pageBytes: 65536,
	});
	t.match(
		await said(volumeLsCommand),
		/^NAME +SIZE +USED +DISK\nfast\/db +1M +0 +db\nfast\/web +10G +0 +-\n$/,
	);
	t.match(await said(poolLsCommand), new RegExp(`^NAME +VOLUMES +USED +PATH\nfast +2 +\\S+ +${folder}\n$`));
	t.match(await said(poolShowCommand, "fast"), /^pool +fast\n(.*\n)*format +1\n/);
	t.match(await said(volumeResizeCommand, "fast/web", "20G"), /^size +20G$/m);
	t.match(await refused(volumeResizeCommand, "fast/web", "1G"), /larger than that; --shrink cuts it off/);
	t.match(await said(volumeResizeCommand, "fast/web", "1G", "--shrink"), /^size +1G$/m);
	t.match(await said(volumeRenameCommand, "fast/web", "www"), /^volume +fast\/www$/m);
	t.match(await refused(volumeShowCommand, "fast/web"), /pool "fast": there is no volume "web"/);
	t.match(await refused(volumeRmCommand, "fast/db"), /volume "fast\/db": disk db is on it/);
	t.match(await refused(volumeRenameCommand, "fast/db", "x"), /disk db is on it/);
	t.equal(await said(volumeRmCommand, "fast/www"), "");
	t.notMatch(await said(volumeLsCommand, "fast"), /www/);
	t.match(await refused(volumeLsCommand, "slow"), /pool "slow": there is none of this name/);
	t.match(await run(volumeShowCommand, "web"), { status: 2, err: /volume "web": POOL\/NAME is allowed/ });
});

t.test("snapshots, clones, and the way back", async (t) => {
	const { stage, said, refused } = await stageOf(t);
	for (const name of ["mail", "db"]) await said(volumeCreateCommand, `fast/${name}`, "1M");
	t.match(
		await said(volumeSnapshotCommand, "fast/mail@a", "fast/db@a"),
		/^fast\/mail@a {2}(\S+)\nfast\/db@a {2}\1\n$/,
		"of one moment",
	);
	t.match(await refused(volumeSnapshotCommand, "fast/mail@a"), /has a snapshot "a" already/);
	t.match(await refused(volumeSnapshotCommand, "fast/mail@b", "slow/db@b"), /pool "slow": there is none/);
	t.match(await said(volumeHoldCommand, "fast/db@a"), /snapshot +a {2}\S+ {2}held\n/);
	t.match(await refused(volumeRmCommand, "fast/db@a"), /db@a: is held/);
	t.notMatch(await said(volumeReleaseCommand, "fast/db@a"), /held/);
	t.match(await refused(volumeRmCommand, "fast/mail@a"), /snapshot "fast\/mail@a": disk old is on it/);
	t.match(await refused(volumeRmCommand, "fast/mail"), /disk old is on fast\/mail@a/);
	t.match(await said(volumeCloneCommand, "fast/db@a", "copy"), /^volume +fast\/copy\nsize +1M\n/);
	t.match(await said(volumeCloneCommand, "fast/db@a", "fast/copy2"), /^volume +fast\/copy2\n/);
	t.match(await refused(volumeRollbackCommand, "fast/db@a"), /disk db is on it; by force it is closed first/);
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
