/**
 * `--user`: after start-up the process is another user in every thread, can open nothing and start nothing, and still does
 * all that serving needs: reads and writes of files that the user may not touch, growth, links that go down, change and
 * are made anew. Each check is made without `--user` too, where it must find the opposite: a test of the tests.
 */

import {
	chmodSync,
	chownSync,
	existsSync,
	mkdirSync,
	readFileSync,
	truncateSync,
	writeFileSync,
} from "node:fs";
import path from "node:path";
import t from "tap";
import { Stage } from "../netns/stage.js";
import { atEnd, scratchDirectory, until } from "../support/cleanup.js";
import { ataFrame, fieldsOf, respondsTo } from "../support/frames.js";
import { LIMIT_MS } from "../support/limit.js";
import { namespacesMissing } from "../support/netns.js";
import { asOrdinaryUser } from "../support/ordinary-user.js";
import { builtVblade, PROJECT, sourceFile } from "../support/paths.js";
import { Program, run, sendSignal } from "../support/process.js";
import { excess, NET_RAW, NONE, numberOf, USER } from "./status.js";

t.setTimeout(230_000);
const VBLADE = [process.execPath, builtVblade(PROJECT)];
const skip = namespacesMissing() ?? false;

/** The hook must be where `nobody` can't go, the public file where everyone can. */
const scratch = scratchDirectory();
chmodSync(scratch, 0o755);
const hook = {
	HOOK_SECRET: path.join(scratch, "secret"),
	HOOK_PUBLIC: path.join(scratch, "public"),
	HOOK_NEW: path.join(scratch, "open/new"),
	NODE_OPTIONS: `--import=${sourceFile("test/privileges/hook.mjs")}`,
};
writeFileSync(hook.HOOK_SECRET, "secret", { mode: 0o600 });
writeFileSync(hook.HOOK_PUBLIC, "public", { mode: 0o644 });
mkdirSync(path.dirname(hook.HOOK_NEW));
chmodSync(path.dirname(hook.HOOK_NEW), 0o777);

/** What the process can get hold of, in its own words. */
async function tries(program: Program, pid: number): Promise<Record<string, string>> {
	const from = program.output.length;
	process.kill(pid, "SIGUSR2");
	const [, json = ""] = await program.waitFor(/^tried (.*)$/m, LIMIT_MS, from);
	return JSON.parse(json) as Record<string, string>;
}

/** A write of one sector and a read of it: the ATA status of both, and whether the same came back. */
async function transfer(stage: Stage, lba: number): Promise<string> {
	const data = Buffer.alloc(512, lba + 1);
	const port = await stage.port();
	const ask = async (command: number, aflags: number, bytes?: Buffer) => {
		const header = stage.header();
		const frame = ataFrame(header, { command, aflags, count: 1, lba, ...(bytes && { data: bytes }) });
		const [reply] = await port.exchange(frame, (answer) => respondsTo(answer, header.tag));
		return fieldsOf(reply!);
	};
	const written = await ask(0x34, 0x41, data);
	const read = await ask(0x24, 0x40);
	return `${written.ataStatus} ${read.ataStatus} ${read.data.equals(data)}`;
}

const FINE = "64 64 true";

t.test("after start-up nothing is left of root", { skip }, async (t) => {
	const stage = new Stage(VBLADE);
	t.teardown(() => stage.close());
	chmodSync(stage.file, 0o600);
	const server = stage.lan.server.start([...VBLADE, `--user=${USER}`, "9", "0", "lan0", stage.file], {
		env: hook,
	});
	await server.waitFor(/^pid \d+: e9\.0/m, LIMIT_MS);
	t.equal(await transfer(stage, 1), FINE, "serves a file that the user may not open");
	t.strictSame(excess(server.pid, NET_RAW), []);
	t.strictSame(await tries(server, server.pid), {
		secret: "EACCES",
		public: "EACCES",
		create: "EACCES",
		image: "EACCES",
		program: "EACCES",
		root: "EPERM",
		group: "EPERM",
	});

	await t.test("links and files are still followed", async (t) => {
		const { server: side } = stage.lan;
		side.ip("link", "set", "lan0", "down");
		side.ip("link", "set", "lan0", "up");
		t.equal(await stage.recovery(server), "answers again", "down and up");
		side.ip("link", "set", "lan0", "mtu", "1400");
		t.equal(await stage.recovery(server), "answers again", "another MTU, and so another socket");
		t.equal(await transfer(stage, 2), FINE);
		await stage.closePort();
		stage.lan.cut("lan0");
		stage.lan.cable("lan0", { serverMac: "02:00:00:00:00:01", clientMac: "02:00:00:00:00:02" });
		t.equal(await stage.recovery(server), "answers again", "deleted and made again");
		t.equal(await transfer(stage, 3), FINE);
		truncateSync(stage.file, 2048 * 512);
		await until("growth", async () => (await stage.sectorsSoon()) === 2048, LIMIT_MS);
		t.equal(await transfer(stage, 2047), FINE, "the part that is new");
		process.kill(server.pid, "SIGUSR1");
		await server.waitFor(/e9\.0: reads 4/, LIMIT_MS);
		t.strictSame(excess(server.pid, NET_RAW), [], "and the threads that came later have no more either");
	});
	t.strictSame(await server.stop(), { code: 0, signal: null });
	t.notMatch(server.output, /bug in vblade/);
});

