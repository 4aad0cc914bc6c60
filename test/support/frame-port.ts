/**
 * The tests' own hand on the wire: sends any bytes as a frame and collects what comes back, through a small Python program
 * that shares no code with what is tested. For tests in `test/netns/`.
 */

import { pause, until } from "./cleanup.js";
import type { Namespace } from "./netns.js";
import { sourceFile } from "./paths.js";
import type { Program } from "./process.js";

/** Limit for a reply that must come. */
const REPLY_LIMIT_MS = 3000;
/** How long to listen for a reply that must not come. */
const SILENCE_MS = 150;

export class FramePort {
	/** Every frame that arrived, oldest first, untagged ones only. */
	readonly received: Buffer[] = [];
	/** Those that came with a VLAN tag. */
	readonly tagged: Buffer[] = [];
	readonly #program: Program;
	/** What of the program's output has been taken. */
	#taken = 0;

	private constructor(program: Program) {
		this.#program = program;
	}

	static async open(namespace: Namespace, interfaceName: string): Promise<FramePort> {
		const program = namespace.start(["python3", sourceFile("test/support/frame-port.py"), interfaceName]);
		await program.waitFor(/^ready$/m, 10_000);
		return new FramePort(program);
	}

	send(frame: Buffer): void {
		this.#program.write(`${frame.toString("hex")}\n`);
	}

	/** Sends a frame and waits for `count` frames in return that `match` (any, if not given). Gives back the latter. */
	async exchange(
		frame: Buffer,
		match: (frame: Buffer) => boolean = () => true,
		count = 1,
	): Promise<Buffer[]> {
		this.#take();
		const from = this.received.length;
		const replies = () => {
			this.#take();
			return this.received.slice(from).filter(match);
		};
		this.send(frame);
		await until(
			`${count} replies to ${frame.toString("hex")}`,
			() => replies().length >= count,
			REPLY_LIMIT_MS,
		);
		return replies();
	}

	/** All frames in return for this one that `match`; waits as long as it takes to be sure that no more will come. */
	async answers(frame: Buffer, match: (frame: Buffer) => boolean = () => true): Promise<Buffer[]> {
		this.#take();
		const from = this.received.length;
		this.send(frame);
		await pause(SILENCE_MS);
		this.#take();
		return this.received.slice(from).filter(match);
	}

	/** Forgets what has arrived. */
	clear(): void {
		this.#take();
		this.received.length = 0;
		this.tagged.length = 0;
	}

	async close(): Promise<void> {
		await this.#program.stop();
	}

	/** Reads what the program has said since the last time. */
	#take(): void {
		if (this.#program.ended) throw new Error(`frame port ended: ${this.#program.output}`);
		const text = this.#program.stdout;
		for (let end = text.indexOf("\n", this.#taken); end !== -1; end = text.indexOf("\n", this.#taken)) {
			const line = text.slice(this.#taken, end);
			this.#taken = end + 1;
			if (line.startsWith("vlan ")) this.tagged.push(Buffer.from(line.slice(5), "hex"));
			else if (line !== "ready") this.received.push(Buffer.from(line, "hex"));
		}
	}
}
