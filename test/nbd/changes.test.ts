// Where what a volume was may be other than in a snapshot of it, as clients of NBD are told: in the words of a client of our own, to nbdinfo and
// qemu-img, and for a backup that copies only that.

import { execFile, execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import path from "node:path";
import { promisify } from "node:util";
import t, { type Test } from "tap";
import { poolCreateCommand } from "../../lib/cli/pools/pool.js";
import { volumeCreateCommand } from "../../lib/cli/pools/volume.js";
import { CHOSEN_MAX } from "../../lib/nbd/contexts.js";
import { ChunkType, Command, CommandFlag, NbdError, Option, OptionReply } from "../../lib/nbd/protocol.js";
import { Random } from "../../lib/random.js";
import { DaemonTree } from "../daemon/tree-bench.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { PROJECT } from "../support/paths.js";
import { contextQuery, TestClient } from "./client.js";

const PAGE = 4096;
const BYTES = 64 * 1024 * 1024;
const PORT = 10809;
const BASE = `nbd://127.0.0.1:${PORT}`;

/** Copies of an export only what has changed, onto a backup. */
const BACKUP = path.join(PROJECT, "test/nbd/changed-backup.py");

/** As nbdinfo prints a map: where, how long, and whether it is other. */
type Mapped = readonly [offset: number, length: number, isOther: number];

if (await inNamespace(import.meta.url)) {
	execFileSync("ip", ["link", "set", "lo", "up"], { timeout: LIMIT_MS });
	const tree = new DaemonTree();
	const pool = tree.path("fast");
	const quiet = { out: () => {}, err: () => {} };
	await poolCreateCommand([pool], quiet);
	for (const name of ["web", "part"]) await volumeCreateCommand([`${pool}/${name}`, String(BYTES)], quiet);
	tree.configure(
		[
			`workers = 2\n[pool.fast]\npath = "${pool}"\n[nbd]\nlisten = ["127.0.0.1:${PORT}"]`,
			`[disk.web]\nvolume = "fast/web"\n[disk.web.nbd]`,
			`[disk.part]\nvolume = "fast/part"\noffset = 9\nlength = 800\n[disk.part.nbd]\n`,
		].join("\n"),
	);
	await tree.start();
	t.teardown(() => tree.stop());
	for (const name of ["web", "part"]) await tree.state(name, "open");

	const client = (): TestClient => new TestClient(connect({ host: "127.0.0.1", port: PORT }));
	const writer = client();
	await writer.go("web", false);
	const write = async (page: number, pages: number, byte: number): Promise<void> => {
		t.equal(await writer.write(page * PAGE, Buffer.alloc(pages * PAGE, byte)), NbdError.none);
	};
	const trim = async (page: number, pages: number): Promise<void> => {
		writer.request(Command.trim, 7n, page * PAGE, pages * PAGE);
		t.equal((await writer.simple()).error, NbdError.none);
	};
	const snapshot = async (name: string, volume = "web"): Promise<void> => {
		const names = [`fast/${volume}@${name}`];
		t.equal((await tree.ask("POST", "/api/v1/snapshots", { names })).status, 200);
	};
	const run = async (command: string, ...args: string[]): Promise<string> =>
		(await promisify(execFile)(command, args, { timeout: LIMIT_MS })).stdout;
	const mapOf = async (name: string, context: string): Promise<Mapped[]> =>
		JSON.parse(await run("nbdinfo", "--json", `--map=${context}`, `${BASE}/${name}`)).map(
			({ offset, length, type }: Readonly<Record<string, number>>) => [offset, length, type],
		);
	const namesIn = async (name: string, option: number, ...queries: string[]): Promise<string[]> => {
		const one = client();
		await one.greet();
		one.option(Option.structuredReply);
		await one.answers();
		one.option(option, contextQuery(name, queries));
		const answers = await one.answers();
		one.end();
		return answers
			.filter(({ reply }) => reply === OptionReply.metaContext)
			.map(({ data }) => String(data.subarray(4)));
	};

	t.test("three snapshots", async () => {
		await write(0, 8, 1);
		await write(100, 4, 1);
		await snapshot("mon");
		await write(2, 1, 2);
		await write(5, 2, 2);
		await trim(101, 1);
		await write(300, 1, 2);
		await snapshot("tue");
		await write(0, 1, 3);
		await snapshot("wed");
	});

	const rest = (from: number): Mapped => [from * PAGE, BYTES - from * PAGE, 0];
	const SINCE_MONDAY: readonly Mapped[] = [
		[0, 2 * PAGE, 0],
		[2 * PAGE, PAGE, 1],
		[3 * PAGE, 2 * PAGE, 0],
		[5 * PAGE, 2 * PAGE, 1],
		[7 * PAGE, 94 * PAGE, 0],
		[101 * PAGE, PAGE, 1],
		[102 * PAGE, 198 * PAGE, 0],
		[300 * PAGE, PAGE, 1],
		rest(301),
	];

	t.test("since a snapshot, to nbdinfo and to qemu-img", async (t) => {
		for (const context of ["vblade:changed:mon", "qemu:dirty-bitmap:mon"])
			t.strictSame(await mapOf("fast/web@tue", context), SINCE_MONDAY, context);
		t.strictSame(await mapOf("web@wed", "vblade:changed:tue"), [[0, PAGE, 1], rest(1)]);
		t.strictSame(
			await mapOf("web@tue", "vblade:changed:wed"),
			[[0, PAGE, 1], rest(1)],
			"and the other way round",
		);
		const image = `driver=nbd,host=127.0.0.1,port=${PORT},export=web@tue,x-dirty-bitmap=qemu:dirty-bitmap:mon`;
		const mapped = JSON.parse(await run("qemu-img", "map", "--output=json", "--image-opts", image));
		t.strictSame(
			mapped
				// (qemu has no other word for it than "no data".)
				.filter(({ data }: { data: boolean }) => !data)
				.map(({ start, length }: { start: number; length: number }) => [start, length, 1]),
			SINCE_MONDAY.filter(([, , isOther]) => isOther === 1),
		);
	});

	t.test("of a moment, and of a part of a volume", async (t) => {
		t.strictSame(await mapOf("web@-0s", "vblade:changed:tue"), [[0, PAGE, 1], rest(1)]);
		const begin = 9 * 512;
		const one = client();
		await one.go("part", false);
		await snapshot("a", "part");
		t.equal(await one.write(2 * PAGE - begin, Buffer.alloc(512, 1)), NbdError.none);
		one.end();
		await snapshot("b", "part");
		t.strictSame(await mapOf("part@b", "vblade:changed:a"), [
			[0, 2 * PAGE - begin, 0],
			[2 * PAGE - begin, PAGE, 1],
			[3 * PAGE - begin, 800 * 512 - (3 * PAGE - begin), 0],
		]);
	});

	t.test("which there are", async (t) => {
		const { listMetaContext: list, setMetaContext: set } = Option;
		const changed = ["vblade:changed:mon", "vblade:changed:wed"];
		const bitmaps = ["qemu:dirty-bitmap:mon", "qemu:dirty-bitmap:wed"];
		t.strictSame(await namesIn("web@tue", list), ["base:allocation", ...changed, ...bitmaps]);
		t.strictSame(await namesIn("web@tue", list, "vblade:"), changed);
		t.strictSame(await namesIn("web@tue", list, "qemu:dirty-bitmap:", "base:"), [
			"base:allocation",
			...bitmaps,
		]);
		t.strictSame(await namesIn("web@tue", list, "vblade:changed:wed", "none:"), ["vblade:changed:wed"]);
		t.strictSame(
			await namesIn("web@tue", set, "vblade:changed:mon", "vblade:changed:none", "vblade:changed:"),
			["vblade:changed:mon"],
		);
		t.strictSame(await namesIn("web@tue", set, "vblade:changed:-1s", "vblade:changed:tue@mon"), []);
		t.strictSame(await namesIn("web", list), ["base:allocation"], "what changes all the time has none");
		t.strictSame(await namesIn("web", set, "vblade:changed:mon"), []);
	});

	const CONTEXTS = ["base:allocation", "vblade:changed:mon", "qemu:dirty-bitmap:wed"];
	/** What one client is told of a range: by the number of each context, its extents. */
	const statusOf = async (t: Test, one: TestClient, begin: number, length: number, flags = 0) => {
		one.request(Command.blockStatus, 5n, begin, length, { flags });
		const chunks = await one.chunks();
		t.ok(chunks.every(({ type, cookie }) => type === ChunkType.blockStatus && cookie === 5n));
		return chunks.map(({ data }) => {
			const pairs = Array.from({ length: (data.length - 4) / 8 }, (_, i) => [
				data.readUInt32BE(4 + 8 * i),
				data.readUInt32BE(8 + 8 * i),
			]);
			return [data.readUInt32BE(), pairs] as const;
		});
	};

	t.test("several contexts in one answer", async (t) => {
		const one = client();
		await one.go("web@tue", true, CONTEXTS);
		t.strictSame(await statusOf(t, one, 512, 3 * PAGE), [
			[1, [[3 * PAGE, 0]]],
			[
				2,
				[
					[2 * PAGE - 512, 0],
					[PAGE, 1],
					[512, 0],
				],
			],
			[
				3,
				[
					[PAGE - 512, 1],
					[2 * PAGE + 512, 0],
				],
			],
		]);
		const single = await statusOf(t, one, 2 * PAGE, 10 * PAGE, CommandFlag.reqOne);
		t.strictSame(single[1], [2, [[PAGE, 1]]], "one extent, when no more is wanted");
		one.request(Command.blockStatus, 6n, BYTES - 512, 1024);
		const [refused] = await one.chunks();
		t.equal(refused!.data.readUInt32BE(), NbdError.EINVAL);
		one.end();
		const many = Array.from({ length: CHOSEN_MAX + 1 }, (_, i) => CONTEXTS[i % 3]!);
		t.equal((await namesIn("web@tue", Option.setMetaContext, ...many)).length, 3, "each once");
	});

	t.test("what was chosen for one export holds for no other", async (t) => {
		const one = client();
		await one.greet();
		one.option(Option.structuredReply);
		await one.answers();
		one.option(Option.setMetaContext, contextQuery("web@tue", CONTEXTS));
		await one.answers();
		const name = Buffer.from("web@wed");
		one.option(Option.go, Buffer.concat([Buffer.from([0, 0, 0, name.length]), name, Buffer.from([0, 0])]));
		await one.answers();
		one.request(Command.blockStatus, 5n, 0, PAGE);
		const [refused] = await one.chunks();
		t.equal(refused!.data.readUInt32BE(), NbdError.EINVAL);
		one.end();
	});

	t.test(
		"a snapshot that is removed while somebody compares with it is there for him until he goes",
		async (t) => {
			const one = client();
			await one.go("web@tue", true, ["vblade:changed:mon"]);
			const removed = await tree.ask("DELETE", `/api/v1/snapshots/${encodeURIComponent("fast/web@mon")}`);
			t.equal(removed.status, 200);
			await write(3, 1, 5);
			t.strictSame(await statusOf(t, one, 0, 7 * PAGE), [
				[1, SINCE_MONDAY.slice(0, 4).map(([, length, isOther]) => [length, isOther])],
			]);
			one.end();
			t.strictSame(await namesIn("web@tue", Option.setMetaContext, "vblade:changed:mon"), []);
		},
	);

	t.test("backups of a volume that is written to all the time, each of what has changed alone", async (t) => {
		const random = new Random(Number(process.env.NBD_SEED ?? 7));
		const backup = tree.path("backup.img");
		let isDone = false;
		const load = (async () => {
			for (let i = 0; !isDone; i++) {
				const page = random.below(BYTES / PAGE - 40);
				if (i % 7 === 0) await trim(page, 1 + random.below(40));
				else await write(page, 1 + random.below(4), 1 + random.below(255));
			}
		})();
		t.teardown(() => {
			isDone = true;
		});
		await snapshot("day0");
		writeFileSync(backup, "");
		await run("nbdcopy", `${BASE}/web@day0`, backup);
		for (let day = 1; day <= 3; day++) {
			await snapshot(`day${day}`);
			const context = day % 2 === 0 ? "qemu:dirty-bitmap" : "vblade:changed";
			const uri = `${BASE}/web@day${day}`;
			const said = await run("/usr/bin/python3", BACKUP, uri, `${context}:day${day - 1}`, backup);
			const copied = Number(said);
			t.ok(copied > 0 && copied < BYTES, `${copied} bytes were copied`);
			const whole = tree.path("whole.img");
			writeFileSync(whole, "");
			await run("nbdcopy", `${BASE}/web@day${day}`, whole);
			t.ok(readFileSync(backup).equals(readFileSync(whole)), `day ${day}`);
		}
		isDone = true;
		await load;
	});
}
