/**
 * The keys of the NBD server of a process: which files they are in is told again and again, at each reload, and what these hold is then read
 * anew. Until it is there clients who want TLS wait for it; where it can't be had they are told so, what was read before goes on, and it
 * is tried again. Never is a client let in without TLS because a key is missing. Used by `nbd-exporter.ts`.
 */

import { type Clock, systemClock } from "../clock.js";
import { OperatorError } from "../errors.js";
import type { Log } from "../log.js";
import type { ServerTls } from "../nbd/server.js";
import type { NbdTlsSpec } from "../spec/spec.js";
import type { ReadMaterial } from "../tls/material.js";
import type { Tls } from "./tls.js";

const RETRY_MS = 10_000;

export interface NbdKeysOptions {
	readonly log: Log;
	readonly tls: Tls;
	/** What the files hold. Rejects with an OperatorError. */
	readonly read: (spec: NbdTlsSpec) => Promise<ReadMaterial>;
	/** Told what holds for those who connect from now on. */
	readonly changed: (tls: ServerTls | null) => void;
	readonly clock?: Clock;
}

export class NbdKeys {
	readonly #options: NbdKeysOptions;
	/** What was read last; null: nothing yet. */
	#good: ServerTls | null = null;
	#wrong: string | null = null;
	/** How often it was told which files. */
	#told = 0;
	#forgetRetry: () => void = () => {};

	constructor(options: NbdKeysOptions) {
		this.#options = options;
	}

	/** Why the keys can't be had. */
	get wrong(): readonly string[] {
		return this.#wrong === null ? [] : [this.#wrong];
	}

	/** Reads them. Undefined: there is no TLS. */
	async follow(spec: NbdTlsSpec | undefined): Promise<void> {
		const turn = ++this.#told;
		this.#forgetRetry();
		if (spec === undefined) {
			this.#good = null;
			this.#wrong = null;
			this.#options.changed(null);
			return;
		}
		const reading = this.#read(spec);
		const { isRequired } = spec;
		const pending = { isRequired, begin: beginAfter(reading) };
		this.#options.changed(this.#good === null ? pending : { ...this.#good, isRequired });
		const read = await reading;
		if (turn !== this.#told) return;
		if (typeof read !== "string") {
			if (this.#wrong !== null) this.#options.log.info("nbd: tls: the keys are there now");
			this.#wrong = null;
			this.#good = read;
			this.#options.changed(read);
			return;
		}
		if (read !== this.#wrong) this.#options.log.error(`nbd: tls: ${read}: it is tried again`);
		this.#wrong = read;
		const { clock = systemClock } = this.#options;
		this.#forgetRetry = clock.after(RETRY_MS, () => void this.follow(spec));
	}

	/** A text: why not. */
	async #read(spec: NbdTlsSpec): Promise<ServerTls | string> {
		try {
			const { material, warnings } = await this.#options.read(spec);
			for (const warning of warnings) this.#options.log.warn(`nbd: tls: ${warning}`);
			return this.#options.tls.server(spec, material);
		} catch (error) {
			if (!(error instanceof OperatorError)) throw error;
			return error.message;
		}
	}

	close(): void {
		this.#told += 1;
		this.#forgetRetry();
	}
}

/** Who comes before the keys are there waits for them, as long as he may. */
function beginAfter(reading: Promise<ServerTls | string>): ServerTls["begin"] {
	return async (stream, signal) => {
		const late = new Promise<string>((resolve) => {
			signal.addEventListener("abort", () => resolve("it took too long"), { once: true });
		});
		const read = await Promise.race([reading, late]);
		if (typeof read !== "string") return read.begin(stream, signal);
		stream.close();
		return { why: read };
	};
}
