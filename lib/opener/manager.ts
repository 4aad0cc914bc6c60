/**
 * The service manager, if there is one: told when all is served, when the configuration is read again, how it stands, and, as long as the
 * workers answer, that this is alive. Used by `opener.ts`.
 */

import type { Log } from "../log.js";
import { Notifier } from "../notify.js";

export class Manager {
	readonly #log: Log;
	readonly #notifier = new Notifier();

	constructor(log: Log) {
		this.#log = log;
	}

	tell(state: "ready" | "reloading", status: string): void {
		if (state === "ready") this.#notifier.ready();
		else this.#notifier.reloading();
		this.#notifier.status(status);
	}

	/** Starting takes so much longer, from now on. */
	extend(ms: number): void {
		this.#notifier.extend(ms);
	}

	stopping(): void {
		this.#notifier.stopping();
	}

	/** From now on it hears that this is alive, as long as `isAlive` says so within its limit. Returns what stops that. */
	watch(isAlive: (limitMs: number) => Promise<boolean>): () => void {
		const { watchdogMs } = this.#notifier;
		if (watchdogMs === undefined) return () => {};
		const look = async (): Promise<void> => {
			if (await isAlive(watchdogMs / 3)) this.#notifier.alive();
			else this.#log.error("a worker does not answer: the service manager is not told that all is well");
		};
		const timer = setInterval(() => void look(), watchdogMs / 3);
		return () => clearInterval(timer);
	}
}
