/**
 * The stage for one server: a LAN, a file to export, the server under test on one side and our own hand on the wire on the
 * other. For the tests of this directory; everything is gone after `close`.
 */

import { writeFileSync } from "node:fs";
import path from "node:path";
import { pause, scratchDirectory } from "../support/cleanup.js";
import { FramePort } from "../support/frame-port.js";
import { ataFrame, configFrame, type FrameHeader, fieldsOf, respondsTo } from "../support/frames.js";
import { LIMIT_MS } from "../support/limit.js";
import { type CableOptions, Lan } from "../support/netns.js";
import type { Program } from "../support/process.js";

export const SERVER_MAC = "02:00:00:00:00:01";
export const CLIENT_MAC = "02:00:00:00:00:02";
/** Sectors of the file at first. */
export const FILE_SECTORS = 1024;
/** How long a second answer to one query, which is one too many, may come after the first. */
const TWICE_MS = 50;
/** For an answer that should not come at all, or is asked for again. */
const ANSWER_MS = 200;

export class Stage {
	readonly lan: Lan;
	/** `FILE_SECTORS` of zeros. */
	readonly file: string;
	#port: FramePort | undefined;
	#tag = 0x1000;

	constructor(
		readonly command: readonly string[],
		cable: CableOptions = {},
	) {
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
		return this.lan.server.start([...this.command, ...args]);
	}

	/** Starts another one at the other end of the cable. */
	startOpposite(...args: string[]): Program {
		return this.lan.client.start([...this.command, ...args]);
	}

	/** Starts it as 9.0 on lan0 with the file, and waits until it serves. */
	async serve(...options: string[]): Promise<Program> {
		const server = this.start(...options, "9", "0", "lan0", this.file);
		await server.waitFor(/^pid \d+: e9\.0/m, LIMIT_MS);
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

	/** Every answer to a config query. One is waited for, and a moment for more. */
	async ask(changes: Partial<FrameHeader> = {}): Promise<Buffer[]> {
		const header = this.header(changes);
		const port = await this.port();
		const from = port.received.length;
		const isAnswer = (frame: Buffer) => respondsTo(frame, header.tag);
		await port.exchange(configFrame(header, 0), isAnswer);
		await pause(TWICE_MS);
		return port.received.slice(from).filter(isAnswer);
	}

	/** Every answer that comes in a while to a config query that perhaps nobody answers. */
	async askInVain(changes: Partial<FrameHeader> = {}): Promise<Buffer[]> {
		const header = this.header(changes);
		const port = await this.port();
		return port.answers(configFrame(header, 0), (frame) => respondsTo(frame, header.tag), ANSWER_MS);
	}

	/** The fields of the answer to IDENTIFY DEVICE. Throws if there is none. */
	async identify(
		changes: Partial<FrameHeader> = {},
		limitMs = LIMIT_MS,
	): Promise<ReturnType<typeof fieldsOf>> {
		const header = this.header(changes);
		const port = await this.port();
		const identify = ataFrame(header, { command: 0xec, count: 1 });
		const [reply] = await port.exchange(identify, (frame) => respondsTo(frame, header.tag), 1, limitMs);
		if (!reply) throw new Error("no answer to IDENTIFY DEVICE");
		return fieldsOf(reply);
	}

	/** How many sectors IDENTIFY DEVICE says that there are. */
	async sectors(changes: Partial<FrameHeader> = {}): Promise<number> {
		return (await this.identify(changes)).data.readUInt32LE(120);
	}

	/** The same, or 0 if there is no answer soon: for whoever asks again. */
	async sectorsSoon(): Promise<number> {
		const answer = await this.identify({}, ANSWER_MS).catch(() => undefined);
		return answer?.data.readUInt32LE(120) ?? 0;
	}

	/** What has become of a server after trouble: waits until it answers again or has ended, and says which. */
	async recovery(server: Program): Promise<string> {
		const end = Date.now() + LIMIT_MS;
		while (Date.now() < end && !server.ended) {
			if ((await this.askInVain()).length > 0) return "answers again";
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
	const start = await server.waitFor(/^pid \d+: e/m, LIMIT_MS).catch((error: Error) => error);
	if (start instanceof Error && !server.ended) throw start;
	return server.ended ? told(server) : "serves";
}
