// Commands that make pools and volumes, and tell of them.
import { closeSync, openSync, writeFileSync, writeSync } from "node:fs";
import path from "node:path";
import t from "tap";
import { volumeDiffCommand } from "../../lib/cli/pools/difference.js";
import { poolCheckCommand, poolScrubCommand } from "../../lib/cli/pools/examine.js";
import { volumeFlattenCommand } from "../../lib/cli/pools/flatten.js";
import { volumeImportCommand } from "../../lib/cli/pools/image.js";
import { withPool } from "../../lib/cli/pools/open-pool.js";
import {
	poolCreateCommand,
	poolLsCommand,
	poolSetCommand,
	poolShowCommand,
} from "../../lib/cli/pools/pool.js";
import { volumeRmCommand } from "../../lib/cli/pools/remove.js";
import { volumeCreateCommand, volumeLsCommand, volumeShowCommand } from "../../lib/cli/pools/volume.js";
import {
	volumeCloneCommand,
	volumeHoldCommand,
	volumeReleaseCommand,
	volumeRenameCommand,
	volumeResizeCommand,
	volumeRollbackCommand,
	volumeSetCommand,
	volumeSnapshotCommand,
} from "../../lib/cli/pools/volume-changes.js";
import { newDirectory } from "../support/mounts.js";
import { told } from "../support/pools.js";

t.test("a pool and volumes are made and told of", async (t) => {
	const folder = path.join(newDirectory(), "deep", "pool");
	t.match(await told(poolCreateCommand, folder), /^pool +\/.*\nformat +5\nvolumes +0\n/);
	t.match(
		await told(volumeCreateCommand, `${folder}/web`, "10G"),
		/^volume +\S+\/web\nsize +10G\nused +0\nunique +0\nshared +0\npast +0\npage +4K\n/,
	);
	const made = JSON.parse(await told(volumeCreateCommand, "--json", "--page=64K", `${folder}/db`, "1M"));
	t.match(made, { name: "db", sizeBytes: 2 ** 20, pageBytes: 65536, usedBytes: 0, wwn: /^3/, created: /Z$/ });
	t.strictSame(JSON.parse(await told(volumeShowCommand, `${folder}/db`, "--json")), made);
	t.match(await told(volumeLsCommand, folder), /^NAME .*\n\S+\/db +1M +0 .*\n\S+\/web +10G +0 .*\n$/);
	t.match(JSON.parse(await told(poolShowCommand, folder, "--json")), { path: folder, format: 5, volumes: 2 });
	t.match(JSON.parse(await told(poolSetCommand, folder, "clock=trusted", "--json")), { clockDoubt: null });
});

t.test("what is no name of a volume, and no place for a pool, is told by what it is", async (t) => {
	const folder = newDirectory();
	await told(poolCreateCommand, folder);
	const message = `volume ${JSON.stringify(folder)}: is a pool; its volumes are called ${JSON.stringify(`${folder}/NAME`)}`;
	for (const [command, ...words] of [
		[volumeCreateCommand, folder, "1G"],
		[volumeShowCommand, folder],
		[volumeRenameCommand, folder, "other"],
	] as const)
		await t.rejects(told(command, ...words), { message });
	const file = path.join(newDirectory(), "file");
	writeFileSync(file, "");
	for (const place of ["/dev/null", file])
		await t.rejects(told(poolCreateCommand, place), {
			message: `${place}: is no directory and no block device; a pool is made in a directory, or on a block device`,
		});
	// A volume that has the name of a directory beside it is one.
	const inner = path.join(folder, "web");
	await told(poolCreateCommand, inner);
	t.match(await told(volumeCreateCommand, inner, "1M"), /^volume +\S+\/web\n/);
});

