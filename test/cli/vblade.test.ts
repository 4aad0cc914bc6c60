/**
 * The program as a user runs it: what it prints, how it ends. Memory on a unix socket, so neither root nor an interface is
 * needed; what happens on the wire is tested elsewhere.
 */

import { spawn } from "node:child_process";
import { existsSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import t from "tap";
import { atEnd, scratchDirectory, until } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import { builtVblade, PROJECT, sourceFile } from "../support/paths.js";
import { Program, run } from "../support/process.js";

const VBLADE = [process.execPath, builtVblade(PROJECT)];
const directory = scratchDirectory();
const socket = `unix:${path.join(directory, "vm.sock")}`;

function start(args: readonly string[], env: Record<string, string> = {}): Program {
	return new Program([...VBLADE, ...args], { env });
}

t.test("help and version", async (t) => {
	const help = await run([...VBLADE, "--help"], LIMIT_MS);
	t.match(help, { code: 0, stdout: /^usage: vblade /, stderr: "" });
	const manifest = JSON.parse(readFileSync(sourceFile("package.json"), "utf8")) as { version: string };
	t.match(await run([...VBLADE, "--version"], LIMIT_MS), { code: 0, stdout: `vblade ${manifest.version}\n` });
});

t.test("options may stand before the second word of a command", async (t) => {
	const nobody = { code: 1, stderr: "vblade: /nowhere: there is no such socket; is the daemon running?\n" };
	t.match(await run([...VBLADE, "disk", "--socket", "/nowhere", "--json", "ls"], LIMIT_MS), nobody);
	t.match(await run([...VBLADE, "disk", "--socket=/nowhere", "ls"], LIMIT_MS), nobody);
	const missing = { code: 2, stderr: "vblade: missing argument: command; see vblade disk --help\n" };
	t.match(await run([...VBLADE, "disk"], LIMIT_MS), missing);
	t.match(await run([...VBLADE, "disk", "--socket", "ls"], LIMIT_MS), missing);
	t.match(await run([...VBLADE, "disk", "--json", "--help"], LIMIT_MS), { code: 0, stdout: /disk ls/ });
});

t.test("the commands of our own initiator", async (t) => {
	const vblade = start(["9", "0", socket, "mem:1M"]);
	await vblade.waitFor(/sectors/, LIMIT_MS);
	const found = await run([...VBLADE, "discover", socket], LIMIT_MS);
	t.match(found, { code: 0, stdout: /^e9\.0 ([0-9a-f]{2}:){5}[0-9a-f]{2} 16 buffers, / });
	await vblade.stop();
	t.match(await run([...VBLADE, "bench", socket, "9", "0"], LIMIT_MS), {
		code: 2,
		stderr: /^vblade: .*can't connect/,
	});
	t.match(await run([...VBLADE, "bench", "--help"], LIMIT_MS), { code: 0, stdout: /^vblade bench / });
});

t.test("serves with vblade's start-up line until it is told to stop", async (t) => {
	for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
		const vblade = start(["9", "0", socket, "mem:10M"]);
		await vblade.waitFor(/sectors/, LIMIT_MS);
		t.equal(vblade.stdout, `pid ${vblade.pid}: e9.0, 20480 sectors O_RDWR\n`);
		t.strictSame(await vblade.stop(signal), { code: 0, signal: null }, signal);
		t.equal(vblade.stderr, "");
	}
	t.notOk(existsSync(socket.slice("unix:".length)), "the socket is gone");
});

t.test("several blades, read-only, and the counters", async (t) => {
	const vblade = start(["-r", "--verbose", "9", "0", socket, "mem:1M", "4095", "254", socket, "mem:1K"]);
	await vblade.waitFor(/e4095.254/, LIMIT_MS);
	const pid = `pid ${vblade.pid}`;
	t.equal(vblade.stdout, `${pid}: e9.0, 2048 sectors O_RDONLY\n${pid}: e4095.254, 2 sectors O_RDONLY\n`);
	const broadcast = /^vblade: warn: shelf 4095: initiators on Linux take it for a broadcast and ignore it\n/m;
	for (const line of [broadcast, /^vblade: verbose: /m]) await vblade.waitFor(line, LIMIT_MS);
	vblade.signal("SIGUSR1");
	await vblade.waitFor(/^vblade: info: e9\.0: reads 0 .*\nvblade: info: e4095\.254: reads 0 /m, LIMIT_MS);
	t.notMatch(vblade.stderr, /debugger/i);
	t.match(await vblade.stop(), { code: 0 });
	t.match(vblade.stderr, "vblade: verbose: SIGTERM: stopping\n");
});

t.test("whoever reads the output may go; the blade stays", async (t) => {
	const vblade = spawn(process.execPath, [...VBLADE.slice(1), "9", "0", socket, "mem:1M"], { stdio: "pipe" });
	const undo = atEnd(() => vblade.kill("SIGKILL"));
	let ended: number | null | undefined;
	vblade.on("exit", (code) => {
		ended = code;
	});
	let started = false;
	vblade.stdout.once("data", () => {
		started = true;
	});
	await until("the start-up line", () => started, LIMIT_MS);
	vblade.stdout.destroy();
	vblade.stderr.destroy();
	// The first line finds out, and another may not do harm either.
	for (const args of [
		["9", "1", socket, "mem:1M"],
		["9", "2", socket, "mem:1M"],
	]) {
		vblade.kill("SIGUSR1");
		t.match(await run([...VBLADE, ...args], LIMIT_MS), { code: 2 }, "the socket is still in use");
	}
	vblade.kill("SIGTERM");
	await until("the end", () => ended !== undefined, LIMIT_MS);
	t.equal(ended, 0);
	undo();
});

