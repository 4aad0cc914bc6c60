/**
 * The tests' own hand on the wire: sends any bytes as a frame and collects what comes back, through a small Python program
 * that shares no code with what is tested. For tests in `test/netns/`.
 */

import { pause, until } from "./cleanup.js";
import { LIMIT_MS } from "./limit.js";
import type { Namespace } from "./netns.js";
import { sourceFile } from "./paths.js";
import type { Program } from "./process.js";

type Match = (frame: Buffer) => boolean;

export class FramePort {
	readonly #program: Program;
	readonly #untagged: Buffer[] = [];
	readonly #tagged: Buffer[] = [];
	/** How much of the program's output has been read. */
	#read = 0;

	private constructor(program: Program) {
		this.#program = program;
	}

	static async open(namespace: Namespace, interfaceName: string): Promise<FramePort> {
		const program = namespace.start(["python3", sourceFile("test/support/frame-port.py"), interfaceName]);
		await program.waitFor(/^ready$/m, LIMIT_MS);
		return new FramePort(program);
	}

	/** Every frame that has arrived without a VLAN tag, oldest first. */
	get received(): readonly Buffer[] {
		this.#readFrames();
		return this.#untagged;
	}

	/** Every frame that has arrived with one. */
	get tagged(): readonly Buffer[] {
		this.#readFrames();
		return this.#tagged;
	}

	send(frame: Buffer): void {
		this.#program.write(`${frame.toString("hex")}\n`);
	}

	/** Sends a frame and waits for `count` frames in return that `match`. */
	async exchange(frame: Buffer, match: Match, count = 1, limitMs = LIMIT_MS): Promise<Buffer[]> {
		const from = this.received.length;
		const replies = () => this.received.slice(from).filter(match);
		this.send(frame);
		await until(`${count} replies to ${frame.toString("hex")}`, () => replies().length >= count, limitMs);
		return replies();
	}

	/** Sends a frame and gives back all frames in return that `match` and come within `listenMs`. */
	async answers(frame: Buffer, match: Match, listenMs: number): Promise<Buffer[]> {
		const from = this.received.length;
		this.send(frame);
		await pause(listenMs);
		return this.received.slice(from).filter(match);
	}

	async close(): Promise<void> {
		await this.#program.stop();
	}

	#readFrames(): void {
		if (this.#program.ended) throw new Error(`frame port ended: ${this.#program.output}`);
		const text = this.#program.stdout;
		for (let end = text.indexOf("\n", this.#read); end !== -1; end = text.indexOf("\n", this.#read)) {
			const line = text.slice(this.#read, end);
			this.#read = end + 1;
			if (line.startsWith("vlan ")) this.#tagged.push(Buffer.from(line.slice(5), "hex"));
			else if (line !== "ready") this.#untagged.push(Buffer.from(line, "hex"));
		}
	}
}
