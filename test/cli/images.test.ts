// Commands that make volumes of images, and images of volumes; killed while they do, and called again.
import { existsSync, openSync, readFileSync, writeSync } from "node:fs";
import path from "node:path";
import { PassThrough } from "node:stream";
import t from "tap";
import { volumeExportCommand, volumeImportCommand } from "../../lib/cli/pools/image.js";
import { withPool } from "../../lib/cli/pools/open-pool.js";
import type { Place } from "../../lib/cli/pools/place.js";
import { placeOf } from "../../lib/cli/pools/pool-place.js";
import { fillVolume, hasVolume } from "../../lib/cli/pools/unfinished.js";
import { volumeCreateCommand, volumeLsCommand } from "../../lib/cli/pools/volume.js";
import { progressOf } from "../../lib/cli/progress.js";
import { OperatorError } from "../../lib/errors.js";
import type { Pool } from "../../lib/pool/pool.js";
import { Random } from "../../lib/random.js";
import { file, pattern, qcow2, read } from "../image/images.js";
import { pause } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import { vbladeCommand } from "../support/paths.js";
import { newPool, told } from "../support/pools.js";
import { Program } from "../support/process.js";

const MIB = 1024 * 1024;

t.test("an image becomes a volume, and a volume an image of either kind", async (t) => {
	const folder = await newPool();
	file("behind.raw", pattern(3 * MIB, 3));
	const backing = { name: "behind.raw", format: "raw" };
	const clusters = { 0: pattern(65536, 1), 7: "zero", 9: { deflated: pattern(65536, 2) } } as const;
	const image = file("disk.qcow2", qcow2({ clusterBits: 16, sizeBytes: 4 * MIB, clusters, backing }));
	const { bytes } = await read(image);
	const made = JSON.parse(await told(volumeImportCommand, "--json", "--page=8K", `${folder}/web`, image));
	t.match(made, { name: "web", sizeBytes: 4 * MIB, pageBytes: 8192, usedBytes: 3 * MIB - 65536 });
	for (const [name, format] of [
		["a.raw", "raw"],
		["a.qcow2", "qcow2"],
	] as const) {
		const out = path.join(folder, "..", path.basename(folder) + name);
		t.equal(await told(volumeExportCommand, `${folder}/web`, out), "");
		t.ok((await read(out, format)).bytes.equals(bytes), format);
		await t.rejects(
			told(volumeExportCommand, `${folder}/web`, out),
			/is there already \(--force replaces it\)/,
		);
		const said = await told(volumeExportCommand, "-f", "--json", `${folder}/web`, out);
		t.strictSame(JSON.parse(said), { file: out, format, sizeBytes: 4 * MIB });
		const again = await told(volumeImportCommand, `${folder}/${format}`, out, `--format=${format}`);
		t.match(again, /^volume +\S+\nsize +4M\nused +2\.9M\n/);
	}
	await t.rejects(told(volumeImportCommand, `${folder}/web`, image), /volume "web": is there already/);
	t.match(
		await told(volumeLsCommand, folder),
		/^NAME .*\n\S+\/qcow2 .*\n\S+\/raw .*\n\S+\/web .*\n$/,
		"and nothing else",
	);
});