t.test("snapshots, clones, names and sizes", async (t) => {
	const folder = newDirectory();
	await told(poolCreateCommand, folder);
	for (const name of ["web", "db"]) await told(volumeCreateCommand, `${folder}/${name}`, "1M");
	t.match(
		await told(volumeSnapshotCommand, `${folder}/web@a`, `${folder}/db@a`),
		new RegExp(`^${folder}/web@a {2}(\\S+)\n${folder}/db@a {2}\\1\n$`),
		"of one moment",
	);
	t.match(await told(volumeHoldCommand, `${folder}/web@a`), /snapshot +a {2}\S+ {2}frees 0 {2}held\n/);
	await t.rejects(told(volumeRmCommand, "--force", `${folder}/web@a`), /web@a: is held/);
	t.notMatch(await told(volumeReleaseCommand, `${folder}/web@a`), /held/);
	t.match(await told(volumeCloneCommand, `${folder}/web@a`, "copy"), /^volume +\S+\/copy\nsize +1M\n/);
	t.match(await told(volumeRollbackCommand, `${folder}/web@a`), /snapshot +before-a /);
	t.notMatch(await told(volumeRmCommand, "--force", `${folder}/web@a`), /snapshot +a /);
	t.match(await told(volumeResizeCommand, `${folder}/web`, "2M"), /size +2M/);
	t.match(
		await told(volumeSetCommand, `${folder}/web`, "quota=1M", "keep.daily=30d", "history=90m"),
		/quota +1M\nhistory +90m\nkeep +daily 30d\n/,
	);
	t.notMatch(await told(volumeSetCommand, `${folder}/web`, "keep=", "history="), /keep|history/);
	await t.rejects(
		told(volumeRenameCommand, `${folder}/web`, "/tmp/other/www"),
		/are of one pool; send and receive/,
	);
	await t.rejects(told(volumeSetCommand, `${folder}/web`, "quote=1M"), /key "quote".*quota/);
	await t.rejects(told(volumeSetCommand, `${folder}/web`, "history=1y"), /^history "1y": a time is allowed/);
	t.match(await told(volumeRenameCommand, `${folder}/web`, `${folder}/www`), /volume +\S+\/www/);
	t.equal(await told(volumeRmCommand, "--force", `${folder}/www`), "");
	t.match(await told(volumeLsCommand, folder), /^NAME .*\n\S+\/copy .*\n\S+\/db .*\n$/);
	await t.rejects(told(volumeSnapshotCommand, `${folder}/db`), /PATH\/NAME@SNAPSHOT is allowed/);
	await t.rejects(told(volumeSnapshotCommand, `${folder}/db@b`, `/tmp/db@b`), /are of one pool/);
});

t.test("a clone that is flattened shares nothing with what it began as, and is the same", async (t) => {
	const folder = newDirectory();
	await told(poolCreateCommand, folder);
	const image = path.join(newDirectory(), "image");
	writeFileSync(image, Buffer.concat([Buffer.alloc(65536, 1), Buffer.alloc(65536), Buffer.alloc(4096, 2)]));
	await told(volumeImportCommand, `${folder}/web`, image);
	t.match(await told(volumeSetCommand, `${folder}/web`, "quota=72K"), /^quota +72K$/m);
	t.match(await told(volumeSetCommand, `${folder}/web`, "quota=71K"), /^quota +71K \(used up\)$/m);
	t.match(await told(volumeLsCommand, folder), / 71K \(used up\) /);
	await told(volumeSnapshotCommand, `${folder}/web@a`);
	await told(volumeCloneCommand, `${folder}/web@a`, `${folder}/copy`);
	const changed = () =>
		withPool(folder, async (pool) => {
			let pages = 0;
			for await (const { count } of pool.readings.changes("web@a", "copy", 0)) pages += count;
			return pages;
		});
	t.equal(await changed(), 0);
	t.match(await told(volumeFlattenCommand, `${folder}/copy`), /^volume +\S+\/copy\nsize +132K\nused +68K\n/);
	t.equal(await changed(), 17, "pages that it has of its own now");
	t.equal(await told(volumeDiffCommand, `${folder}/web@a`, `${folder}/copy`), "", "with the same in them");
});

t.test("check and scrub tell what is damaged, with the exit status", async (t) => {
	const folder = newDirectory();
	await told(poolCreateCommand, folder);
	await told(volumeCreateCommand, `${folder}/web`, "1M");
	const lines: string[] = [];
	const output = { out: (text: string) => lines.push(text), err: (text: string) => lines.push(text) };
	t.equal(await poolCheckCommand([folder], output), 0);
	t.equal(await poolScrubCommand([folder], output), 0);
	t.strictSame(lines, [
		`${folder}: all is well (segments 1, records 1)\n`,
		`${folder}: all is well (segments 1, records 1, pages 0, nodes 0)\n`,
	]);
	const file = openSync(path.join(folder, "head"), "r+");
	writeSync(file, Buffer.from("x"), 0, 1, 4096);
	closeSync(file);
	lines.length = 0;
	t.equal(await poolScrubCommand([folder, "--json"], output), 1);
	const place = `${folder}/head, byte 4096`;
	t.match(JSON.parse(lines.join("")), { pool: folder, damaged: 1, findings: [{ place, what: /damaged/ }] });
	lines.length = 0;
	t.equal(await poolCheckCommand([folder], output), 1);
	t.strictSame(lines, [
		`${place}: this copy of the head is damaged; the other one is whole\n`,
		`${folder}: damaged in 1 place (segments 1, records 1)\n`,
	]);
	await t.rejects(poolCheckCommand([newDirectory()], output), /is no pool/);
});

