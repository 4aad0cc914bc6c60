// Other people's clients of NBD on `vblade nbd`: libnbd's programs and its Python, QEMU's, nbdkit as a client, fio with verification;
// over a unix socket and TCP, on a file and on a volume of a pool.

import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import t, { type Test } from "tap";
import { inNamespace } from "../support/in-namespace.js";
import { rounds } from "../support/long.js";
import { vbladeCommand } from "../support/paths.js";
import { Program, run } from "../support/process.js";
import { programsMissing } from "../support/programs.js";

const MIB = 1024 * 1024;
const LIMIT_MS = 60_000;
/** Of Debian: it has the module of libnbd. */
const PYTHON = "/usr/bin/python3";
const CLIENTS = ["nbdinfo", "nbdcopy", "nbdkit", "qemu-img", "qemu-io", "fio"];

function missing(): string | undefined {
	const programs = programsMissing(...CLIENTS);
	if (programs !== undefined) return programs;
	try {
		execFileSync(PYTHON, ["-c", "import nbd"], { stdio: "ignore" });
		return undefined;
	} catch {
		return "Python's nbd is not installed";
	}
}

/** What a program says that ends well. */
async function said(...command: string[]): Promise<string> {
	const { code, output } = await run(command, LIMIT_MS);
	if (code !== 0) throw new Error(`${command.join(" ")}: ${code}: ${output}`);
	return output;
}

async function serve(t: Test, ...argv: string[]): Promise<Program> {
	const program = new Program([...vbladeCommand(), "nbd", ...argv]);
	t.teardown(async () => void (await program.stop()));
	await program.waitFor(/ sectors /, LIMIT_MS);
	return program;
}

const folder = t.testdir();
const socket = path.join(folder, "s");
const uri = `nbd+unix:///?socket=${socket}`;

async function libnbd(t: Test): Promise<void> {
	const disk = path.join(folder, "disk.img");
	writeFileSync(disk, "");
	truncateSync(disk, 64 * MIB);
	await serve(t, "--durability=flush", "--description=a disk", `unix:${socket}`, disk);
	const info = await said("nbdinfo", uri);
	t.match(info, /export-size: 67108864 /);
	t.match(info, /description: a disk/);
	for (const able of ["can_fua", "can_flush", "can_multi_conn", "can_trim", "can_zero", "can_df"])
		t.match(info, `${able}: true`);
	const image = path.join(folder, "image");
	writeFileSync(image, Buffer.alloc(64 * MIB, "what is copied"));
	await said("nbdcopy", image, uri);
	const copy = path.join(folder, "copy");
	await said("nbdcopy", uri, copy);
	t.ok(readFileSync(copy).equals(readFileSync(image)));
	t.ok(readFileSync(disk).equals(readFileSync(image)));
	const script = `
import nbd
h = nbd.NBD()
h.add_meta_context("base:allocation")
h.connect_uri("${uri}")
h.trim(1 << 20, 1 << 20)
h.zero(1 << 20, 4 << 20, nbd.CMD_FLAG_NO_HOLE)
h.pwrite(b"x" * 512, 3 << 20, nbd.CMD_FLAG_FUA)
h.cache(1 << 20, 0)
h.flush()
assert h.pread(1 << 20, 1 << 20) == bytearray(1 << 20)
assert h.pread(512, 3 << 20) == b"x" * 512
found = []
h.block_status(8 << 20, 0, lambda context, offset, entries, error: found.append((context, list(entries))) or 0)
assert found[0][0] == "base:allocation" and sum(found[0][1][0::2]) == 8 << 20, found
assert found[0][1][0:4] == [1 << 20, 0, 1 << 20, 3], found
for command in (lambda: h.pread(512, 64 << 20), lambda: h.pwrite(b"y" * 512, 64 << 20), lambda: h.pread(511, 0)):
    try:
        command()
        raise SystemExit("it was done")
    except nbd.Error:
        pass
h.shutdown()
print("all is well")
`;
	t.match(await said(PYTHON, "-c", script), "all is well");
}

async function qemu(t: Test): Promise<void> {
	const pool = path.join(folder, "pool");
	mkdirSync(pool);
	await said(...vbladeCommand(), "pool", "create", pool);
	await said(...vbladeCommand(), "volume", "create", `${pool}/web`, "64M");
	await serve(t, `unix:${socket}`, `pool:${pool}/web`);
	const commands = [
		"write -P 7 1M 30M",
		"read -P 7 1M 30M",
		"discard 2M 1M",
		"read -P 0 2M 1M",
		"write -zu 8M 1M",
		"flush",
	];
	const done = await said("qemu-io", "-f", "raw", ...commands.flatMap((each) => ["-c", each]), uri);
	t.notMatch(done, /fail|error/i);
	const image = path.join(folder, "image.qcow2");
	await said("qemu-img", "convert", "-f", "raw", "-O", "qcow2", uri, image);
	t.match(await said("qemu-img", "compare", "-f", "raw", "-F", "qcow2", uri, image), "Images are identical.");
	const map = await said("qemu-img", "map", "--output=json", "-f", "raw", uri);
	const data = JSON.parse(map) as { start: number; length: number; data: boolean }[];
	t.strictSame(
		data.flatMap(({ start, length, data }) => (data ? [[start / MIB, length / MIB]] : [])),
		[
			[1, 1],
			[3, 5],
			[9, 22],
		],
	);
}

async function passedOn(t: Test): Promise<void> {
	const address = "127.0.0.1:10809";
	const server = await serve(t, address, "mem:64M");
	const passed = path.join(folder, "passed");
	const kit = new Program(["nbdkit", "-f", "-U", passed, "nbd", "uri=nbd://127.0.0.1"]);
	t.teardown(async () => void (await kit.stop()));
	for (const [index, to] of [`nbd://${address}`, `nbd+unix:///?socket=${passed}`].entries()) {
		const job = [
			"--rw=randrw",
			"--bsrange=512-256k",
			"--bs_unaligned=0",
			"--iodepth=16",
			`--size=${rounds(12, 32)}M`,
		];
		const name = `--name=job${index}`;
		await said(
			"fio",
			name,
			"--ioengine=nbd",
			`--uri=${to}`,
			...job,
			"--verify=crc32c",
			"--verify_state_save=0",
		);
		t.pass(to);
	}
	await server.stop();
	await serve(t, "-r", "[::1]:10810", "mem:64M");
	t.match(await said("nbdinfo", "nbd://[::1]:10810"), /is_read_only: true/);
	const refused = await run(["qemu-io", "-f", "raw", "-c", "write 0 4k", "nbd://[::1]:10810"], LIMIT_MS);
	t.not(refused.code, 0);
}

async function tests(): Promise<void> {
	await t.test("libnbd: what it is, copied there and back, and what is asked by Python", libnbd);
	await t.test("QEMU's, on a volume of a pool: written, trimmed, converted", qemu);
	await t.test("fio over TCP and nbdkit, with verification; and read-only", passedOn);
}

const lack = missing();
if (lack !== undefined) t.pass("not run", { skip: lack });
else if (await inNamespace(import.meta.url)) {
	execFileSync("ip", ["link", "set", "lo", "up"]);
	await tests();
}
