/**
 * The service manager, if there is one: told when all is served, when the configuration is read again, how it stands, and, as long as the
 * workers answer, that this is alive. Used by `opener.ts`.
 */

import { type Clock, systemClock } from "../clock.js";
import type { Log } from "../log.js";
import { Notifier } from "../notify.js";

/** While disks are opened it hears so often that this takes longer, and how long until it hears more. */
const EXTEND_EVERY_MS = 10_000;
const EXTEND_BY_MS = 30_000;
/** After that starting takes as long as the unit says, and no longer. */
const EXTEND_LIMIT_MS = 600_000;

export class Manager {
	readonly #log: Log;
	readonly #notifier: Notifier;
	readonly #clock: Clock;
	#stopExtending = (): void => {};

	constructor(log: Log, notifier = new Notifier(), clock: Clock = systemClock) {
		this.#log = log;
		this.#notifier = notifier;
		this.#clock = clock;
	}

	/** Until it is told that all is ready, it hears that starting takes longer; not for ever. */
	starting(): void {
		this.#extend(this.#clock.now() + EXTEND_LIMIT_MS);
	}

	#extend(endMs: number): void {
		if (this.#clock.now() >= endMs) return;
		this.#notifier.extend(EXTEND_BY_MS);
		this.#stopExtending = this.#clock.after(EXTEND_EVERY_MS, () => this.#extend(endMs));
	}

	tell(state: "ready" | "reloading", status: string): void {
		if (state === "ready") {
			this.#stopExtending();
			this.#notifier.ready();
		} else this.#notifier.reloading();
		this.#notifier.status(status);
	}

	stopping(): void {
		this.#stopExtending();
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