t.test("a name is a daemon's; where there is none, a path may have been meant", async (t) => {
	const socket = `--socket=${newDirectory()}/none`;
	const there = (name: string) =>
		new RegExp(`is the daemon running\\? \\(a path begins with / or \\.: "\\./${name}"\\)\n$`);
	for (const [command, ...argv] of [
		[poolCreateCommand, "fast"],
		[poolShowCommand, "fast"],
		[volumeCreateCommand, "fast/web", "1G"],
		[volumeDiffCommand, "fast/web@-10m"],
		[poolScrubCommand, "fast"],
	] as const)
		t.match(await told(command, ...argv, socket), there(argv[0]), argv.join(" "));
	t.match(await told(volumeLsCommand, socket), /is the daemon running\?\n$/);
});

t.test("of pools at paths what is wrong with one does not hide the others", async (t) => {
	const folder = newDirectory();
	await told(poolCreateCommand, folder);
	let out = "";
	const output = { out: (text: string) => (out += text), err: () => {} };
	t.equal(await poolLsCommand([`${folder}/none`, folder], output), 1);
	t.match(out, new RegExp(`${folder}/none \\(there is no such directory\\)\n.* ${folder}\n`));
	t.equal(await poolLsCommand([folder], output), 0);
});

t.test("what is wrong is told in one line", async (t) => {
	const folder = newDirectory();
	const file = path.join(newDirectory(), "disk.img");
	writeFileSync(file, Buffer.alloc(4096));
	for (const [command, argv, message] of [
		[poolShowCommand, [folder], /: is no pool/],
		[poolSetCommand, [folder, "clock=right"], /^clock: only "trusted" is allowed$/],
		[poolSetCommand, [folder, "clok=trusted"], /"clok".*clock/],
		[poolSetCommand, [folder, "clock"], /KEY=VALUE is expected here, as in clock=trusted/],
		[poolShowCommand, [`${folder}/none`], /there is no such directory/],
		[poolCreateCommand, ["/proc/none"], /^\/proc\/none: there is no such directory$/],
		[volumeCreateCommand, ["web", "1G"], /volume "web": POOL\/NAME is allowed/],
		[volumeCreateCommand, [`${folder}/web`, "big"], /size "big": a number is allowed/],
		[volumeCreateCommand, [`${folder}/web`], /missing argument: size/],
		[volumeShowCommand, [`${folder}/`], /PATH\/NAME is allowed/],
		[volumeCreateCommand, [`${folder}/web`, "-5G"], /^option "-5": .* no number is negative; see /],
		[volumeImportCommand, [file, `${folder}/web`], /: .*; the volume comes first, then the image$/],
		[volumeImportCommand, [`${folder}/web`, `${folder}/none`], /none": (?!.*comes first)/],
	] as const)
		await t.rejects(told(command, ...argv), message, argv.join(" "));
	await told(poolCreateCommand, folder);
	await t.rejects(told(poolCreateCommand, folder), /is a pool already/);
	await t.rejects(told(volumeCreateCommand, `${folder}/web`, "0"), /multiple of 512 bytes, not 0/);
	await t.rejects(told(volumeShowCommand, `${folder}/web`), /has no volume "web"/);
});

t.test("what does not come back is removed when its name is typed, or by force", async (t) => {
	const folder = newDirectory();
	await told(poolCreateCommand, folder);
	for (const name of ["web", "new.part", "new.part.state", "old.part.state"])
		await told(volumeCreateCommand, `${folder}/${name}`, name === "new.part.state" ? "4K" : "1M");
	const web = `${folder}/web`;
	await told(volumeSnapshotCommand, `${web}@a`);
	await t.rejects(told(volumeRmCommand, web), /\/web": would not come back; --force removes it/);
	const asked: string[] = [];
	const output = { out: () => {}, err: () => {} };
	const answering = (answer: string) => async (question: string) => {
		asked.push(question);
		return answer;
	};
	for (const answer of ["", "y", "web"]) t.equal(await volumeRmCommand([web], output, answering(answer)), 1);
	t.match(await told(volumeShowCommand, web), /snapshot +a /);
	t.equal(await volumeRmCommand([`${web}@a`], output, answering(`${web}@a`)), 0);
	t.equal(await volumeRmCommand([web], output, answering(web)), 0);
	t.match(asked[0], /^a volume with all of its snapshots .* type \/.*\/web: $/);
	t.match(asked.at(-2), /^a snapshot /);
	await told(volumeRmCommand, "-f", `${folder}/new.part`);
	t.match(
		await told(volumeLsCommand, folder),
		/^NAME .*\n\S+\/old\.part\.state .*\n$/,
		"with what says how far it was",
	);
});

t.test("who has a pool is told by name", async (t) => {
	const folder = newDirectory();
	await told(poolCreateCommand, folder);
	await withPool(folder, async () => {
		await t.rejects(
			told(poolShowCommand, folder),
			new RegExp(`${folder}: is in use by process ${process.pid} \\(\\S*node .*\\)$`),
		);
	});
});
