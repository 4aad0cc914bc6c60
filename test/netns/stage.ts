/**
 * The stage for one server: a LAN, a file to export, the server under test on one side and our own hand on the wire on the
 * other. For the tests of this directory; everything is gone after `close`.
 */

import { writeFileSync } from "node:fs";
import path from "node:path";
import { scratchDirectory, until } from "../support/cleanup.js";
import { FramePort } from "../support/frame-port.js";
import { ataFrame, configFrame, type FrameHeader, fieldsOf, respondsTo } from "../support/frames.js";
import { type CableOptions, Lan } from "../support/netns.js";
import type { Program } from "../support/process.js";

export const SERVER_MAC = "02:00:00:00:00:01";
export const CLIENT_MAC = "02:00:00:00:00:02";
/** Sectors of the file at first. */
export const FILE_SECTORS = 1024;
/** Limit for a server to start, to refuse to, or to end. */
const START_LIMIT_MS = 10_000;
/** How soon after trouble with its link a server has to serve again. */
const RECOVERY_LIMIT_MS = 2000;
/** How long an answer may take when nobody but us uses the LAN. */
const ANSWER_MS = 200;

export class Stage {
	readonly lan: Lan;
	/** `FILE_SECTORS` of zeros. */
	readonly file: string;
	readonly #command: readonly string[];
	#port: FramePort | undefined;
	#tag = 0x1000;

	constructor(command: readonly string[], cable: CableOptions = {}) {
		this.#command = command;
		this.lan = new Lan({ serverMac: SERVER_MAC, clientMac: CLIENT_MAC, ...cable });
		this.file = this.addFile("disk.img");
	}

	/** Another file like the first. */
	addFile(name: string): string {
		const file = path.join(scratchDirectory(), name);
		writeFileSync(file, Buffer.alloc(FILE_SECTORS * 512));
		return file;
	}

	/** Starts the server with these arguments. */
	start(...args: string[]): Program {
		return this.lan.server.start([...this.#command, ...args]);
	}

	/** Starts another one at the other end of the cable. */
	startOpposite(...args: string[]): Program {
		return this.lan.client.start([...this.#command, ...args]);
	}

	/** Starts it as 9.0 on lan0 with the file, and waits until it serves. */
	async serve(...options: string[]): Promise<Program> {
		const server = this.start(...options, "9", "0", "lan0", this.file);
		await server.waitFor(/^pid \d+: e9\.0/m, START_LIMIT_MS);
		return server;
	}

	/** Our hand on the wire: the other end of lan0. */
	async port(): Promise<FramePort> {
		this.#port ??= await FramePort.open(this.lan.client, "lan0");
		return this.#port;
	}

	/** Lets go of the port, before its interface goes. */
	async closePort(): Promise<void> {
		await this.#port?.close();
		this.#port = undefined;
	}

	/** A header from us to the server's 9.0, with a tag of its own. */
	header(changes: Partial<FrameHeader> = {}): FrameHeader & { readonly tag: number } {
		return { dst: SERVER_MAC, src: CLIENT_MAC, shelf: 9, slot: 0, tag: ++this.#tag, ...changes };
	}

	/** Every answer to a config query that comes in a while. */
	async ask(changes: Partial<FrameHeader> = {}): Promise<Buffer[]> {
		const header = this.header(changes);
		const port = await this.port();
		return port.answers(configFrame(header, 0), (frame) => respondsTo(frame, header.tag), ANSWER_MS);
	}

	/** The fields of the answer to IDENTIFY DEVICE. Throws if there is none. */
	async identify(changes: Partial<FrameHeader> = {}): Promise<ReturnType<typeof fieldsOf>> {
		const header = this.header(changes);
		const port = await this.port();
		const identify = ataFrame(header, { command: 0xec, count: 1 });
		const [reply] = await port.exchange(identify, (frame) => respondsTo(frame, header.tag));
		if (!reply) throw new Error("no answer to IDENTIFY DEVICE");
		return fieldsOf(reply);
	}

	/** How many sectors IDENTIFY DEVICE says that there are. */
	async sectors(changes: Partial<FrameHeader> = {}): Promise<number> {
		return (await this.identify(changes)).data.readUInt32LE(120);
	}

	/** What has become of a server after trouble: waits until it answers again or has ended, and says which. */
	async recovery(server: Program, limitMs = RECOVERY_LIMIT_MS): Promise<string> {
		const end = Date.now() + limitMs;
		while (Date.now() < end && !server.ended) {
			if ((await this.ask()).length > 0) return "answers again";
		}
		return server.ended ? told(server) : "is silent";
	}

	async close(): Promise<void> {
		await this.closePort();
		this.lan.remove();
	}
}

/** How a program has ended, in words. */
export function told(program: Program): string {
	if (!program.ended) return "runs";
	const { code, signal } = program.ended;
	return signal ? `ends by ${signal}` : `exits with status ${code}`;
}

/** Waits until a server serves or has ended, and says which. */
export async function startOutcome(server: Program): Promise<string> {
	await until(
		"start",
		() => /^pid \d+: e/m.test(server.stdout) || server.ended !== undefined,
		START_LIMIT_MS,
	);
	return server.ended ? told(server) : "serves";
}
