/** Servers whose log has a reader that stops, for the tests of what they say. */

import path from "node:path";
import type { Test } from "tap";
import { Initiator } from "../../lib/client/initiator.js";
import type { RemoteDisk } from "../../lib/client/remote-disk.js";
import { UnixLink } from "../../lib/link/unix.js";
import { Pump } from "../../lib/pump.js";
import { scratchDirectory, until } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import { builtVblade, PROJECT } from "../support/paths.js";
import { type Ended, sendSignal } from "../support/process.js";

export const VBLADE = [process.execPath, builtVblade(PROJECT)];
/** So many that what they say overflows what is kept, and a few where that does not matter. */
export const MANY = 1000;
export const FEW = 200;
/** Rounds of counters of many blades that overflow what is kept, and that fill what the kernel keeps. */
const OVERFLOW_ROUNDS = 16;
const STOP_ROUNDS = 4;
/** As in lib/output.ts: what is kept for a reader. */
const KEPT_BYTES = 1024 * 1024;
/** What the kernel may keep of what was written: pipes, sockets and terminals. */
const KERNEL_BYTES = 512 * 1024;
export const LOST =
	/^vblade: warn: ([0-9]+) lines? of the log w(?:as|ere) lost: nobody took (?:it|them)\r?$/m;
export const directory = scratchDirectory();
let paths = 0;

/** A path that is nobody's yet. */
export function newPath(suffix: string): string {
	return path.join(directory, `${paths++}.${suffix}`);
}

/** A vblade that is to be started, and an initiator for it. */
export class Server {
	readonly socket = newPath("sock");
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

export async function withoutReader(t: Test, server: Server, reader: Reader): Promise<void> {
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
