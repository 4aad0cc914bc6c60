// A log on a terminal: after Ctrl-S, where nobody reads, and one that is closed; every disk is served on.

import t from "tap";
import { LIMIT_MS } from "../support/limit.js";
import { sourceFile } from "../support/paths.js";
import { Program } from "../support/process.js";
import { MANY, Server, withoutReader } from "./log-bench.js";

t.test("a terminal after Ctrl-S, and one that nobody reads", async (t) => {
	const server = new Server(t, MANY);
	const terminal = new Program(["python3", sourceFile("test/support/terminal.py"), ...server.command]);
	t.teardown(() => terminal.stop("SIGKILL"));
	const [, pid] = await terminal.waitFor(/^pid ([0-9]+)$/m, LIMIT_MS);
	server.pid = Number(pid);
	terminal.write("read\n");
	await terminal.waitFor(new RegExp(`${server.lastBlade}, `), LIMIT_MS);
	const reader = {
		stop: () => terminal.write("rest\n"),
		goOn: () => terminal.write("go\n"),
		text: () => terminal.stdout,
		end: terminal.end,
	};
	terminal.write("stop\n");
	await withoutReader(t, server, reader);
});

// Node gives a terminal its settings back when it exits, and used to abort where that can't be done.
t.test("a terminal that is closed", async (t) => {
	for (const [redirected, what] of [
		["", "all three are the terminal"],
		[">/dev/null 2>&1", "standard input alone is"],
		["</dev/null 2>&1", "output alone is"],
		["</dev/null >/dev/null", "the log alone is"],
	] as const) {
		const server = new Server(t, 1);
		const command = ["sh", "-c", `exec "$@" ${redirected}`, "sh", ...server.command];
		const terminal = new Program(["python3", sourceFile("test/support/terminal.py"), ...command]);
		t.teardown(() => terminal.stop("SIGKILL"));
		terminal.write("read\n");
		await server.isServing();
		await server.read();
		terminal.write("hangup\n");
		t.match(await terminal.finished(LIMIT_MS), { code: 0 }, `${what}: it ends in order`);
	}
});
