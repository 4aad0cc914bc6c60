// Trap 12: a pool that was copied is known for a copy, and opened only when it is made a pool of its own.
import { cpSync, renameSync } from "node:fs";
import path from "node:path";
import t from "tap";
import { poolCreateCommand, poolShowCommand } from "../../lib/cli/pools/pool.js";
import { volumeCreateCommand, volumeLsCommand, volumeShowCommand } from "../../lib/cli/pools/volume.js";
import { volumeSnapshotCommand } from "../../lib/cli/pools/volume-changes.js";
import { openVolume } from "../../lib/pool/openings.js";
import { isAll, makeBench, read, write } from "../block/file-bench.js";
import { newDirectory } from "../support/mounts.js";
import { told } from "../support/pools.js";

const COPY = /: is a copy of a pool that was made somewhere else; vblade pool create --adopt makes/;

t.test("a copy is refused, and adopted it is another pool with other disks and the same data", async (t) => {
	const bench = makeBench(t);
	const folder = path.join(newDirectory(), "pool");
	const copy = path.join(newDirectory(), "copy");
	await told(poolCreateCommand, folder);
	for (const name of ["web", "db"]) await told(volumeCreateCommand, `${folder}/${name}`, "8M");
	const options = { readOnly: false, offsetSectors: 0, lengthSectors: undefined, durability: "ack" } as const;
	const { device } = await openVolume(bench, folder, "web", options);
	await write(device, 0, 4096, 7);
	await device.close();
	await told(volumeSnapshotCommand, `${folder}/web@a`);
	cpSync(folder, copy, { recursive: true, preserveTimestamps: true });
	for (const command of [poolShowCommand, volumeLsCommand]) await t.rejects(told(command, copy), COPY);
	await t.rejects(openVolume(bench, copy, "web", options), COPY, "nor is it served");
	const look = async (pool: string) => ({
		id: JSON.parse(await told(poolShowCommand, pool, "--json")).id,
		web: JSON.parse(await told(volumeShowCommand, `${pool}/web`, "--json")),
		db: JSON.parse(await told(volumeShowCommand, `${pool}/db`, "--json")),
	});
	const first = await look(folder);
	t.match(await told(poolCreateCommand, copy, "--adopt"), /^pool +\/.*\nformat.*\nvolumes +2\n/);
	const second = await look(copy);
	t.not(second.id, first.id);
	for (const name of ["web", "db"] as const) {
		t.not(second[name].serial, first[name].serial);
		t.not(second[name].wwn, first[name].wwn);
		t.match(second[name].wwn, /^3[0-9a-f]{15}$/);
	}
	t.strictSame(second.web.snapshots, first.web.snapshots);
	for (const name of ["web", "web@a"]) {
		const opened = await openVolume(bench, copy, name, { ...options, readOnly: true });
		t.ok(isAll((await read(opened.device, 0, 4096)).bytes, 7), name);
		await opened.device.close();
	}
	t.strictSame(await look(folder), first, "the first one is what it was");
	const again = path.join(newDirectory(), "again");
	cpSync(copy, again, { recursive: true });
	await t.rejects(told(poolShowCommand, again), COPY, "a copy of the copy");
	await told(poolCreateCommand, again, "--adopt");
	t.match(
		await told(poolCreateCommand, again, "--adopt"),
		/: was no copy that is known as one; all the same its volumes have other serial numbers/,
	);
	t.equal((await look(again)).web.usedBytes, 4096);
});

t.test("one that was moved on its file system is no copy", async (t) => {
	const [from, to] = [path.join(newDirectory(), "a"), path.join(newDirectory(), "b")];
	await told(poolCreateCommand, from);
	renameSync(from, to);
	t.match(await told(poolShowCommand, to), /^pool/);
});

t.test("what is kept of its past is said when it is made", async (t) => {
	const folder = path.join(newDirectory(), "pool");
	const past = ["--history", "2h", "--history-space", "1G", "--keep", "hourly=7d", "--keep", "daily=30d"];
	t.match(
		await told(poolCreateCommand, folder, ...past),
		/\nhistory +2h, in at most 1073741824, at least 0\nkeep +hourly 7d\n/,
	);
	const { settings } = JSON.parse(await told(poolShowCommand, folder, "--json"));
	t.strictSame(settings, {
		history: "2h",
		historySpace: "1073741824",
		historyMin: "0",
		keep: { hourly: "7d", daily: "30d" },
	});
	const none = path.join(newDirectory(), "none");
	for (const [option, value, message] of [
		["--history", "long", /^history "long": a time is allowed/],
		["--keep", "yearly=1d", /^no such key "keep\.yearly"/],
		["--keep", "hourly", /^keep "hourly": PERIOD=TIME is allowed, as in hourly=7d$/],
	] as const)
		await t.rejects(told(poolCreateCommand, none, option, value), message);
	await t.rejects(told(poolShowCommand, none), /no such directory/, "nothing was made");
});

t.test("options that don't go together", async (t) => {
	const folder = newDirectory();
	for (const [argv, message] of [
		[["--adopt"], /: is no pool/],
		[["--adopt", "--force"], /--adopt: makes nothing new; --force does not go with it/],
		[["--size", "1G"], /--size: says how much --preallocate writes/],
		[["--preallocate"], /is a directory; how much --preallocate is to write says --size/],
		[["--preallocate", "--size", "much"], /size "much": a number is allowed/],
	] as const)
		await t.rejects(told(poolCreateCommand, folder, ...argv), message);
	await told(poolCreateCommand, folder, "--preallocate", "--size", "65M");
	await t.rejects(told(poolCreateCommand, folder, "--force"), /is a pool already/);
});