t.test("what is wrong is told in one line, and leaves nothing that looks whole", async (t) => {
	const folder = await newPool();
	const good = qcow2({ sizeBytes: MIB, clusters: { 0: pattern(512), 5: { deflated: pattern(512) } } });
	good.writeBigUInt64BE((1n << 62n) | 20n, 2 * 512 + 5 * 8);
	const image = file("bad.qcow2", good);
	const damaged = { name: "FailedError", message: /bad.qcow2": at byte / };
	await t.rejects(told(volumeImportCommand, `${folder}/web`, image), damaged);
	const empty = file("empty.raw", Buffer.alloc(0));
	await t.rejects(told(volumeImportCommand, `${folder}/e`, empty), { message: /empty.raw": is empty$/ });
	const none = file("none.qcow2", Buffer.from("hello"));
	await t.rejects(
		told(volumeImportCommand, `${folder}/e`, none),
		/none.qcow2": is called so and does not begin as qcow2/,
	);
	await t.rejects(told(volumeImportCommand, `${folder}/e`, "nosuch.raw"), {
		message: '"nosuch.raw": there is no such file',
	});
	t.match(await told(volumeImportCommand, `${await newPool()}/raw`, none, "--format=raw"), /size +512/);
	await t.rejects(told(volumeExportCommand, `${folder}/web`, "/nowhere"), /has no volume "web"/);
	await t.rejects(
		told(volumeImportCommand, `${folder}/web`, image, "--format=vmdk"),
		/raw or qcow2 is allowed/,
	);
	await told(volumeImportCommand, `${folder}/web`, file("good.raw", pattern(MIB)));
	t.match(
		await told(volumeLsCommand, folder),
		/^NAME .*\n\S+\/web +1M +1M .*\n$/,
		"what was left is gone with what took its place",
	);
	await told(volumeCreateCommand, `${folder}/db.part`, "1M");
	await t.rejects(told(volumeImportCommand, `${folder}/db`, image), /volume "db.part": is there already/);
});

t.test("what can't be made leaves nothing behind", async (t) => {
	const folder = await newPool();
	const filling = {
		isMine: () => false,
		isDone: async () => false,
		finish: async () => {},
		first: {},
		make: () => Promise.reject(new OperatorError("was changed since")),
	};
	await withPool(folder, (pool) =>
		t.rejects(
			fillVolume(placeOf(folder, pool), "web", filling, async () => {}),
			{
				message: "was changed since",
			},
		),
	);
	t.notMatch(await told(volumeLsCommand, folder), /part/);
});

t.test("the next attempt at the same goes on, one at something else begins anew", async (t) => {
	const folder = await newPool();
	const begun: unknown[] = [];
	const made: string[] = [];
	const attempt = (pool: Pool, what: number, end: boolean): Promise<void> => {
		const filling = {
			isMine: (kept: unknown) => Object(kept).what === what,
			isDone: (to: Place) => hasVolume(to, "web"),
			finish: (to: Place, part: string) => to.rename(part, "web"),
			first: { what, at: 0 },
			make: (to: Place, part: string) => {
				made.push(part);
				return to.create(part, MIB, 4096);
			},
		};
		return fillVolume(placeOf(folder, pool), "web", filling, async (_, kept) => {
			begun.push(await kept.read());
			await kept.write({ what, at: 7 });
			if (!end) throw new Error("interrupted");
		});
	};
	await withPool(folder, (pool) => t.rejects(attempt(pool, 1, false), { message: "interrupted" }));
	await withPool(folder, (pool) => t.rejects(attempt(pool, 1, false), { message: "interrupted" }));
	await withPool(folder, (pool) => t.rejects(attempt(pool, 2, false), { message: "interrupted" }));
	await withPool(folder, async ({ administration }) => {
		await administration.rename("web.part", "mine");
		await administration.delete("mine");
	});
	await withPool(folder, (pool) => t.rejects(attempt(pool, 2, false), { message: "interrupted" }));
	await withPool(folder, (pool) => attempt(pool, 2, true));
	t.strictSame(begun, [
		{ what: 1, at: 0 },
		{ what: 1, at: 7 },
		{ what: 2, at: 0 },
		// What had been filled is gone.
		{ what: 2, at: 0 },
		{ what: 2, at: 7 },
	]);
	t.strictSame(made, ["web.part", "web.part", "web.part"]);
	await withPool(folder, async (pool) => {
		t.strictSame(
			pool.volumes.map(({ name }) => name),
			["web"],
		);
		await t.rejects(attempt(pool, 2, true), /is there already/);
	});
});

t.test("killed at any time, and called again until it is done", async (t) => {
	const folder = await newPool();
	const random = new Random();
	t.comment(`seed ${random.seed}`);
	const image = file("large.raw", Buffer.alloc(0));
	const descriptor = openSync(image, "w");
	for (let at = 0; at < 100; at += 2) writeSync(descriptor, pattern(MIB, 1 + at), 0, MIB, at * MIB);
	const out = `${image}.out`;
	for (const argv of [
		["import", `${folder}/web`, image],
		["export", `${folder}/web`, out],
	]) {
		for (let kill = 0; kill < 2; kill++) {
			const program = new Program([...vbladeCommand(), "volume", ...argv]);
			await pause(200 + random.below(800));
			program.signal("SIGKILL");
			await program.finished(LIMIT_MS);
			if (program.ended?.code === 0) break;
		}
		const last = new Program([...vbladeCommand(), "volume", ...argv]);
		await last.finished(LIMIT_MS);
		t.match(last.output, /^$|^volume +\S+\/web\n|is there already/);
	}
	t.ok(readFileSync(out).equals(readFileSync(image)));
	t.notOk(existsSync(`${out}.part`) || existsSync(`${out}.part.state`));
	t.match(await told(volumeLsCommand, folder), /^NAME .*\n\S+\/web +\d+M +50M .*\n$/);
});

t.test("how far it is, is shown on a terminal alone", async (t) => {
	for (const isTTY of [true, false]) {
		let shown = "";
		const stream = Object.assign(new PassThrough(), {
			isTTY,
			columns: 80,
			cursorTo: () => true,
			clearLine: () => true,
		});
		stream.on("data", (text) => (shown += text));
		const progress = await progressOf("import web", 4 * MIB, stream as unknown as NodeJS.WriteStream);
		progress.at(MIB);
		progress.stop();
		if (isTTY) t.match(shown, /import web \[=+-+\] 25% 1M of 4M/);
		else t.equal(shown, "");
	}
});