t.test("without --user these checks find what root has", { skip }, async (t) => {
	const stage = new Stage(VBLADE);
	t.teardown(() => stage.close());
	const server = stage.lan.server.start([...VBLADE, "9", "0", "lan0", stage.file], { env: hook });
	await server.waitFor(/^pid \d+: e9\.0/m, LIMIT_MS);
	const found = excess(server.pid, NET_RAW).map((line) => line.split(" ")[0]);
	for (const name of ["Uid", "Gid", "CapEff", "CapPrm", "CapBnd", "NoNewPrivs"])
		t.ok(found.includes(name), name);
	t.match(await tries(server, server.pid), {
		secret: "done",
		public: "done",
		create: "done",
		program: "done",
	});
	await server.stop();
});

t.test("where only a unix socket is served, no capability stays", { skip }, async (t) => {
	const netif = `unix:${path.join(scratch, "vm.sock")}`;
	const server = new Program([...VBLADE, "--user", USER, "9", "0", netif, "mem:1M"], { env: hook });
	await server.waitFor(/^pid \d+: e9\.0/m, LIMIT_MS);
	t.strictSame(excess(server.pid, NONE), []);
	const found = await run([...VBLADE, "discover", netif], LIMIT_MS);
	t.match(found.stdout, /^e9\.0 /);
	t.match(await tries(server, server.pid), { secret: "EACCES", public: "EACCES", program: "EACCES" });
	t.match(await server.stop(), { code: 0 });
	const again = new Program([...VBLADE, "--user", USER, "9", "0", netif, "mem:1M"]);
	await again.waitFor(/^pid \d+: e9\.0/m, LIMIT_MS);
	t.match(await again.stop(), { code: 0 }, "a socket that was left behind is replaced");
});

t.test("a file of root's alone is read from memory like any other", { skip }, async (t) => {
	const file = path.join(scratch, "disk.img");
	writeFileSync(file, Buffer.alloc(4096, 7), { mode: 0o600 });
	const reads = [process.execPath, path.join(PROJECT, "build/test/privileges/reads.js"), file];
	t.match(await run(reads, LIMIT_MS), { stdout: "at once\nstatus 0, first byte 7\n", stderr: "" });
	chownSync(file, Number(numberOf("-u")), 0);
	t.match(await run(reads, LIMIT_MS), { stdout: "at once\nstatus 0, first byte 7\n" }, "its own file");
	chownSync(file, 0, 0);
	chmodSync(file, 0o602);
	t.match(await run(reads, LIMIT_MS), { stdout: "at once\nstatus 0, first byte 7\n" }, "one it may write to");
});

t.test("as a daemon", { skip }, async (t) => {
	const [pidFile, log] = [path.join(scratch, "test.pid"), path.join(scratch, "log")];
	const bin = path.join(scratch, "bin");
	mkdirSync(bin);
	writeFileSync(path.join(bin, "logger"), `#!/bin/sh\nexec cat >>"${log}"\n`, { mode: 0o755 });
	const env = { VBLADED_PIDFILE: pidFile, PATH: `${bin}:${process.env.PATH}` };
	const blade = ["9", "0", `unix:${path.join(scratch, "daemon.sock")}`, "mem:1M"];
	t.match(await run([sourceFile("vbladed"), "--user", USER, ...blade], LIMIT_MS, { env }), { code: 0 });
	const pid = Number(readFileSync(pidFile, "utf8"));
	const undo = atEnd(() => sendSignal(pid, "SIGKILL"));
	t.strictSame(excess(pid, NONE), []);
	process.kill(pid, "SIGUSR1");
	const isLogged = () => existsSync(log) && /e9\.0: reads 0/.test(readFileSync(log, "utf8"));
	await until("the log", isLogged, LIMIT_MS);
	process.kill(pid, "SIGTERM");
	await until("the end of the pid file", () => !existsSync(pidFile), LIMIT_MS);
	undo();
});

t.test("what can't be is one line and status 2", { skip }, async (t) => {
	const blade = ["9", "0", `unix:${path.join(scratch, "no.sock")}`, "mem:1M"];
	const cases: [string[], RegExp][] = [
		[["--user=no-such-user"], /^vblade: user "no-such-user": there is no such user\n$/],
		[["--user=0"], /^vblade: user "0": there is no such user\n$/],
		[["--user="], /^vblade: user "": the name of a user is allowed\n$/],
		[["--user=root"], /^vblade: user "root": is root; name an ordinary user\n$/],
		[["--user"], /^vblade: (option "--user": needs a value, name|missing arguments: .*)\n$/],
	];
	for (const [args, line] of cases) {
		const { code, stderr } = await run([...VBLADE, ...args, ...blade], LIMIT_MS);
		t.match(stderr, line);
		t.equal(code, 2, args.join(" "));
	}
	const command = asOrdinaryUser([...VBLADE, `--user=${USER}`, ...blade]);
	const { code, stderr } = await run(command, LIMIT_MS);
	t.match(stderr, /^vblade: user "nobody": only root can become another user; start vblade as root\n$/);
	t.equal(code, 2, "not root");
	// A parent can arrange that the kernel leaves a process its capabilities whatever user it becomes: that is seen.
	const keeping = ["setpriv", "--securebits", "+no_setuid_fixup"];
	const kept = await run([...keeping, ...VBLADE, `--user=${USER}`, ...blade], LIMIT_MS);
	t.match(
		kept.stderr,
		/^vblade: user "nobody": this system does not let root go \(EPERM at capabilities\)\n$/,
	);
	t.equal(kept.code, 2);
});
