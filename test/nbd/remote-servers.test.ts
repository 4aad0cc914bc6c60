// A remote disk of other people's servers, and of ours, served on as `vblade nbd` by address: with verification by fio, while the server is
// killed and started again; over a unix socket and TCP, with simple and structured replies.

import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import t, { type Test } from "tap";
import { inNamespace } from "../support/in-namespace.js";
import { rounds } from "../support/long.js";
import { vbladeCommand } from "../support/paths.js";
import { Program, run } from "../support/process.js";
import { programsMissing } from "../support/programs.js";

const MIB = 1024 * 1024;
const LIMIT_MS = 90_000;
const PROGRAMS = ["nbdkit", "qemu-nbd", "qemu-io", "fio"];

const folder = t.testdir();
const near = path.join(folder, "near");
const far = path.join(folder, "far");
const KILLS = rounds(4, 20);

async function started(t: Test, ...command: string[]): Promise<Program> {
	const program = new Program(command);
	t.teardown(async () => void (await program.stop()));
	return program;
}

/** Serves a remote disk on, tried again until its server is there. */
async function passedOn(t: Test, uri: string): Promise<Program> {
	for (;;) {
		const program = await started(t, ...vbladeCommand(), "nbd", `unix:${near}`, uri);
		try {
			await program.waitFor(/ sectors /, LIMIT_MS);
			return program;
		} catch (error) {
			if (!/nobody is at|no connection/.test(program.output)) throw error;
		}
	}
}

function verified(...more: string[]): Promise<{ code: number | null; output: string }> {
	return run(
		[
			...["fio", "--name=job", "--ioengine=nbd", `--uri=nbd+unix:///?socket=${near}`, "--rw=randrw"],
			...["--bsrange=512-256k", "--bs_unaligned=0", "--iodepth=16", `--size=${rounds(6, 16)}M`],
			...["--verify=crc32c", "--verify_state_save=0", ...more],
		],
		LIMIT_MS,
	);
}

function image(name: string): string {
	const file = path.join(folder, name);
	writeFileSync(file, Buffer.alloc(16 * MIB));
	return file;
}

async function others(t: Test): Promise<void> {
	const address = "127.0.0.1:10811";
	const servers: [string, string[], string][] = [
		["nbdkit, unix", ["nbdkit", "-f", "-U", far, "file", image("a")], `nbd+unix:///?socket=${far}`],
		[
			"nbdkit, simple replies",
			["nbdkit", "-f", "-p", "10812", "--no-sr", "file", image("b")],
			"nbd://localhost:10812",
		],
		[
			"nbdkit without zeroes, TCP of IPv6",
			["nbdkit", "-f", "-i", "::1", "-p", "10813", "--filter=nozero", "file", image("c")],
			"nbd://[::1]:10813",
		],
		[
			"qemu-nbd",
			["qemu-nbd", "-t", "-f", "raw", "-b", "127.0.0.1", "-p", "10811", "-x", "a/b c", image("d")],
			`nbd://${address}/a%2Fb%20c`,
		],
	];
	for (const [name, command, uri] of servers) {
		const server = await started(t, ...command);
		const ours = await passedOn(t, uri);
		const { code, output } = await verified();
		t.equal(code, 0, `${name}: ${code === 0 ? "verified" : output}`);
		const io = [
			"write -P 7 1M 1M",
			"write -zu 1M 512k",
			"write -z 1984k 64k",
			"flush",
			"read -P 0 1M 512k",
			"read -P 7 1536k 448k",
			"read -P 0 1984k 64k",
		];
		const done = await run(
			["qemu-io", "-f", "raw", ...io.flatMap((each) => ["-c", each]), `nbd+unix:///?socket=${near}`],
			LIMIT_MS,
		);
		t.notMatch(done.output, /fail|error/i, name);
		await ours.stop();
		await server.stop();
	}
}

async function killed(t: Test): Promise<void> {
	const address = "127.0.0.1:10820";
	const serve = () => new Program([...vbladeCommand(), "nbd", "--durability=flush", address, image("e")]);
	const again = () =>
		new Program([...vbladeCommand(), "nbd", "--durability=flush", address, path.join(folder, "e")]);
	let server = serve();
	t.teardown(async () => void (await server.stop()));
	await passedOn(t, `nbd://${address}/`);
	let isOver = false;
	const load = verified(`--rate=${rounds(3, 8)}m`).finally(() => {
		isOver = true;
	});
	let kills = 0;
	// (Not for as long as it takes: on a machine with much to do a server that lives so short a time does next to nothing.)
	while (kills < KILLS) {
		await new Promise((resolve) => setTimeout(resolve, 700));
		if (isOver) break;
		server.signal("SIGKILL");
		await server.end;
		kills++;
		server = again();
		await server.waitFor(/ sectors /, LIMIT_MS);
	}
	const { code, output } = await load;
	t.equal(code, 0, code === 0 ? "verified" : output);
	t.ok(kills > 0, `killed ${kills} times`);
}

async function tests(): Promise<void> {
	await t.test("servers of others, each in its way", others);
	await t.test("a server that is killed with -9 again and again is a pause", killed);
	await t.test("what can't be reached, or had, is one line", async (t) => {
		await started(t, "nbdkit", "-f", "-U", far, "memory", "1M");
		const cases: [string, RegExp][] = [
			["nbd://127.0.0.1:1/x", /no connection to 127\.0\.0\.1:1 \(ECONNREFUSED\)/],
			["nbd://no-such-host.invalid/", /the address of no-such-host\.invalid is not to be had/],
			[`nbd+unix:///?socket=${folder}/none`, /nobody is at unix:.*none \(ENOENT\)/],
			["nbds://alice@host/x", /no file of keys \(PSK\) is named in which that user would be/],
			["nbds://alice:word@host/x", /no user and no fragment/],
			["nbd://user@host/x", /no user and no fragment/],
			["nbd://host:0/x", /nbd:\/\/HOST\[:PORT\]\/EXPORT/],
			["nbd+unix:///x", /socket=PATH/],
		];
		for (const [uri, text] of cases) {
			const { code, output } = await run([...vbladeCommand(), "nbd", `unix:${near}`, uri], LIMIT_MS);
			t.equal(code, 2, uri);
			t.match(output, text);
			t.equal(output.trim().split("\n").length, 1);
		}
	});
}

const lack = programsMissing(...PROGRAMS);
if (lack !== undefined) t.pass("not run", { skip: lack });
else if (await inNamespace(import.meta.url)) {
	execFileSync("ip", ["link", "set", "lo", "up"]);
	await tests();
}
