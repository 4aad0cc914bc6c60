// What differs between snapshots, told and sent: equal to a byte comparison, and the same at the other end.
import t from "tap";
import { volumeDiffCommand } from "../../lib/cli/pools/difference.js";
import { openToCopy, withPool } from "../../lib/cli/pools/open-pool.js";
import { poolCreateCommand } from "../../lib/cli/pools/pool.js";
import { volumeReceiveCommand, volumeSendCommand } from "../../lib/cli/pools/stream.js";
import { volumeLsCommand } from "../../lib/cli/pools/volume.js";
import type { Pool } from "../../lib/pool/pool.js";
import { Random } from "../../lib/random.js";
import { DeviceReader, DeviceWriter } from "../../lib/send/device.js";
import { collected } from "../image/images.js";
import { inPieces } from "../send/streams.js";
import { newDirectory } from "../support/mounts.js";
import { told } from "../support/pools.js";

const PAGE = 4096;
/** Ends within a page. */
const SIZE = 300 * PAGE + 512;

/** Writes, writes once more what is there, and zeroes, here and there. */
async function change(pool: Pool, name: string, random: Random): Promise<void> {
	const before = await contentOf(pool, name);
	const device = await openToCopy(pool, name, false);
	const writer = new DeviceWriter(device, name);
	for (let i = 0; i < 40; i++) {
		const offsetBytes = 512 * random.below(SIZE / 512);
		const lengthBytes = Math.min(SIZE - offsetBytes, 512 * (1 + random.below(60)));
		const same = before.subarray(offsetBytes, offsetBytes + lengthBytes);
		const other = Buffer.alloc(lengthBytes, random.below(3));
		const isZero = random.chance(0.2);
		const bytes = isZero ? new Uint8Array(0) : random.chance(0.3) ? same : other;
		await writer.put({ kind: isZero ? "zero" : "data", offsetBytes, lengthBytes, bytes });
	}
	await writer.sync();
	await device.close();
}

async function contentOf(pool: Pool, name: string): Promise<Buffer> {
	const device = await openToCopy(pool, name, true);
	const { bytes } = await collected(SIZE, new DeviceReader(device, name).extents(0, SIZE));
	await device.close();
	return bytes;
}

/** A pool with a volume that was changed between its snapshots, and afterwards; the contents of each. */
async function prepare(random: Random): Promise<{ folder: string; contents: Map<string, Buffer> }> {
	const folder = newDirectory();
	await told(poolCreateCommand, folder);
	const contents = new Map<string, Buffer>();
	await withPool(folder, async (pool) => {
		await pool.administration.create("web", SIZE, PAGE);
		for (const name of ["a", "b", "c"]) {
			await change(pool, "web", random);
			await pool.administration.takeSnapshots([{ volume: "web", name }]);
			contents.set(name, await contentOf(pool, `web@${name}`));
		}
		await change(pool, "web", random);
		contents.set("", await contentOf(pool, "web"));
	});
	return { folder, contents };
}

const random = new Random();

t.before(() => t.comment(`seed ${random.seed}`));

t.test("what differs is what a byte comparison finds", async (t) => {
	const { folder, contents } = await prepare(random);
	for (const [before, after] of [
		["a", "b"],
		["a", "c"],
		["b", "a"],
		["b", ""],
		["c", "c"],
	] as const) {
		const names = [`${folder}/web@${before}`, ...(after === "" ? [] : [`${folder}/web@${after}`])];
		const found = JSON.parse(await told(volumeDiffCommand, "--json", ...names)) as {
			offsetBytes: number;
			lengthBytes: number;
			kind: string;
		}[];
		const pages = new Set<number>();
		for (const { offsetBytes, lengthBytes } of found)
			for (let at = offsetBytes; at < offsetBytes + lengthBytes; at += PAGE) pages.add(at);
		const [one, two] = [contents.get(before), contents.get(after)];
		const wanted: number[] = [];
		for (let at = 0; at < SIZE; at += PAGE)
			if (!one?.subarray(at, at + PAGE).equals(two?.subarray(at, at + PAGE) ?? Buffer.alloc(0)))
				wanted.push(at);
		t.strictSame([...pages], wanted, `from ${before} to ${after}`);
		const isZero = (at: number): boolean => two?.subarray(at, at + PAGE).every((byte) => byte === 0) === true;
		t.ok(found.every(({ kind, offsetBytes }) => kind === "data" || isZero(offsetBytes)));
		const lines = (await told(volumeDiffCommand, ...names)).split("\n").slice(0, -1);
		t.strictSame(
			lines,
			found.map(({ offsetBytes, lengthBytes, kind }) => `${offsetBytes} ${lengthBytes} ${kind}`),
		);
	}
	await t.rejects(told(volumeDiffCommand, `${folder}/web`), { message: /PATH\/NAME@SNAPSHOT is allowed/ });
	await t.rejects(told(volumeDiffCommand, `${folder}/web@a`, "/other/web@a"), {
		message: /in the same pool is compared/,
	});
});

