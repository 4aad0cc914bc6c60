/**
 * Signals that were ignored when vblade was started are ignored still, as nohup(1) and the shell's background jobs want it,
 * and all others end it. The program as it is called, by the first line of its file: Node forgets what was ignored.
 */

import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import t from "tap";
import { pause, scratchDirectory, until } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import { sourceFile, vbladeCommand } from "../support/paths.js";
import { Program, run, sendSignal } from "../support/process.js";

const directory = scratchDirectory();
let sockets = 0;

function blade(): string[] {
	return ["9", "0", `unix:${path.join(directory, `${sockets++}.sock`)}`, "mem:1M"];
}

/** How the shell starts it, which signals must do nothing, and which one ends it. */
const STARTS: [string, NodeJS.Signals[], NodeJS.Signals][] = [
	[`trap '' HUP; exec "$@"`, ["SIGHUP"], "SIGTERM"],
	[`exec nohup "$@"`, ["SIGHUP"], "SIGINT"],
	[`trap '' INT QUIT; exec "$@"`, ["SIGINT", "SIGQUIT"], "SIGHUP"],
	// A job in the background of a script: POSIX has the shell ignore what the terminal sends.
	[`"$@" & wait`, ["SIGINT", "SIGQUIT"], "SIGTERM"],
	[`trap '' TERM TSTP; exec "$@"`, ["SIGTERM", "SIGTSTP"], "SIGINT"],
];

for (const [script, ignored, end] of STARTS)
	t.test(script, async (t) => {
		const vblade = new Program(["sh", "-c", script, "sh", ...vbladeCommand(), ...blade()]);
		t.teardown(() => vblade.stop("SIGKILL"));
		const [, pid] = await vblade.waitFor(/^pid ([0-9]+): .*sectors/m, LIMIT_MS);
		for (const signal of ignored) sendSignal(Number(pid), signal);
		await pause(100);
		sendSignal(Number(pid), "SIGUSR1");
		await vblade.waitFor(/info: e9\.0: reads 0/, LIMIT_MS);
		t.pass(`${ignored} did nothing`);
		sendSignal(Number(pid), end);
		t.match(await vblade.finished(LIMIT_MS), { code: 0 });
	});

t.test("what vbladed was told to ignore, its vblade ignores, and nothing else", async (t) => {
	const pidFile = path.join(directory, "vblade.pid");
	const env = { VBLADED_PIDFILE: pidFile };
	for (const ignored of [[], ["HUP"], ["INT"]]) {
		const script = `for signal in ${ignored.join(" ")}; do trap '' "$signal"; done; exec "$@"`;
		const started = await run(["sh", "-c", script, "sh", sourceFile("vbladed"), ...blade()], LIMIT_MS, {
			env,
		});
		t.match(started, { code: 0, stderr: "" });
		const pid = Number(readFileSync(pidFile, "utf8"));
		t.teardown(() => sendSignal(pid, "SIGKILL"));
		for (const signal of ignored) sendSignal(pid, `SIG${signal}` as NodeJS.Signals);
		await pause(100);
		t.ok(existsSync(`/proc/${pid}`) && existsSync(pidFile), `${ignored} did nothing`);
		sendSignal(pid, ignored[0] === "INT" ? "SIGHUP" : "SIGINT");
		await until("its end", () => !existsSync(pidFile), LIMIT_MS);
	}
});
