/**
 * The service under a systemd that is the first process of a system of its own: start, reload, kill -9, a process that hangs, stop,
 * and the socket that starts it again. Skipped where there is no systemd, or nobody who may make such a system.
 */

import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import t, { type Test } from "tap";
import { scratchDirectory, until } from "../support/cleanup.js";
import { PROJECT, sourceFile } from "../support/paths.js";
import { Program, run } from "../support/process.js";

const SYSTEMD = "/lib/systemd/systemd";
const LIMIT_MS = 30_000;
const NAMESPACES = ["--mount", "--pid", "--net", "--uts", "--ipc", "--cgroup"];
const skip = (!existsSync(SYSTEMD) && "there is no systemd") || (process.getuid?.() !== 0 && "needs root");

/** The pid, here, of the process that is the first one there; 0 before there is one. */
function firstProcess(parent: number): number {
	const children = readFileSync(`/proc/${parent}/task/${parent}/children`, "utf8");
	return Number(children.split(" ")[0]);
}

class System {
	private constructor(
		readonly program: Program,
		readonly pid: number,
	) {}

	static async boot(t: Test): Promise<System> {
		const script = sourceFile("test/package/booted-system.sh");
		const command = ["unshare", ...NAMESPACES, "--fork", "--kill-child", "sh", script];
		const program = new Program([...command, scratchDirectory(), PROJECT]);
		t.teardown(() => program.stop("SIGKILL"));
		await program.waitFor(/^installed$/m, LIMIT_MS);
		const system = new System(program, firstProcess(program.pid));
		await until(
			"the system",
			async () => /running|degraded/.test(await system.says("systemctl", "is-system-running")),
			LIMIT_MS,
		);
		return system;
	}

	/** Runs a command there. What it says, if it has to go well or not. */
	async says(...command: string[]): Promise<string> {
		const { output } = await this.run(...command);
		return output;
	}

	run(...command: string[]): Promise<{ code: number | null; output: string }> {
		return run(["nsenter", "--all", "--root", "--wd", "--target", String(this.pid), ...command], LIMIT_MS);
	}

	async shows(property: string): Promise<string> {
		return (await this.says("systemctl", "show", "--value", "--property", property, "vblade.service")).trim();
	}

	async signalMain(signal: string): Promise<void> {
		await this.says("sh", "-c", `kill -${signal} ${await this.shows("MainPID")}`);
	}

	async isServed(): Promise<boolean> {
		return /^web +open /m.test(await this.says(path.join(PROJECT, "build/bin/vblade.js"), "status"));
	}

	async servedAgain(restarts: number): Promise<void> {
		const isAgain = async () => Number(await this.shows("NRestarts")) === restarts && (await this.isServed());
		await until(`start ${restarts}`, isAgain, 2 * LIMIT_MS);
	}
}

t.test("the service under systemd", { skip, timeout: 300_000 }, async (t) => {
	const system = await System.boot(t);
	t.equal((await system.run("systemctl", "start", "vblade.socket", "vblade.service")).code, 0);
	await until("the disk", () => system.isServed(), LIMIT_MS);
	t.equal(await system.shows("StatusText"), "1 disk");

	t.equal((await system.run("systemctl", "reload", "vblade.service")).code, 0, "a reload ends");
	t.equal(await system.shows("NRestarts"), "0");
	t.ok(await system.isServed());

	await system.signalMain("KILL");
	await system.servedAgain(1);
	t.pass("its first process is killed: systemd starts it again");

	await system.signalMain("STOP");
	await system.servedAgain(2);
	t.pass("its first process hangs: the watchdog ends it");

	t.equal((await system.run("systemctl", "stop", "vblade.service")).code, 0);
	t.equal(await system.shows("ActiveState"), "inactive");
	t.equal(await system.shows("Result"), "success", "a stop is an end like any other");
	const left = (
		await system.says("systemctl", "show", "--value", "--property", "ControlGroup", "vblade.service")
	).trim();
	t.equal(left, "", "nothing of it is left");
	await system.says(path.join(PROJECT, "build/bin/vblade.js"), "status");
	await until("the disk", () => system.isServed(), LIMIT_MS);
	t.pass("whoever asks at the socket has it started");
});