async function sent(...argv: string[]): Promise<Buffer> {
	const pieces: Buffer[] = [];
	await volumeSendCommand(argv, undefined, async (bytes) => void pieces.push(Buffer.from(bytes)));
	return Buffer.concat(pieces);
}

function received(stream: Buffer, ...argv: string[]): Promise<string> {
	return told((words, output) => volumeReceiveCommand(words, output, inPieces(stream, 10_000)), ...argv);
}

t.test("snapshots are received with their names, and one on the other", async (t) => {
	const { folder, contents } = await prepare(random);
	const to = newDirectory();
	await told(poolCreateCommand, to);
	const [whole, ab, bc] = [
		await sent(`${folder}/web@a`),
		await sent("-i", "@a", `${folder}/web@b`),
		await sent(`--incremental=${folder}/web@b`, `${folder}/web@c`),
	];
	await t.rejects(received(ab, `${to}/copy`), { message: /has no volume "copy"/ });
	await received(whole, `${to}/copy`);
	await t.rejects(received(bc, `${to}/copy`), {
		message: /has no snapshot that is the one which the stream is based on/,
	});
	await t.rejects(received(ab.subarray(0, ab.length - 1), `${to}/copy`), { message: /breaks off/ });
	await withPool(to, async (pool) => {
		t.ok((await contentOf(pool, "copy")).equals(contents.get("a")!), "it is what it was until all has come");
	});
	await received(ab, `${to}/copy`);
	await t.rejects(received(ab, `${to}/copy`), { message: /volume "copy": has the snapshot already/ });
	await received(bc, `${to}/copy`);
	await withPool(to, async (pool) => {
		for (const name of ["a", "b", "c"])
			t.ok((await contentOf(pool, `copy@${name}`)).equals(contents.get(name)!), name);
		t.ok((await contentOf(pool, "copy")).equals(contents.get("c")!));
		t.strictSame(
			pool.administration.volume("copy").snapshots.map(({ name }) => name),
			["a", "b", "c"],
		);
	});
	t.match(await told(volumeLsCommand, to), /^NAME .*\n\S+\/copy .*\n$/);
	const again = newDirectory();
	await told(poolCreateCommand, again);
	await received(await sent(`${to}/copy@b`), `${again}/third`);
	await received(bc, `${again}/third`);
	await withPool(again, async (pool) =>
		t.ok((await contentOf(pool, "third")).equals(contents.get("c")!), "from either"),
	);
});

t.test("a moment is sent as a volume without a snapshot", async (t) => {
	const { folder, contents } = await prepare(random);
	const to = newDirectory();
	await told(poolCreateCommand, to);
	await received(await sent(`${folder}/web@-0s`), `${to}/web`);
	await withPool(to, async (pool) => {
		t.ok((await contentOf(pool, "web")).equals(contents.get("")!));
		t.strictSame(pool.administration.volume("web").snapshots, []);
	});
	await t.rejects(sent("-i", "@-0s", `${folder}/web@a`), {
		message: '"web@-0s": is no snapshot, so no receiver can have it',
	});
});

t.test("what was changed since the base is not overwritten", async (t) => {
	const { folder } = await prepare(random);
	const to = newDirectory();
	await told(poolCreateCommand, to);
	await received(await sent(`${folder}/web@a`), `${to}/web`);
	await withPool(to, (pool) => change(pool, "web", random));
	const stream = await sent("-i", "@a", `${folder}/web@b`);
	await t.rejects(received(stream, `${to}/web`), {
		message: /was changed since web@a; vblade volume rollback/,
	});
	await withPool(to, (pool) => pool.administration.rollback("web", "a"));
	await received(stream, `${to}/web`);
});
