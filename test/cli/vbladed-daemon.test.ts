/**
 * `vbladed` without shelf and slot: the daemon of a configuration, started again when it was killed. Against a vblade that does as told,
 * and at the end against the real one.
 */

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import t, { type Test } from "tap";
import { atEnd, scratchDirectory, until } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import { sourceFile } from "../support/paths.js";
import { sendSignal } from "../support/process.js";
import { alive, executable, Installation } from "./vbladed-bench.js";

const MODE = "daemon";

/** The supervisor: the parent of what the pid file names. */
function supervisorOf(pid: number): number {
	return Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1]);
}

function starts(place: Installation): number {
	return place.note("starts").split("\n").length - 1;
}

t.test("what it is told, with paths made absolute", async (t) => {
	const place = new Installation();
	const cases: [string[], string[]][] = [
		[[], ["daemon"]],
		[["--verbose"], ["daemon", "--verbose"]],
		[
			["--config", "a b.toml", "--socket=run/s"],
			["daemon", "--config", `${place.work}/a b.toml`, `--socket=${place.work}/run/s`],
		],
		[
			["--config=/etc/x", "--socket", "/run/s"],
			["daemon", "--config=/etc/x", "--socket", "/run/s"],
		],
	];
	for (const [given, expected] of cases) {
		t.match(await place.call(given, { MODE }), { code: 0, stdout: "", stderr: "" });
		t.strictSame(place.arguments, expected);
		await place.stop();
	}
	await place.logged("vblade: ready: 2 disks\n");
	t.notMatch(place.note("log"), /ended with/, "it was to end");
});

t.test("killed, it is started again, and the pid file names the new one", async (t) => {
	const place = new Installation();
	await place.call([], { MODE });
	for (let round = 0; round < 2; round++) {
		const before = place.pid;
		process.kill(before, "SIGKILL");
		await until(
			"another one",
			() => starts(place) === round + 2 && ![0, before].includes(place.pid),
			LIMIT_MS,
		);
		await place.logged(`process ${before}, ended with status 137; it is started again in ${round + 1} s\n`);
	}
	t.match(await place.call([], { MODE }), { code: 2, stderr: /is running\n$/ });
	await place.stop();
	t.equal(starts(place), 3);
});

t.test("SIGTERM to the supervisor ends both", async (t) => {
	const place = new Installation();
	await place.call([], { MODE });
	const first = { pid: place.pid, supervisor: supervisorOf(place.pid) };
	process.kill(first.supervisor, "SIGTERM");
	await until("the end", () => !alive(first.pid) && !alive(first.supervisor), LIMIT_MS);
	t.notOk(existsSync(place.pidFile));
});

/** Has the daemon killed until `told`, a command that the pause runs in place of its tool, has told the supervisor to end. */
async function endedInPause(
	t: Test,
	tool: string,
	told: string,
	kills: number,
	slept: number,
): Promise<void> {
	const place = new Installation();
	await place.call([], { MODE });
	const supervisor = supervisorOf(place.pid);
	executable(path.join(place.top, "bin", tool), `#!/bin/sh\n${told}\n`);
	for (let killed = 0; killed < kills; killed++) {
		const before = place.pid;
		process.kill(before, "SIGKILL");
		const isStartedAgain = () => starts(place) === killed + 2 && ![0, before].includes(place.pid);
		const isLast = killed === kills - 1;
		await until("the end, or another start", isLast ? () => !alive(supervisor) : isStartedAgain, LIMIT_MS);
	}
	t.notOk(existsSync(place.pidFile));
	t.equal(starts(place), kills, "nothing was started any more");
	t.equal(place.note("slept").length, slept, "nor waited for");
}

t.test("SIGTERM between two starts, before the pause has begun", (t) =>
	endedInPause(t, "logger", 'cat >>"$NOTES/log"\nkill -TERM "$PPID"', 1, 0),
);

t.test("SIGTERM between two starts, in a pause", (t) => {
	const told =
		'[ "$1" = 1 ] || exec /bin/sleep "$@"\nprintf . >>"$NOTES/slept"\n[ "$(cat "$NOTES/slept")" = . ] || kill -TERM "$PPID"';
	return endedInPause(t, "sleep", told, 2, 2);
});

t.test("one whose pid file is somebody else's by then is not started again", async (t) => {
	const place = new Installation();
	await place.call([], { MODE });
	const { pid } = place;
	const supervisor = supervisorOf(pid);
	writeFileSync(place.pidFile, "1\n");
	process.kill(pid, "SIGKILL");
	await until("the supervisor's end", () => !alive(supervisor), LIMIT_MS);
	t.equal(place.pid, 1, "the file stays");
	writeFileSync(place.pidFile, "0\n");
});

t.test("the daemon of this package", async (t) => {
	const place = new Installation();
	const folder = scratchDirectory();
	mkdirSync(path.join(folder, "run"));
	const config = path.join(folder, "vblade.toml");
	const socket = path.join(folder, "run/vblade.sock");
	const disk = `[disk.web]\nmemory = "1M"\n[disk.web.aoe]\naddress = "9.0"\nnetif = ["unix:${folder}/frames"]\n`;
	writeFileSync(config, `[daemon]\nstate = "${folder}/state"\n${disk}`);
	const script = sourceFile("vbladed");
	const args = ["--config", config, "--socket", socket];
	t.match(await place.call(args, {}, script), { code: 0, stderr: "" });
	const first = place.pid;
	const supervisor = supervisorOf(first);
	atEnd(() => sendSignal(supervisor, "SIGTERM"));
	t.ok(existsSync(path.join(folder, "frames")), "served by the time vbladed returns");
	process.kill(first, "SIGKILL");
	const isReadyAgain = () => place.note("log").split("vblade: ready: 1 disk").length === 3;
	await until("ready again", isReadyAgain, LIMIT_MS);
	await place.stop();
	t.notOk(existsSync(socket));

	writeFileSync(config, "[disk.web]\nfiel = 3\n");
	t.match(await place.call(args, {}, script), { code: 2, stderr: /vblade\.toml:2:1: .*fiel/ });
	t.notOk(existsSync(place.pidFile));
});
