// Commands that make pools and volumes, and tell of them.
import path from "node:path";
import t from "tap";
import { poolCreateCommand, poolShowCommand } from "../../lib/cli/pools/pool.js";
import { volumeCreateCommand, volumeLsCommand, volumeShowCommand } from "../../lib/cli/pools/volume.js";
import {
	volumeCloneCommand,
	volumeHoldCommand,
	volumeReleaseCommand,
	volumeRenameCommand,
	volumeResizeCommand,
	volumeRmCommand,
	volumeRollbackCommand,
	volumeSnapshotCommand,
} from "../../lib/cli/pools/volume-changes.js";
import { newDirectory } from "../support/mounts.js";
import { told } from "../support/pools.js";

t.test("a pool and volumes are made and told of", async (t) => {
	const folder = path.join(newDirectory(), "deep", "pool");
	t.match(await told(poolCreateCommand, folder), /^pool +\/.*\nformat +1\nvolumes +0\n/);
	t.match(
		await told(volumeCreateCommand, `${folder}/web`, "10G"),
		/^volume +web\nsize +10G\nused +0\npage +4K\n/,
	);
	const made = JSON.parse(await told(volumeCreateCommand, "--json", "--page=64K", `${folder}/db`, "1M"));
	t.match(made, { name: "db", sizeBytes: 2 ** 20, pageBytes: 65536, usedBytes: 0, wwn: /^3/, created: /Z$/ });
	t.strictSame(JSON.parse(await told(volumeShowCommand, `${folder}/db`, "--json")), made);
	t.match(await told(volumeLsCommand, folder), /^db +1M +0\nweb +10G +0\n$/);
	t.match(JSON.parse(await told(poolShowCommand, folder, "--json")), { path: folder, format: 1, volumes: 2 });
});

t.test("snapshots, clones, names and sizes", async (t) => {
	const folder = newDirectory();
	await told(poolCreateCommand, folder);
	for (const name of ["web", "db"]) await told(volumeCreateCommand, `${folder}/${name}`, "1M");
	t.match(
		await told(volumeSnapshotCommand, `${folder}/web@a`, `${folder}/db@a`),
		/^web@a {2}(\S+)\ndb@a {2}\1\n$/,
		"of one moment",
	);
	t.match(await told(volumeHoldCommand, `${folder}/web@a`), /snapshot +a {2}\S+ {2}held\n/);
	await t.rejects(told(volumeRmCommand, `${folder}/web@a`), /web@a: is held/);
	t.notMatch(await told(volumeReleaseCommand, `${folder}/web@a`), /held/);
	t.match(await told(volumeCloneCommand, `${folder}/web@a`, "copy"), /^volume +copy\nsize +1M\n/);
	t.match(await told(volumeRollbackCommand, `${folder}/web@a`), /snapshot +before-a /);
	t.notMatch(await told(volumeRmCommand, `${folder}/web@a`), /snapshot +a /);
	t.match(await told(volumeResizeCommand, `${folder}/web`, "2M"), /size +2M/);
	t.match(await told(volumeRenameCommand, `${folder}/web`, "www"), /volume +www/);
	t.equal(await told(volumeRmCommand, `${folder}/www`), "");
	t.match(await told(volumeLsCommand, folder), /^copy .*\ndb .*\n$/);
	await t.rejects(told(volumeSnapshotCommand, `${folder}/db`), /PATH\/NAME@SNAPSHOT is allowed/);
	await t.rejects(told(volumeSnapshotCommand, `${folder}/db@b`, `/tmp/db@b`), /are of one pool/);
});

t.test("what is wrong is told in one line", async (t) => {
	const folder = newDirectory();
	for (const [command, argv, message] of [
		[poolCreateCommand, ["fast"], /pool "fast": a path that begins with \/ or \. is allowed/],
		[poolShowCommand, [folder], /: is no pool/],
		[poolShowCommand, [`${folder}/none`], /there is no such directory/],
		[volumeCreateCommand, ["web", "1G"], /volume "web": PATH\/NAME is allowed/],
		[volumeCreateCommand, [`${folder}/web`, "big"], /size "big": a number is allowed/],
		[volumeCreateCommand, [`${folder}/web`], /missing argument: size/],
		[volumeShowCommand, [`${folder}/`], /PATH\/NAME is allowed/],
	] as const)
		await t.rejects(told(command, ...argv), message, argv.join(" "));
	await told(poolCreateCommand, folder);
	await t.rejects(told(poolCreateCommand, folder), /is not empty/);
	await t.rejects(told(volumeCreateCommand, `${folder}/web`, "0"), /multiple of 512 bytes, not 0/);
	await t.rejects(told(volumeShowCommand, `${folder}/web`), /has no volume "web"/);
});
