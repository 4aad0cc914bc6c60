/**
 * The opener as the rest of control asks it: whether it could keep what has to survive a restart is noted, for status and metrics, and
 * told when that changes. A disk is served on whatever becomes of the state. Put before the opener by `control.ts`.
 */

import { OperatorError } from "../errors.js";
import type { DamageTeller } from "./damage.js";
import type { EventLog } from "./event-log.js";
import type { Opener } from "./seams.js";

/** Status shows a few. */
const MOST_DAMAGE = 20;

export class WatchedOpener implements Opener, DamageTeller {
	readonly #opener: Opener;
	readonly #events: EventLog;
	/** By name: why it could not be kept when that was last tried. */
	readonly #wrong = new Map<string, string>();
	/** What was found to be damaged, until people have taken note of it. */
	#damaged: string[] = [];

	constructor(opener: Opener, events: EventLog) {
		this.#opener = opener;
		this.#events = events;
	}

	/** What is not on stable storage though it should be, and why; null: all is. */
	get wrong(): string | null {
		const [first] = this.#wrong.values();
		return first ?? null;
	}

	get damage(): readonly string[] {
		return this.#damaged;
	}

	damaged(message: string): void {
		this.#damaged = [...this.#damaged.slice(0, MOST_DAMAGE - 1), message];
		this.#events.add({ kind: "configuration", severity: "error", message });
	}

	acknowledge(): void {
		this.#damaged = [];
	}

	async keep(name: string, bytes: Uint8Array): Promise<void> {
		try {
			await this.#opener.keep(name, bytes);
		} catch (error) {
			if (error instanceof OperatorError) this.#failed(name, error.message);
			throw error;
		}
		this.#isKept(name);
	}

	async keepOrRefuse(name: string, bytes: Uint8Array): Promise<void> {
		await this.#opener.keep(name, bytes);
		this.#isKept(name);
	}

	#isKept(name: string): void {
		if (!this.#wrong.delete(name)) return;
		const message = `${name} of the state is kept again`;
		this.#events.add({ kind: "configuration", severity: "info", message });
	}

	#failed(name: string, why: string): void {
		const message = `${name} of the state is not kept, and would be lost in a restart: ${why}`;
		if (this.#wrong.get(name) !== message)
			this.#events.add({ kind: "configuration", severity: "error", message });
		this.#wrong.set(name, message);
	}

	setAside(name: string): Promise<string> {
		return this.#opener.setAside(name);
	}

	kept(name: string): Promise<Uint8Array | undefined> {
		return this.#opener.kept(name);
	}

	readSources(): ReturnType<Opener["readSources"]> {
		return this.#opener.readSources();
	}

	readToken(): Promise<string | undefined> {
		return this.#opener.readToken();
	}

	processes(): ReturnType<Opener["processes"]> {
		return this.#opener.processes();
	}

	listeners(): ReturnType<Opener["listeners"]> {
		return this.#opener.listeners();
	}

	whyNotFile(path: string, readOnly: boolean): Promise<string | undefined> {
		return this.#opener.whyNotFile(path, readOnly);
	}

	whyNotLink(link: string): Promise<string | undefined> {
		return this.#opener.whyNotLink(link);
	}

	whyNotSecret(file: string): Promise<string | undefined> {
		return this.#opener.whyNotSecret(file);
	}

	speeds(names: readonly string[]): ReturnType<Opener["speeds"]> {
		return this.#opener.speeds(names);
	}
}
