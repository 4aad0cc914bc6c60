/**
 * The daemon script: what it hands to vblade, what it tells its caller, the log and the pid file. Against a vblade that
 * tells what it was given and does as told, and at the end against the real one (memory on a unix socket: no root needed).
 */

import { existsSync, mkdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import t from "tap";
import { scratchDirectory, until } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import { sourceFile } from "../support/paths.js";
import { run } from "../support/process.js";
import { alive, executable, FAKE_LOGGER, FAKE_VBLADE, Installation, TOOLS } from "./vbladed-bench.js";

t.test("a start: detached, noted, logged, and ended", async (t) => {
	const place = new Installation();
	const { code, stdout, stderr } = await place.call(["9", "0", "eth0", "disk.img"], { MODE: "warn" });
	t.equal(code, 0);
	t.equal(stdout, "");
	t.equal(stderr, "vblade: warn: mind the gap\n", "a warning reaches the caller too");
	t.ok(alive(place.pid), "the pid file names a process");
	t.equal(place.note("files"), "/\n/dev/null\n", "works in /, reads nothing");
	t.not(place.note("session").trim(), readFileSync("/proc/self/stat", "utf8").split(" ")[5], "own session");
	const descriptors = [1, 2].map((descriptor) => readlinkSync(`/proc/${place.pid}/fd/${descriptor}`));
	for (const file of descriptors) t.match(file, /output/, "says everything to the log");
	await place.logged("vblade: info: after the start\n");
	t.match(
		place.note("log"),
		/^logger -t vbladed -p daemon.info\nvblade: warn: mind the gap\npid [0-9]+: e9.0, 20480 sectors O_RDWR\nlogger/,
	);
	await place.stop();
	await place.logged("last words\n");
	await place.logged("ended with status 7\n");
});

t.test("arguments arrive as they were given, paths made absolute", async (t) => {
	const place = new Installation();
	const names = [
		"a b",
		"'\"",
		"$(touch oops)`touch oops`",
		"two\nlines\n",
		"*",
		"-x",
		"value",
		"\\",
		"é\u{1f4be}",
	];
	for (const name of names) {
		t.equal((await place.call(["--", "9", "0", "eth0", name])).code, 0);
		t.strictSame(place.arguments, ["--", "9", "0", "eth0", path.join(place.work, name)]);
		await place.stop();
	}
	t.notOk(existsSync(path.join(place.work, "oops")) || existsSync("/oops"), "nothing was executed");

	const cases: [string[], string[]][] = [
		[
			["9", "0", "unix:vm.sock", "mem:64M"],
			["9", "0", `unix:${place.work}/vm.sock`, "mem:64M"],
		],
		[
			["9", "0", "eth0", "pool:/srv/pool/web", "9", "1", "eth0", "pool:./pool/web"],
			["9", "0", "eth0", "pool:/srv/pool/web", "9", "1", "eth0", `pool:${place.work}/./pool/web`],
		],
		[
			["9", "0", "eth0", "nbd://host/web", "9", "1", "eth0", "nbd+unix:///web?socket=/run/s"],
			["9", "0", "eth0", "nbd://host/web", "9", "1", "eth0", "nbd+unix:///web?socket=/run/s"],
		],
		[
			["9", "0", "eth*,unix:a,b", "/dev/x"],
			["9", "0", `eth*,unix:${place.work}/a,b`, "/dev/x"],
		],
		[
			["9", "0", "unix:/run/x", "", "9", "1", "eth0", "y"],
			["9", "0", "unix:/run/x", "", "9", "1", "eth0", `${place.work}/y`],
		],
		[
			["-rb", "9", "8", "-m", "1", "0", "eth0", "-sd", "f", "-l2"],
			["-rb", "9", "8", "-m", "1", "0", "eth0", "-sd", `${place.work}/f`, "-l2"],
		],
		[
			["--offset", "5", "--mac=1", "8", "--length", "7", "0", "eth0", "yes,f"],
			["--offset", "5", "--mac=1", "8", "--length", "7", "0", "eth0", `${place.work}/yes,f`],
		],
	];
	for (const [given, expected] of cases) {
		t.equal((await place.call(given)).code, 0);
		t.strictSame(place.arguments, expected);
		await place.stop();
	}
});

t.test("help is its own, and starts nothing", async (t) => {
	const place = new Installation();
	t.match(await place.call(["--help"]), {
		code: 0,
		stdout: /^usage: vbladed .*--config=file.*--socket=path/s,
	});
	t.notOk(existsSync(place.pidFile));
});

t.test("a start that fails is the caller's to hear", async (t) => {
	const place = new Installation();
	const address = ["9", "0", "eth0", "f"];
	t.match(await place.call(address, { MODE: "refuse" }), { code: 2, stderr: "vblade: shelf: no\n" });
	await place.logged("vblade: shelf: no\n");
	t.notOk(existsSync(place.pidFile));
	t.match(await place.call(address, { MODE: "silent" }), {
		code: 1,
		stderr: "vbladed: vblade ended without a word, with status 1\n",
	});
	t.match(await place.call(address, { MODE: "hang", VBLADED_TIMEOUT: "2" }), {
		code: 1,
		stderr: "vblade: warn: thinking\nvbladed: vblade did not start within 2 s\n",
	});
	t.notOk(existsSync(place.pidFile));
	t.match(await place.call(address, { VBLADED_TIMEOUT: "soon" }), {
		code: 2,
		stderr: 'vbladed: VBLADED_TIMEOUT "soon": a number of seconds from 1 is allowed\n',
	});
});

t.test("the pid file", async (t) => {
	const place = new Installation();
	const address = ["9", "0", "eth0", "f"];
	await place.call(address);
	const first = place.pid;
	t.match(await place.call(address), {
		code: 2,
		stderr: new RegExp(`its vblade, process ${first}, is running\n$`),
	});
	t.equal(place.pid, first);
	t.ok(alive(first), "and goes on running");
	await place.stop();

	for (const stale of ["999999999", `${process.pid}`, "", "junk", "-1"]) {
		writeFileSync(place.pidFile, `${stale}\n`);
		t.equal((await place.call(address)).code, 0, `${JSON.stringify(stale)} is no vblade's`);
		t.ok(alive(place.pid));
		await place.stop();
	}

	await place.call(address);
	const served = place.pid;
	writeFileSync(place.pidFile, "1\n");
	process.kill(served, "SIGTERM");
	await place.logged("ended with status 7\n");
	t.equal(place.pid, 1, "a pid file that is somebody else's stays");

	const missing = path.join(place.top, "none", "x.pid");
	t.match(await place.call(address, { VBLADED_PIDFILE: missing }), {
		code: 2,
		stderr: `vbladed: pid file "${missing}": can't be written there; VBLADED_PIDFILE names another\n`,
	});
});

/**
 * Of two that are called at once, the second stops at its first call of one tool until the first one's fate is sealed or it
 * waits for the second. Whoever wins: one serves, the pid file names its vblade, and the other one says why it does not.
 */
t.test("two at once over a pid file that is left over, in every order", async (t) => {
	const tools = ["setsid", "mktemp", "mkfifo", "flock", "tr", "grep", "rm", "timeout", "sh"];
	for (const tool of tools) {
		const place = new Installation();
		const held = path.join(place.top, "held");
		const note = (name: string) => path.join(place.notes, name);
		const find = async (name: string) =>
			(await run(["sh", "-c", `command -v ${name}`], LIMIT_MS)).stdout.trim();
		const wait = `if mkdir "$NOTES/at tool" 2>/dev/null; then until [ -e "$NOTES/go on" ]; do sleep 0.02; done; fi`;
		executable(path.join(held, tool), `#!/bin/sh\n${wait}\nexec ${await find(tool)} "$@"\n`);
		const waiting = path.join(place.top, "waiting");
		const tell = `: >"$NOTES/waits"\nexec ${await find("flock")} "$@"`;
		executable(path.join(waiting, "flock"), `#!/bin/sh\n${tell}\n`);
		writeFileSync(place.pidFile, `${process.pid}\n`);
		const inFront = (folder: string) => ({ PATH: `${folder}:${place.env.PATH}` });

		const second = place.call(["9", "0", "eth0", "f"], inFront(held));
		await until(`the second is at ${tool}`, () => existsSync(note("at tool")), LIMIT_MS);
		let firstEnded = false;
		const first = place.call(["9", "0", "eth0", "f"], inFront(waiting)).finally(() => {
			firstEnded = true;
		});
		await until("the first is through, or waits", () => firstEnded || existsSync(note("waits")), LIMIT_MS);
		writeFileSync(note("go on"), "");
		const both = await Promise.all([first, second]);
		const codes = both.map(({ code }) => code).sort();
		t.strictSame(codes, [0, 2], `${tool}: one serves`);
		t.ok(alive(place.pid), `${tool}: the pid file names its vblade`);
		const refused = both.find(({ code }) => code === 2)?.stderr ?? "";
		t.match(refused, new RegExp(`its vblade, process ${place.pid}, is running\n$`), tool);
		await place.stop();
	}
});

t.test("where vblade and the log are", async (t) => {
	await t.test("vbladed through a symbolic link", async (t) => {
		const place = new Installation();
		const link = path.join(place.work, "vbladed");
		symlinkSync("../vbladed", link);
		t.equal((await place.call(["9", "0", "eth0", "f"], {}, link)).code, 0);
		await place.stop();
	});
	await t.test("nothing but a PATH", async (t) => {
		const place = new Installation();
		const bin = path.join(place.top, "only");
		const lonely = path.join(place.top, "lonely", "vbladed");
		mkdirSync(bin);
		mkdirSync(path.dirname(lonely));
		place.copyTo(lonely);
		const { stdout } = await run(
			["sh", "-c", `for tool; do command -v "$tool"; done`, "sh", ...TOOLS],
			LIMIT_MS,
		);
		for (const tool of stdout.trim().split("\n")) symlinkSync(tool, path.join(bin, path.basename(tool)));
		const call = () => place.call(["9", "0", "eth0", "f"], { PATH: bin }, lonely);
		t.match(await call(), { code: 2, stderr: /^vbladed: vblade is neither in .* nor on PATH\n$/s });
		executable(path.join(bin, "vblade"), FAKE_VBLADE);
		t.match(await call(), { code: 2, stderr: /neither logger\(1\) nor systemd-cat\(1\) is on PATH/ });
		executable(path.join(bin, "systemd-cat"), FAKE_LOGGER);
		t.equal((await call()).code, 0);
		await place.logged("after the start\n");
		t.match(place.note("log"), /^systemd-cat -t vbladed -p info\npid /);
		await place.stop();
	});
});

t.test("the vblade of this package", async (t) => {
	const place = new Installation();
	const script = sourceFile("vbladed");
	const socket = path.join(scratchDirectory(), "vm.sock");
	const args = ["9", "0", `unix:${socket}`, "mem:1M"];
	t.match(await place.call(args, {}, script), { code: 0, stderr: "" });
	t.ok(existsSync(socket), "served by the time vbladed returns");
	t.equal(readlinkSync(`/proc/${place.pid}/cwd`), "/");
	await place.logged(`pid ${place.pid}: e9.0, 2048 sectors O_RDWR\n`);
	t.match(await place.call(args, {}, script), { code: 2, stderr: /is running/ });
	await place.stop();
	t.notMatch(place.note("log"), /ended with status/, "drained and ended with 0");

	const missing = ["9", "0", `unix:${socket}`, "no such disk"];
	t.match(await place.call(missing, {}, script), {
		code: 2,
		stderr: /^vblade: .*no such disk: there is no such file\n$/,
	});
	t.match(await place.call(["70000", "0", "lo", "f"], {}, script), {
		code: 2,
		stderr: /^vblade: shelf "70000": /,
	});
	t.match(await place.call(["--version"], {}, script), { code: 0, stdout: /^vblade [0-9]/ });
	t.notOk(existsSync(place.pidFile));
});

t.test("the scripts are what a POSIX shell understands", async (t) => {
	const scripts = [
		sourceFile("vbladed"),
		sourceFile("vbladed-supervisor"),
		sourceFile("scripts", "install-systemd"),
		sourceFile("scripts", "sparsefile"),
	];
	for (const script of scripts) t.equal((await run(["sh", "-n", script], LIMIT_MS)).code, 0, script);
	const shellcheck = await run(["sh", "-c", "command -v shellcheck"], LIMIT_MS);
	if (shellcheck.code === 0) {
		const { code, output } = await run(["shellcheck", "--shell=sh", ...scripts], LIMIT_MS);
		t.equal(code, 0, output);
	}
});
