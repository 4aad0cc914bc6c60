// Volumes from pool to pool by the commands that send and receive, broken off and gone on with.
import path from "node:path";
import t from "tap";
import { volumeExportCommand, volumeImportCommand } from "../../lib/cli/pools/image.js";
import { withPool } from "../../lib/cli/pools/open-pool.js";
import { volumeReceiveCommand, volumeSendCommand } from "../../lib/cli/pools/stream.js";
import { volumeCreateCommand, volumeLsCommand } from "../../lib/cli/pools/volume.js";
import { Random } from "../../lib/random.js";
import { file, pattern, read } from "../image/images.js";
import { inPieces } from "../send/streams.js";
import { pause } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import { rounds } from "../support/long.js";
import { newDirectory } from "../support/mounts.js";
import { vbladeCommand } from "../support/paths.js";
import { newPool, told } from "../support/pools.js";
import { Program, run } from "../support/process.js";

const MIB = 1024 * 1024;
const SIZE = 70 * MIB;

/** The stream of a volume. */
async function sent(...argv: string[]): Promise<Buffer> {
	const pieces: Buffer[] = [];
	const take = async (bytes: Uint8Array): Promise<void> => void pieces.push(Buffer.from(bytes));
	await volumeSendCommand(argv, undefined, take);
	return Buffer.concat(pieces);
}

function received(stream: Buffer, ...argv: string[]): Promise<string> {
	return told((words, output) => volumeReceiveCommand(words, output, inPieces(stream, 100_000)), ...argv);
}

async function contentOf(volume: string): Promise<Buffer> {
	const out = path.join(newDirectory(), "content.raw");
	await told(volumeExportCommand, volume, out);
	return (await read(out)).bytes;
}

t.test("a volume is the same in another pool, also when the stream breaks off on the way", async (t) => {
	const [from, to] = [await newPool(), await newPool()];
	const content = Buffer.alloc(SIZE);
	for (let at = MIB; at < SIZE; at += 2 * MIB) pattern(MIB, at % 251).copy(content, at);
	await told(volumeImportCommand, "--page=16K", `${from}/web`, file("content.raw", content));
	const whole = await sent(`${from}/web`);
	t.ok(whole.length < SIZE / 2 + MIB, "holes are not sent");
	const broken = { name: "FailedError", message: /it breaks off before its end/ };
	await t.rejects(received(whole.subarray(0, whole.length - 10_000), `${to}/db`), broken);
	t.match(await told(volumeLsCommand, to), /^NAME .*\n\S+\/db\.part .*\n\S+\/db\.part\.state .*\n$/);
	const token = (await told(volumeReceiveCommand, "--token", `${to}/db`)).trim();
	const rest = await sent(`--resume=${token}`, `${from}/web`);
	t.ok(rest.length < 10 * MIB, "what has come is not sent again");
	await t.rejects(received(rest, `${to}/other`), { message: /goes on from where nothing has been received/ });
	t.match(await received(rest, `${to}/db`), /^volume +\S+\/db\nsize +70M\nused +35M\n(.*\n)*page +16K\n/);
	t.ok((await contentOf(`${to}/db`)).equals(content));
	t.match(await told(volumeLsCommand, to), /^NAME .*\n\S+\/db .*\n$/);
	await t.rejects(received(whole, `${to}/db`), { message: /volume "db": is there already/ });
	await told(volumeCreateCommand, `${from}/new`, "1M");
	await t.rejects(sent(`--resume=${token}`, `${from}/web`), { message: /the token is of another stream/ });
});

t.test("a receiver that is killed at any time goes on from its token", async (t) => {
	const [from, to] = [await newPool(), await newPool()];
	const random = new Random();
	t.comment(`seed ${random.seed}`);
	const content = pattern(rounds(16, 40) * MIB, 5);
	await told(volumeImportCommand, `${from}/web`, file("killed.raw", content));
	const vblade = vbladeCommand().join(" ");
	let stream = file("killed.stream", await sent(`${from}/web`));
	for (let kill = 0; kill < rounds(1, 4); kill++) {
		const receiver = new Program(["sh", "-c", `exec ${vblade} volume receive ${to}/web <${stream}`]);
		await pause(300 + random.below(600));
		receiver.signal("SIGKILL");
		if ((await receiver.finished(LIMIT_MS)).code === 0) break;
		// It may have been killed before there was anything to keep.
		const token = await told(volumeReceiveCommand, "--token", `${to}/web`).catch(() => "");
		const resume = token === "" ? [] : [`--resume=${token.trim()}`];
		stream = file("killed.stream", await sent(...resume, `${from}/web`));
	}
	const last = await run(["sh", "-c", `${vblade} volume receive ${to}/web <${stream}`], LIMIT_MS);
	t.match(last.output, /^volume +\S+\/web\n|is there already/);
	t.ok((await contentOf(`${to}/web`)).equals(content));
	t.match(await told(volumeLsCommand, to), /^NAME .*\n\S+\/web .*\n$/);
});

t.test("what is wrong is told in one line", async (t) => {
	const folder = await newPool();
	await t.rejects(received(Buffer.alloc(0), `${folder}/web`), {
		message: "the stream ends before it has begun",
	});
	await t.rejects(received(Buffer.alloc(64), `${folder}/web`), {
		message: /this is no stream of vblade volume send/,
	});
	await t.rejects(told(volumeReceiveCommand, "--token", `${folder}/web`), {
		message: /nothing that was received/,
	});
	await t.rejects(sent(`${folder}/web`), { message: /has no volume "web"/ });
	await t.rejects(sent("--resume=abc", `${folder}/web`), { message: /token "abc": not as/ });
	await withPool(folder, (pool) => t.strictSame(pool.volumes, [], "and nothing is left"));
});

t.test("through a pipe, between two processes", async (t) => {
	const [from, to] = [await newPool(), await newPool()];
	const content = pattern(3 * MIB);
	await told(volumeImportCommand, `${from}/web`, file("piped.raw", content));
	const vblade = vbladeCommand().join(" ");
	const piped = await run(
		["sh", "-c", `${vblade} volume send ${from}/web | ${vblade} volume receive ${to}/web`],
		LIMIT_MS,
	);
	t.match(piped, { code: 0, stderr: "", stdout: /^volume +\S+\/web\n/ });
	t.ok((await contentOf(`${to}/web`)).equals(content));
	const cut = await run(
		["sh", "-c", `${vblade} volume send ${from}/web | head -c 100 | ${vblade} volume receive ${to}/b`],
		LIMIT_MS,
	);
	t.match(cut.stderr, /vblade: the stream: up to byte \d+: it breaks off before its end\n/);
	t.equal(cut.code, 1);
	const full = await run(["sh", "-c", `${vblade} volume send ${from}/web >/dev/full`], LIMIT_MS);
	t.match(full, { code: 1, stderr: /^vblade: the stream can't be written to standard output \(ENOSPC\)\n$/ });
});
