// A log whose reader has stopped: a pipe, a socket, a full disk, none at all; every disk is served on, SIGTERM ends in order, and one
// line tells how much was lost. Terminals are in `log-terminal.test.ts`.

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { closeSync, constants, openSync, readFileSync, readSync, statSync, writeSync } from "node:fs";
import path from "node:path";
import t, { type Test } from "tap";
import { atEnd, pause, until } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import { PROJECT } from "../support/paths.js";
import { type Ended, sendSignal } from "../support/process.js";
import { directory, FEW, LOST, MANY, newPath, Server, VBLADE, withoutReader } from "./log-bench.js";

/** A child process whose stdout and stderr are `output`; ended when the test is over. */
function start(
	t: Test,
	command: readonly string[],
	output: number | "pipe",
): ChildProcess & { end: Promise<Ended> } {
	const [file = "", ...args] = command;
	const child = spawn(file, args, { stdio: ["ignore", output, output] });
	const undo = atEnd(() => child.kill("SIGKILL"));
	t.teardown(undo);
	const end = new Promise<Ended>((resolve) => child.on("exit", (code, signal) => resolve({ code, signal })));
	return Object.assign(child, { end });
}

/** A pipe that is read when it is told to. */
class Pipe {
	readonly #reading: number;
	readonly writing: number;
	text = "";
	#timer: NodeJS.Timeout | undefined;

	constructor(t: Test) {
		const fifo = newPath("fifo");
		execFileSync("mkfifo", [fifo]);
		this.#reading = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
		this.writing = openSync(fifo, constants.O_WRONLY | constants.O_NONBLOCK);
		t.teardown(() => {
			this.stop();
			closeSync(this.#reading);
			closeSync(this.writing);
		});
	}

	/** Leaves no room in it. */
	fill(): void {
		this.#untilRefused(() => writeSync(this.writing, "\n".repeat(512)));
	}

	goOn(): void {
		const bytes = Buffer.alloc(65536);
		this.#timer ??= setInterval(() => {
			this.#untilRefused(() => {
				const length = readSync(this.#reading, bytes);
				this.text += bytes.toString("latin1", 0, length);
				return length;
			});
		}, 5);
	}

	stop(): void {
		clearInterval(this.#timer);
		this.#timer = undefined;
	}

	#untilRefused(step: () => number): void {
		try {
			while (step() > 0);
		} catch (error) {
			if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
		}
	}
}

t.test("a pipe whose reader has stopped", async (t) => {
	const [server, pipe] = [new Server(t, MANY), new Pipe(t)];
	const child = start(t, server.command, pipe.writing);
	server.pid = child.pid ?? 0;
	await server.isServing();
	const reader = { stop: () => pipe.stop(), goOn: () => pipe.goOn(), text: () => pipe.text, end: child.end };
	await withoutReader(t, server, reader);
});

t.test("a socket that nobody reads, such as the journal's", async (t) => {
	const server = new Server(t, MANY);
	// What Node calls pipes are sockets.
	const child = start(t, server.command, "pipe");
	server.pid = child.pid ?? 0;
	await server.isServing();
	let text = "";
	const streams = [child.stdout, child.stderr];
	const reader = {
		stop: () => {
			for (const stream of streams) stream?.pause();
		},
		goOn: () => {
			for (const stream of streams) stream?.resume();
		},
		text: () => text,
		end: child.end,
	};
	for (const stream of streams)
		stream?.setEncoding("latin1").on("data", (chunk: string) => {
			text += chunk;
		});
	reader.stop();
	await withoutReader(t, server, reader);
});

t.test("a start-up line that nobody reads holds up nothing", async (t) => {
	const [server, pipe] = [new Server(t, FEW), new Pipe(t)];
	pipe.fill();
	const child = start(t, server.command, pipe.writing);
	server.pid = child.pid ?? 0;
	await server.isServing();
	pipe.goOn();
	await until("all lines of the start", () => pipe.text.includes(`${server.lastBlade}, 2 sectors`), LIMIT_MS);
	sendSignal(server.pid, "SIGTERM");
	t.match(await child.end, { code: 0 });
	t.equal(pipe.text.match(/^pid /gm)?.length, FEW);
});

t.test("no log at all: closed, or on a disk that is full", async (t) => {
	for (const where of [">&- 2>&-", ">/dev/full 2>/dev/full"]) {
		const server = new Server(t, FEW);
		const child = start(t, ["sh", "-c", `exec "$@" ${where}`, "sh", ...server.command], "pipe");
		server.pid = child.pid ?? 0;
		await server.isServing();
		sendSignal(server.pid, "SIGUSR1");
		await server.read();
		sendSignal(server.pid, "SIGTERM");
		t.match(await child.end, { code: 0 }, where);
	}
});

t.test("a log on a disk that was full tells what is missing when there is room again", async (t) => {
	const [server, file] = [new Server(t, FEW), path.join(directory, "log")];
	const limit = 4096;
	const log = openSync(file, "a");
	t.teardown(() => closeSync(log));
	const child = start(t, ["prlimit", `--fsize=${limit}:unlimited`, ...server.command], log);
	server.pid = child.pid ?? 0;
	await server.isServing();
	await until("full", () => statSync(file).size === limit, LIMIT_MS);
	execFileSync("prlimit", ["--fsize=unlimited", "--pid", `${server.pid}`]);
	sendSignal(server.pid, "SIGUSR1");
	await until(
		"the log goes on",
		() => readFileSync(file, "utf8").includes(`${server.lastBlade}: reads`),
		LIMIT_MS,
	);
	t.match(readFileSync(file, "utf8"), LOST);
	sendSignal(server.pid, "SIGTERM");
	t.match(await child.end, { code: 0 });
});

t.test("last words arrive if somebody reads, and wait for nobody for ever", async (t) => {
	for (const somebody of [true, false]) {
		const pipe = new Pipe(t);
		pipe.fill();
		const child = start(t, [...VBLADE, "70000", "0", "lo", "mem:1M"], pipe.writing);
		// The reader is busy while the line is said, and only then reads.
		await pause(200);
		if (somebody) pipe.goOn();
		t.match(await child.end, { code: 2 });
		if (somebody) await until("the line", () => /^vblade: shelf "70000": .*\n/m.test(pipe.text), LIMIT_MS);
	}

	const pipe = new Pipe(t);
	pipe.goOn();
	const logUrl = JSON.stringify(path.join(PROJECT, "build/lib/log.js"));
	const outputUrl = JSON.stringify(path.join(PROJECT, "build/lib/output.js"));
	const script = `
		const { createLog } = await import(${logUrl});
		const { finishOutput } = await import(${outputUrl});
		process.on("exit", finishOutput);
		const log = createLog(true);
		for (let line = 0; line < 5000; line++) log.error("line " + line);
		process.exit(3);`;
	const child = start(t, [process.execPath, "--input-type=module", "-e", script], pipe.writing);
	t.match(await child.end, { code: 3 });
	await until("the last line", () => pipe.text.includes("line 4999\n"), LIMIT_MS);
	t.equal(pipe.text.match(/line /g)?.length, 5000, "nothing that was logged is lost at the end");
});
