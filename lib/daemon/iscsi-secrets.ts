/**
 * Secrets of CHAP, for targets that want initiators to prove who they are: read when a target is there, and anew at each reload. Until one is
 * there nobody can log in; where it can't be had that is told, what was read before goes on, and it is tried again. Never is an initiator
 * let in because a secret is missing. Used by `iscsi-exporter.ts`.
 */

import { type Clock, systemClock } from "../clock.js";
import { OperatorError } from "../errors.js";
import type { Chap } from "../iscsi/target.js";
import type { Log } from "../log.js";
import { type ChapSecret, secretFilesOf } from "../opener/chap-secrets.js";
import type { ChapSpec } from "../spec/spec.js";

const RETRY_MS = 10_000;

/** What a file holds. Rejects with an OperatorError. */
export type ReadChapSecret = (file: string) => Promise<ChapSecret>;

export interface IscsiSecretsOptions {
	readonly log: Log;
	readonly read: ReadChapSecret;
	readonly clock?: Clock;
}

interface Known {
	/** What was read last; null: nothing yet. */
	secret: Buffer | null;
	/** Why it can't be read; null: it can, or that is not known yet. */
	wrong: string | null;
}

export class IscsiSecrets {
	readonly #options: IscsiSecretsOptions;
	/** By file. */
	readonly #known = new Map<string, Known>();
	/** What was warned of, so that it is not told at each reload. */
	readonly #warned = new Set<string>();
	#forgetRetry: () => void = () => {};
	#isClosed = false;

	constructor(options: IscsiSecretsOptions) {
		this.#options = options;
	}

	/** Why some of them can't be had. */
	get wrong(): readonly string[] {
		return [...this.#known.values()].flatMap(({ wrong }) => wrong ?? []);
	}

	/** What has to be proved, and what we prove; or why nobody can do that now. */
	chapOf({ user, secretFile, mutual }: ChapSpec): Chap | string {
		const secret = this.#secretIn(secretFile);
		if (typeof secret === "string") return secret;
		const initiator = { user, secret };
		if (mutual === undefined) return { initiator, target: null };
		const own = this.#secretIn(mutual.secretFile);
		return typeof own === "string" ? own : { initiator, target: { user: mutual.user, secret: own } };
	}

	#secretIn(file: string): Buffer | string {
		const known = this.#known.get(file);
		return known?.secret ?? known?.wrong ?? "the secret of CHAP is being read";
	}

	/** For an export that can't do without. Throws an OperatorError. */
	async take(chap: ChapSpec): Promise<void> {
		for (const file of secretFilesOf(chap)) this.#took(file, await this.#options.read(file));
	}

	/** For an export that begins. Resolves when it is known how they stand. */
	async begin(chap: ChapSpec): Promise<void> {
		await this.#readAll(secretFilesOf(chap).filter((file) => !this.#known.has(file)));
	}

	/** Of all that are used now: they may hold others. */
	async follow(used: readonly ChapSpec[]): Promise<void> {
		const files = new Set(used.flatMap(secretFilesOf));
		for (const file of this.#known.keys()) if (!files.has(file)) this.#known.delete(file);
		await this.#readAll([...files]);
	}

	async #readAll(files: readonly string[]): Promise<void> {
		await Promise.all(files.map((file) => this.#read(file)));
		this.#forgetRetry();
		if (this.#isClosed) return;
		const failed = [...this.#known].flatMap(([file, { wrong }]) => (wrong === null ? [] : file));
		if (failed.length === 0) return;
		const { clock = systemClock } = this.#options;
		this.#forgetRetry = clock.after(RETRY_MS, () => void this.#readAll(failed));
	}

	async #read(file: string): Promise<void> {
		const { log, read } = this.#options;
		const known = this.#known.get(file) ?? { secret: null, wrong: null };
		this.#known.set(file, known);
		try {
			const found = await read(file);
			if (known.wrong !== null) log.info(`iscsi: ${file}: the secret is there now`);
			this.#took(file, found);
		} catch (error) {
			if (!(error instanceof OperatorError)) throw error;
			if (error.message !== known.wrong) log.error(`iscsi: ${error.message}: it is tried again`);
			known.wrong = error.message;
		}
	}

	#took(file: string, { secret, warnings }: ChapSecret): void {
		this.#known.set(file, { secret: Buffer.from(secret), wrong: null });
		for (const warning of warnings) {
			if (!this.#warned.has(warning)) this.#options.log.warn(`iscsi: ${warning}`);
			this.#warned.add(warning);
		}
	}

	close(): void {
		this.#isClosed = true;
		this.#forgetRetry();
	}
}
