/**
 * A terminal as a screen: the alternate one, without a cursor, keys one by one; and as it was before, however the program ends or is
 * stopped. What is drawn is written by the thread of `lib/output.ts`: a terminal that takes nothing holds nobody up, and is drawn on again
 * when it has taken what it was given. Used by `top.ts`.
 */

import { emitKeypressEvents } from "node:readline";
import { finishOutput, hasTakenAll, say } from "../../output.js";

/** A line of the screen; `isMarked`: it is the one that keys are about. */
export interface ScreenLine {
	readonly text: string;
	readonly isMarked?: boolean;
}

/** What was pressed: the name of a key, and the character that it stands for, or "". */
export interface Key {
	readonly name: string;
	readonly text: string;
}

export interface ScreenListener {
	key(key: Key): void;
	/** Draw it again. */
	resized(): void;
	/** The end is asked for, or the terminal is gone. */
	closed(): void;
}

const ENTER = "\x1b[?1049h\x1b[?25l";
const LEAVE = "\x1b[?25h\x1b[?1049l";
const STOP_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

interface RawKey {
	readonly name?: string;
	readonly ctrl?: boolean;
	readonly sequence?: string;
}

export class Screen {
	readonly #input = process.stdin;
	#isOpen = false;
	#listener: ScreenListener | undefined;
	readonly #undos: (() => void)[] = [];

	/** Elsewhere lists are printed. */
	static isPossible(): boolean {
		const { TERM = "dumb" } = process.env;
		return process.stdin.isTTY === true && process.stdout.isTTY === true && TERM !== "dumb";
	}

	get width(): number {
		return process.stdout.columns || 80;
	}

	get height(): number {
		return process.stdout.rows || 24;
	}

	open(listener: ScreenListener): void {
		this.#listener = listener;
		emitKeypressEvents(this.#input, undefined);
		this.#on(this.#input, "keypress", (text: string | undefined, key: RawKey) => this.#pressed(text, key));
		this.#on(this.#input, "end", () => listener.closed());
		this.#on(this.#input, "error", () => listener.closed());
		this.#on(process.stdout, "resize", () => listener.resized());
		for (const signal of STOP_SIGNALS) this.#on(process, signal, () => listener.closed());
		this.#on(process, "SIGTSTP", () => this.#stop());
		this.#on(process, "SIGCONT", () => this.#goOn());
		// Before the last words of the output are written.
		const leave = (): void => this.#leave();
		process.prependListener("exit", leave);
		this.#undos.push(() => process.off("exit", leave));
		this.#enter();
	}

	/** The terminal is as it was before. */
	close(): void {
		this.#leave();
		for (const undo of this.#undos.splice(0)) undo();
		this.#input.pause();
	}

	draw(lines: readonly ScreenLine[]): void {
		if (!this.#isOpen || !hasTakenAll()) return;
		const drawn = lines.map(({ text, isMarked }) => `${isMarked ? `\x1b[7m${text}\x1b[27m` : text}\x1b[K`);
		say(`\x1b[H${drawn.join("\r\n")}\x1b[J`);
	}

	#on(emitter: NodeJS.EventEmitter, name: string, listener: (...values: never[]) => void): void {
		emitter.on(name, listener as (...values: unknown[]) => void);
		this.#undos.push(() => emitter.off(name, listener as (...values: unknown[]) => void));
	}

	#enter(): void {
		this.#isOpen = true;
		this.#input.setRawMode(true);
		this.#input.resume();
		say(ENTER);
	}

	#leave(): void {
		if (!this.#isOpen) return;
		this.#isOpen = false;
		say(LEAVE);
		// A terminal that is gone has no mode.
		if (!this.#input.destroyed) this.#input.setRawMode(false);
	}

	#stop(): void {
		this.#leave();
		finishOutput(0);
		process.kill(process.pid, "SIGSTOP");
	}

	#goOn(): void {
		if (this.#isOpen) return;
		this.#enter();
		this.#listener?.resized();
	}

	/** In raw mode the terminal makes no signals of keys. */
	#pressed(text: string | undefined, { name, ctrl, sequence }: RawKey): void {
		if (ctrl && name === "c") this.#listener?.closed();
		else if (ctrl && name === "z") this.#stop();
		else if (ctrl !== true) {
			const isText = text !== undefined && /^[\x20-\x7e]$/.test(text);
			this.#listener?.key({
				name: name === "enter" ? "return" : (name ?? sequence ?? ""),
				text: isText ? text : "",
			});
		}
	}
}
