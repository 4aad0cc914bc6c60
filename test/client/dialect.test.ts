/**
 * No private dialect: our initiator before Debian's vblade 25 as before our own server, with the same expectations of both.
 * What it reads is what the file has, and the file has what it writes; its commands do what they do with us. (Initiators by
 * others before our server: test/netns/aoetools.test.ts and test/kernel/.)
 */

import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import t, { type Test } from "tap";
import { benchCommand } from "../../lib/cli/bench.js";
import { discoverCommand } from "../../lib/cli/discover.js";
import { Initiator } from "../../lib/client/initiator.js";
import type { FoundBlade } from "../../lib/client/query.js";
import type { RemoteDisk } from "../../lib/client/remote-disk.js";
import { interfaceInfo } from "../../lib/link/interfaces.js";
import { PacketLink } from "../../lib/link/packet.js";
import { Pump } from "../../lib/pump.js";
import { Random } from "../../lib/random.js";
import { scratchDirectory, until } from "../support/cleanup.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { VBLADE25, vbladeCommand } from "../support/paths.js";
import { Program, run } from "../support/process.js";
import { Collected } from "./harness.js";

t.setTimeout(230_000);
const SECTORS = 2048;
const BUFFERS = 24;
/** So long that the answer fills a frame of 60 bytes: aoecfg ignores shorter ones, and vblade 25 does not pad. */
const STRING = "a string that is long enough for aoecfg";
/** ATA commands with 28-bit addresses (ACS-3, 7.26 and 7.68), and what no disk here knows. */
const READ_SECTORS = 0x20;
const WRITE_SECTORS = 0x30;
const VENDOR_SPECIFIC = 0x80;
const ABRT = 0x04;

const { SEED } = process.env;
const random = SEED === undefined ? new Random() : new Random(Number(SEED));

function randomBytes(sectors: number): Buffer {
	const bytes = Buffer.alloc(sectors * 512);
	for (let at = 0; at < bytes.length; at++) bytes[at] = random.below(256);
	return bytes;
}

/** A server at the near end of a cable of its own, and our initiator at the far end. */
class Pair {
	readonly far: string;
	readonly #near: string;
	readonly file = path.join(scratchDirectory(), "disk");
	/** What the file has to have. */
	readonly content = randomBytes(SECTORS);

