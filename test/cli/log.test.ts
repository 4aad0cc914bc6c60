/**
 * The log and whoever reads it: a reader that stops, is slow, or is not there at all stops no disk and no signal, and hears
 * how much was lost when it is back. The real vblade with a thousand small blades, whose counters are what the log is filled
 * with; memory on a unix socket, so neither root nor an interface is needed.
 */

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { closeSync, constants, openSync, readFileSync, readSync, statSync, writeSync } from "node:fs";
import path from "node:path";
import t, { type Test } from "tap";
import { Initiator } from "../../lib/client/initiator.js";
import type { RemoteDisk } from "../../lib/client/remote-disk.js";
import { UnixLink } from "../../lib/link/unix.js";
import { Pump } from "../../lib/pump.js";
import { atEnd, pause, scratchDirectory, until } from "../support/cleanup.js";
import { PROJECT, sourceFile } from "../support/paths.js";
import { type Ended, Program, sendSignal } from "../support/process.js";

const LIMIT_MS = 30_000;
const VBLADE = [process.execPath, path.join(PROJECT, "build/lib/cli/vblade.js")];
/** So many that what they say overflows what is kept, and a few where that does not matter. */
const MANY = 1000;
const FEW = 200;
/** Rounds of counters of many blades that overflow what is kept, and that fill what the kernel keeps. */
const OVERFLOW_ROUNDS = 16;
const STOP_ROUNDS = 4;
/** As in lib/output.ts: what is kept for a reader. */
const KEPT_BYTES = 1024 * 1024;
/** What the kernel may keep of what was written: pipes, sockets and terminals. */
const KERNEL_BYTES = 512 * 1024;
const LOST = /^vblade: warn: ([0-9]+) lines? of the log w(?:as|ere) lost: nobody took (?:it|them)\r?$/m;
const directory = scratchDirectory();
let sockets = 0;

/** A vblade that is to be started, and an initiator for it. */
class Server {
	readonly socket = path.join(directory, `${sockets++}.sock`);
	readonly command: readonly string[];
	/** Its name in lines about it. */
	readonly lastBlade: string;
	/** Set when it is known. */
	pid = 0;
	readonly #t: Test;
	#disk: RemoteDisk | undefined;

	constructor(t: Test, blades: number) {
		this.#t = t;
		const arguments_ = Array.from({ length: blades }, (_, blade) => [
			`${Math.floor(blade / 100)}`,
			`${blade % 100}`,
			`unix:${this.socket}`,
			"mem:1K",
		]);
		this.command = [...VBLADE, ...arguments_.flat()];
		this.lastBlade = `e${blades / 100 - 1}.99`;
	}

	/** Reads from a blade: what must be possible whatever the log does. */
	async read(): Promise<void> {
		this.#disk ??= await this.#connect();
		await this.#disk.read(0, 1);
	}

	async #connect(): Promise<RemoteDisk> {
		const link = await UnixLink.connect(this.socket, { pump: new Pump(), log: () => {}, framesInFlight: 4 });
		const initiator = new Initiator(link, { deadlineMs: LIMIT_MS / 3 });
		this.#t.teardown(async () => {
			initiator.close();
			await link.close();
		});
		return initiator.open(0, 0);
	}

	async isServing(): Promise<void> {
		const serves = () =>
			this.read().then(
				() => true,
				() => false,
			);
		await until("it serves", serves, LIMIT_MS);
	}

	/** Makes it log, and reads from it all the while. */
	async fillLog(rounds: number): Promise<void> {
		for (let round = 0; round < rounds; round++) {
			sendSignal(this.pid, "SIGUSR1");
			await this.read();
		}
	}
}

/** What a test does to the reader, and what it has read. */
interface Reader {
	stop(): void;
	goOn(): void;
	/** All that it has read so far. */
	text(): string;
	/** Resolves when the server ends. */
	readonly end: Promise<Ended>;
}

async function withoutReader(t: Test, server: Server, reader: Reader): Promise<void> {
	await server.fillLog(OVERFLOW_ROUNDS);
	t.pass("served while nobody read");
	const before = reader.text().length;
	reader.goOn();
	await until("the line about what was lost", () => LOST.test(reader.text()), LIMIT_MS);
	t.ok(reader.text().length - before < KEPT_BYTES + KERNEL_BYTES, "what is kept is bounded");
	const lines = reader.text().split(/\r?\n/);
	const strange = lines.slice(0, -1).filter((line) => !/^(\^[SQ])*(vblade: |pid |$)/.test(line));
	t.strictSame(strange, [], "what arrived are whole lines");

	const from = reader.text().length;
	sendSignal(server.pid, "SIGUSR1");
	await until("the log goes on", () => reader.text().includes(`${server.lastBlade}: reads`, from), LIMIT_MS);
	reader.stop();
	await server.fillLog(STOP_ROUNDS);
	sendSignal(server.pid, "SIGTERM");
	t.match(await reader.end, { code: 0 }, "SIGTERM ends it in order while nobody reads");
}

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
		const fifo = path.join(directory, `${sockets++}.fifo`);
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
