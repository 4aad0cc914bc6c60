// What the opener makes and opens for a worker that has a pool: the pool's files, by their names, and nothing else.
import { readdirSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import t from "tap";
import { OperatorError } from "../../lib/errors.js";
import { Grants } from "../../lib/opener/grants.js";
import { PoolFolders } from "../../lib/opener/pool-folders.js";
import { FILE_BYTES } from "../../lib/pool/format.js";

t.test("files of a pool are granted, by their names", async (t) => {
	const grants = new Grants([], [], ["/srv/fast"]);
	for (const name of ["head", "log.000000", "log.000017"])
		t.strictSame(grants.grant(`/srv/fast/${name}`, false), {
			folder: "/srv/fast",
			path: name,
			isOfPool: true,
		});
	const device = { folder: "", path: "/srv/fast", isOfPool: true };
	t.strictSame(grants.grant("/srv/fast", false), device, "it may be on a device");
	for (const file of ["/srv/fast/other", "/srv/fast/sub/head", "/srv/fast/../fast/head", "/srv/head"])
		t.throws(() => grants.grant(file, true), OperatorError, file);
	grants.refusePool("/srv/fast");
	for (const folder of ["/srv", "/srv/fast/", "/srv/fast/sub", "/etc"])
		t.throws(() => grants.refusePool(folder), /no pool of the files/, folder);
});

t.test("the next file of a log is made, and no other", async (t) => {
	const folder = t.testdir({ head: "", "log.000000": "", secret: "" });
	const folders = new PoolFolders();
	t.strictSame(
		[...(await folders.look(folder)).names].sort(),
		["head", "log.000000"],
		"others are not told of",
	);
	await t.rejects(folders.make(folder, 2), /the next file of the pool is log\.000001/);
	await Promise.all([folders.make(folder, 1), folders.make(folder, 2)]);
	t.strictSame(readdirSync(folder).sort(), ["head", "log.000000", "log.000001", "log.000002", "secret"]);
	const { size, mode } = statSync(path.join(folder, "log.000002"));
	t.strictSame([size, mode & 0o777], [FILE_BYTES, 0o600]);
	writeFileSync(path.join(folder, "log.000001"), "kept");
	await folders.make(folder, 1);
	t.equal(statSync(path.join(folder, "log.000001")).size, 4, "what is there is left alone");
	await t.rejects(folders.look(path.join(folder, "none")), /there is no such directory/);
});

t.test(
	"of a pool in an object store what is on this host is granted, and made where it is named",
	async (t) => {
		const folder = path.join(t.testdir(), "logs/gold");
		const grants = new Grants([], [], ["/srv/fast"], [folder]);
		t.match(grants.grant(`${folder}/image`, false), { folder, path: "image", isOfPool: true });
		t.match(grants.grant(`${folder}/log.000005`, false), { path: "log.000005" });
		for (const file of [
			"/srv/fast/image",
			`${folder}/superblock`,
			`${folder}/image.new`,
			`${folder}/sub/image`,
		])
			t.throws(() => grants.grant(file, false), OperatorError, file);
		grants.refuseLog(folder);
		grants.refusePool(folder);
		t.throws(() => grants.refuseLog("/srv/fast"), /no log of the files/);
		const folders = new PoolFolders();
		await folders.beginLog(folder);
		await folders.beginLog(folder);
		writeFileSync(path.join(folder, "superblock"), "secret");
		for (const name of ["log.000007", "image", "head"]) await folders.makeInLog(folder, name);
		t.strictSame([...(await folders.lookAtLog(folder)).names].sort(), ["head", "image", "log.000007"]);
		const { size, blocks } = statSync(path.join(folder, "log.000007"));
		t.strictSame([size, blocks], [FILE_BYTES, 0], "it takes no space");
		writeFileSync(path.join(folder, "image"), "kept");
		await folders.makeInLog(folder, "image");
		t.equal(statSync(path.join(folder, "image")).size, 4, "what is there is left alone");
		for (const name of ["superblock", "../head", "log.5", "image.new"])
			await t.rejects(folders.makeInLog(folder, name), /no file of a log/, name);
	},
);
