/**
 * The socket for commands, where there is no room for it in its folder (`/run` is full): disks don't wait for that. It is told, and tried
 * again until it is there; then control gets it. Used by `opener.ts`.
 */

import { type Clock, systemClock } from "../clock.js";
import { OperatorError } from "../errors.js";
import type { Log } from "../log.js";
import { findGroup } from "../privileges.js";
import { NoRoomError } from "./folders.js";
import type { Listeners } from "./listeners.js";

const RETRY_MS = 2000;

export class CommandSocket {
	readonly address: string;
	readonly #listeners: Listeners;
	readonly #log: Log;
	readonly #clock: Clock;
	#why = "";
	#stop: () => void = () => {};
	#isClosed = false;
	#came: (descriptor: number) => void = () => {};

	constructor(path: string, listeners: Listeners, log: Log, clock: Clock = systemClock) {
		this.address = `unix:${path}`;
		this.#listeners = listeners;
		this.#log = log;
		this.#clock = clock;
	}

	/** Once, or later. Throws an OperatorError if it can't be had for another reason than for want of room. */
	async listen(): Promise<void> {
		try {
			await this.#listeners.listen("socket", this.address, findGroup());
		} catch (error) {
			if (!(error instanceof NoRoomError)) throw error;
			this.#wait(error);
		}
	}

	/** `came` gets it, if it comes later. */
	whenLate(came: (descriptor: number) => void): void {
		this.#came = came;
	}

	close(): void {
		this.#isClosed = true;
		this.#stop();
	}

	#wait({ message }: OperatorError): void {
		if (message !== this.#why)
			this.#log.error(`${message}: commands can't ask; disks are served, and it is tried again`);
		this.#why = message;
		if (!this.#isClosed) this.#stop = this.#clock.after(RETRY_MS, () => void this.#again());
	}

	async #again(): Promise<void> {
		try {
			await this.#listeners.listen("socket", this.address, findGroup());
			this.#log.info(`${this.address}: commands can ask there now`);
			this.#came(this.#listeners.duplicateOf(this.address));
		} catch (error) {
			if (!(error instanceof OperatorError)) throw error;
			this.#wait(error);
		}
	}
}