t.test("a mistake of the operator is one line and status 2", async (t) => {
	const disk = path.join(directory, "disk.img");
	const empty = path.join(directory, "empty.img");
	writeFileSync(empty, "");
	writeFileSync(disk, "");
	truncateSync(disk, 10 * 512);
	const cases: [string[], RegExp][] = [
		[["discovr", "eth0"], /^vblade: "discovr": no such command; did you mean "discover"\?$/],
		[["unfence", "web"], /^vblade: "unfence": no such command; did you mean "disk unfence"\?$/],
		[["hold"], /^vblade: "hold": no such command; did you mean "volume hold"\?$/],
		[
			["zzzzzzzz", "eth0"],
			/^vblade: "zzzzzzzz": neither a shelf nor a command \(.*discover, bench, .*\); see vblade --help$/,
		],
		[[], /^vblade: missing arguments: shelf, slot, netif, filename; usage: vblade /],
		[["70000", "0", socket, disk], /^vblade: shelf "70000": a shelf is a number from 0 to 65534$/],
		[["9", "0", "nosuchif0", disk], /nosuchif0.*no such network interface/],
		[["9", "0", "no*such", disk], /^vblade: netif "no\*such": no interface matches; there are .*\blo\b/],
		[["9", "0", socket, `${disk}\n2`], /disk\.img\\n2: there is no such file$/],
		[["9", "0", socket, directory], /neither a regular file nor a block device$/],
		[["9", "0", socket, empty], /less than one sector/],
		[["-o", "10", "9", "0", socket, disk], /^vblade: offset 10: .*at most 9$/],
		[["-o", "4", "-l", "7", "9", "0", socket, disk], /^vblade: length 7: .*at most 6$/],
		[
			["9", "0", socket, disk, "9", "1", socket, disk],
			/disk\.img: is in use by another vblade, or by another blade of this one \(it holds a lock on it\)$/,
		],
		[["9", "0", socket, "mem:1M", "9", "0", socket, "mem:1M"], /^vblade: shelf 9 slot 0 is given twice/],
		[
			["--force", "9", "0", "lo", "mem:1M", "9", "0", `lo,${socket}`, "mem:1M"],
			/^vblade: shelf 9 slot 0 is given twice on one interface$/,
		],
		[["9", "0", "lo,pcap:lo", "mem:1M"], /^vblade: shelf 9 slot 0 is given twice on one interface$/],
	];
	for (const [args, line] of cases) {
		const { code, stdout, stderr } = await run([...VBLADE, ...args], LIMIT_MS);
		t.equal(code, 2, stderr);
		t.equal(stdout, "");
		t.match(stderr, /^[^\n]+\n$/, "one line");
		t.match(stderr.trimEnd(), line);
	}
});

t.test("a bug is a stack and status 70", async (t) => {
	// When it is told to, not after some time: a busy machine may still be loading the program then.
	const bug = "data:text/javascript,process.on('SIGUSR2', () => { throw new TypeError('by test') })";
	const vblade = start(["9", "0", socket, "mem:1M"], { NODE_OPTIONS: `--import "${bug}"` });
	await vblade.waitFor(/sectors/, LIMIT_MS);
	vblade.signal("SIGUSR2");
	t.match(await vblade.finished(LIMIT_MS), { code: 70 });
	t.match(vblade.stderr, /^vblade: this is a bug in vblade:\nTypeError: by test\n {4}at /m);
});

t.test("sparsefile", async (t) => {
	const sparsefile = (...args: string[]) =>
		run([sourceFile("scripts", "sparsefile"), ...args], LIMIT_MS, { cwd: directory });
	const sizes: [string, number][] = [
		["10M", 10 * 2 ** 20],
		["010M", 10 * 2 ** 20],
		["10G", 10 * 2 ** 30],
		["1T", 2 ** 40],
	];
	for (const [size, bytes] of sizes) {
		const { code, stdout } = await sparsefile(size, `-x ${size}'$(y)`);
		const made = statSync(path.join(directory, `-x ${size}'$(y)`));
		t.strictSame([code, made.size, made.blocks], [0, bytes, 0], size);
		t.match(stdout, "-x", "shows it");
	}
	for (const size of ["", "10", "M", "10K", "1.5G", "-1M", "0T", "99999999T", "9".repeat(40).concat("M")]) {
		const { code, stderr } = await sparsefile(size, "not made");
		t.equal(code, 2);
		t.match(stderr, /^sparsefile: size ".*": [^\n]+\n$/);
		t.notOk(existsSync(path.join(directory, "not made")));
	}
	writeFileSync(path.join(directory, "precious"), "data");
	t.match(await sparsefile("10M", "precious"), {
		code: 2,
		stderr: /exists already, and will not be overwritten\n$/,
	});
	t.equal(readFileSync(path.join(directory, "precious"), "utf8"), "data");
	t.match(await sparsefile("10M", "no folder/file"), { code: 2, stderr: /can't be created/ });
	t.match(await sparsefile("10M"), { code: 2, stderr: "usage: sparsefile {10M|10G|10T} {filename}\n" });
});
