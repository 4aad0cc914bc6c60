/**
 * A shell with processes and mounts of its own, which takes commands one after the other. What it has started and mounted is gone when
 * the test's process ends, however it ends. Used by `system-copy.ts` and the test of the container; needs root.
 */

import { LIMIT_MS } from "./limit.js";
import { Program } from "./process.js";

export const PRIVATE = ["unshare", "--mount", "--propagation=private", "--pid", "--fork", "--kill-child"];

/** What a command has said, and its exit status. */
export interface Said {
	readonly code: number;
	readonly output: string;
}

export class PrivateShell {
	readonly #shell: Program;
	#commands = 0;

	/** `enter`: what it does first, and becomes at last. `more`: what else is its own. */
	constructor(enter: string, args: readonly string[] = [], more: readonly string[] = []) {
		this.#shell = new Program([...PRIVATE, ...more, "sh", "-c", enter, "sh", ...args], {
			env: {
				DEBIAN_FRONTEND: "noninteractive",
				PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
				LC_ALL: "C",
			},
			cwd: "/",
		});
	}

	/** Runs lines of shell, and waits until they are done. */
	async run(lines: string, limitMs = 2 * LIMIT_MS): Promise<Said> {
		const from = this.#shell.output.length;
		const mark = `-- ${++this.#commands} is done:`;
		this.#shell.write(`{ ${lines}\n} </dev/null 2>&1; echo "${mark} $?"\n`);
		const found = await this.#shell.waitFor(new RegExp(`${mark} (\\d+)\n`), limitMs, from);
		return { code: Number(found[1]), output: this.#shell.output.slice(from, from + found.index) };
	}

	async end(): Promise<void> {
		this.#shell.endInput();
		await this.#shell.stop("SIGKILL");
	}
}