	constructor(
		readonly command: readonly string[],
		number: number,
		readonly mtu: number,
	) {
		[this.#near, this.far] = [`near${number}`, `far${number}`];
		writeFileSync(this.file, this.content);
	}

	async serve(t: Test): Promise<void> {
		const ends = [this.#near, this.far];
		const mtu = ["mtu", String(this.mtu)];
		ip("link", "add", "name", this.#near, ...mtu, "type", "veth", "peer", "name", this.far, ...mtu);
		for (const name of ends) ip("link", "set", name, "up");
		await until("the carriers", () => ends.every((name) => interfaceInfo(name)?.up === true), LIMIT_MS);
		const server = new Program([...this.command, "-b", String(BUFFERS), "9", "0", this.#near, this.file]);
		t.teardown(() => server.stop("SIGKILL"));
		await server.waitFor(/^pid \d+: e9\.0, 2048 sectors/m, LIMIT_MS);
	}

	async withInitiator(work: (initiator: Initiator) => Promise<void>): Promise<void> {
		const link = new PacketLink(this.far, new Pump(), { framesInFlight: 64 });
		const initiator = new Initiator(link, { deadlineMs: LIMIT_MS });
		try {
			await work(initiator);
		} finally {
			initiator.close();
			await link.close();
		}
	}

	/** Writes to the disk and to what the file has to have. */
	async write(disk: RemoteDisk, lba: number, sectors: number): Promise<void> {
		const bytes = randomBytes(sectors);
		bytes.copy(this.content, lba * 512);
		await disk.write(lba, bytes);
	}

	/** One of our commands, on the far end. */
	async run(command: typeof benchCommand, ...options: string[]) {
		const output = new Collected();
		const status = await command([this.far, ...options], output);
		return { status, stdout: output.stdout, stderr: output.stderr };
	}

	get fileIsRight(): boolean {
		return readFileSync(this.file).equals(this.content);
	}
}

function ip(...args: string[]): void {
	execFileSync("ip", args, { stdio: ["ignore", "ignore", "inherit"], timeout: LIMIT_MS });
}

async function readsAndWrites(t: Test, pair: Pair, disk: RemoteDisk): Promise<void> {
	t.ok(pair.content.equals(await disk.read(0, SECTORS)), "the whole disk reads as the file is");
	const most = disk.sectorsPerFrame;
	for (const [lba, count] of [
		[0, 1],
		[7, most],
		[100, most + 1],
		[1000, 555],
		[SECTORS - 3, 3],
	] as const)
		await pair.write(disk, lba, count);
	t.ok(pair.fileIsRight, "the file has what was written, and nothing else has changed");
	t.ok(pair.content.equals(await disk.read(0, SECTORS)), "and so it reads");
}

async function shortAddresses(t: Test, pair: Pair, disk: RemoteDisk): Promise<void> {
	const dataOut = randomBytes(2);
	dataOut.copy(pair.content, 1800 * 512);
	await disk.command({ command: WRITE_SECTORS, lba: 1800, count: 2, dataOut });
	t.ok(pair.fileIsRight, "written with a 28-bit address");
	const dataIn = new Uint8Array(1024);
	await disk.command({ command: READ_SECTORS, lba: 1800, count: 2, dataIn });
	t.ok(dataOut.equals(dataIn), "and read");
}

async function refusals(t: Test, pair: Pair, disk: RemoteDisk): Promise<void> {
	await t.rejects(disk.read(SECTORS, 1), { name: "DiskError" }, "a read behind the end");
	await t.rejects(disk.write(SECTORS, randomBytes(1)), { name: "DiskError" }, "a write behind the end");
	const unknown = disk.command({ command: VENDOR_SPECIFIC });
	await t.rejects(unknown, { name: "DiskError", error: ABRT }, "an unknown command");
	t.ok(pair.fileIsRight, "the file is what it was");
}

async function commands(t: Test, pair: Pair): Promise<void> {
	const perFrame = pair.mtu >= 9000 ? "1[67]" : "2";
	const set = ["aoecfg", "-t", "2", "-c", "set", "-s", STRING, "9", "0", pair.far];
	t.match(await run(set, LIMIT_MS), { code: 0, stdout: `${STRING}\n` }, "aoecfg gives it a string");
	const line = new RegExp(
		`^e9\\.0 [0-9a-f:]{17} ${BUFFERS} buffers, ${perFrame} sectors a frame, "${STRING}"\n$`,
	);
	let found = { status: 1, stdout: "", stderr: "" };
	const answers = async () => {
		found = await pair.run(discoverCommand, "--seconds=0.2");
		return found.status === 0;
	};
	await until("vblade discover", answers, LIMIT_MS);
	t.match(found, { stdout: line, stderr: "" });
	const reads = await pair.run(benchCommand, "9", "0", "--requests=500", "--size=1k", "--json");
	t.match(reads, { status: 0, stderr: "" }, "vblade bench");
	t.match(JSON.parse(reads.stdout), { requests: 500, sizeBytes: 1024, errors: 0 });
	t.ok(pair.fileIsRight, "only reads");
	const options = ["--requests=2000", "--size=1k", "--write=50", "--verify", "--json"];
	const verified = await pair.run(benchCommand, "9", "0", ...options);
	t.equal(verified.status, 0, "vblade bench --verify");
	t.match(JSON.parse(verified.stdout), { requests: 2000, errors: 0, wrongSectors: 0 });
	t.notOk(pair.fileIsRight, "which does write");
}

async function main(): Promise<void> {
	t.comment(`SEED=${random.seed}`);
	const pairs = [
		{ name: "vblade 25", command: [VBLADE25], mtu: 1500 },
		{ name: "vblade 25", command: [VBLADE25], mtu: 9000 },
		{ name: "our server", command: vbladeCommand(), mtu: 9000 },
	];
	for (const [number, { name, command, mtu }] of pairs.entries())
		t.test(`our initiator and ${name}, MTU ${mtu}`, async (t) => {
			const pair = new Pair(command, number, mtu);
			await pair.serve(t);
			await pair.withInitiator(async (initiator) => {
				const found: FoundBlade[] = [];
				const answers = async () => found.push(...(await initiator.discover({ waitMs: 200 }))) > 0;
				await until("an answer", answers, LIMIT_MS);
				const mac = interfaceInfo(`near${number}`)?.mac;
				t.match(found, [{ shelf: 9, slot: 0, bufferCount: BUFFERS, mac }], "discovered");
				t.equal(found.length, 1, "nobody else");
				const disk = await initiator.open(9, 0);
				t.match(disk.identity, { sectorCount: SECTORS, extended: true, canFlush: true }, "identified");
				t.ok((await disk.ping()) >= 0, "it answers");
				await readsAndWrites(t, pair, disk);
				await shortAddresses(t, pair, disk);
				await refusals(t, pair, disk);
			});
			await commands(t, pair);
		});
}

if (!existsSync(VBLADE25)) t.pass("not run", { skip: "Debian's package vblade is not installed" });
else if (await inNamespace(import.meta.url)) await main();
