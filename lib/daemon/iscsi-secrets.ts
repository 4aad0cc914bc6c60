/**
 * Secrets of CHAP, for targets that want initiators to prove who they are: read when a target is there, and anew at each reload. Until one is
 * there nobody can log in; where it can't be had that is told, what was read before goes on, and it is tried again. Never is an initiator
 * let in because a secret is missing. Used by `iscsi-exporter.ts`.
 */

import { type Clock, systemClock } from "../clock.js";
import { OperatorError } from "../errors.js";
import type { Chap } from "../iscsi/target.js";
import type { Log } from "../log.js";
import { type ChapSecret, equalSecretsOf } from "../opener/chap-secrets.js";
import { secretFilesOf } from "../spec/exports.js";
import type { ChapSpec } from "../spec/spec.js";

const RETRY_MS = 10_000;
/** One that was had until now may be named no more, which is known when all of a reload is carried out: it is tried again before it is told. */
const DOUBT_MS = 1000;

/** What a file holds. Rejects with an OperatorError. */
export type ReadChapSecret = (file: string) => Promise<ChapSecret>;

export interface IscsiSecretsOptions {
	readonly log: Log;
	readonly read: ReadChapSecret;
	/** What is to be proved at present. */
	readonly used: () => readonly ChapSpec[];
	readonly clock?: Clock;
}

interface Known {
	/** What was read last; null: nothing yet. */
	secret: Buffer | null;
	/** Why it can't be read; null: it can, or that is not known yet. */
	wrong: string | null;
	/** It can't be read since a moment ago, and that is told if it is still so when it is tried again. */
	isDoubtful: boolean;
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

	/** Why some of them can't be had, or used. */
	get wrong(): readonly string[] {
		const unread = [...this.#known.values()].flatMap(({ wrong }) => wrong ?? []);
		return [...unread, ...this.#equalIn(this.#options.used())];
	}

	/** What has to be proved, and what we prove; or why nobody can do that now. */
	chapOf({ user, secretFile, mutual }: ChapSpec): Chap | string {
		const secret = this.#secretIn(secretFile);
		if (typeof secret === "string") return secret;
		const initiator = { user, secret };
		if (mutual === undefined) return { initiator, target: null };
		const own = this.#secretIn(mutual.secretFile);
		if (typeof own === "string") return own;
		if (own.equals(secret)) return equalSecretsOf({ user, secretFile, mutual });
		return { initiator, target: { user: mutual.user, secret: own } };
	}

	/** Of these, what is wrong with secrets that can be had, each. */
	#equalIn(used: readonly ChapSpec[]): readonly string[] {
		const found = used.flatMap((chap) => {
			const files = secretFilesOf(chap).map((file) => this.#known.get(file)?.secret);
			const [one, other] = files;
			return one && other?.equals(one) ? [equalSecretsOf(chap)] : [];
		});
		return [...new Set(found)];
	}

	#secretIn(file: string): Buffer | string {
		const known = this.#known.get(file);
		return known?.secret ?? known?.wrong ?? "the secret of CHAP is being read";
	}

	/** For an export that can't do without. Throws an OperatorError. */
	async take(chap: ChapSpec): Promise<void> {
		for (const file of secretFilesOf(chap)) this.#took(file, await this.#options.read(file));
		const [why] = this.#equalIn([chap]);
		if (why !== undefined) throw new OperatorError(why);
	}

	/** For an export that begins. Resolves when it is known how they stand. */
	async begin(chap: ChapSpec): Promise<void> {
		await this.#readAll(secretFilesOf(chap).filter((file) => !this.#known.has(file)));
	}

	/** Of all that are used now: they may hold others. */
	async follow(): Promise<void> {
		await this.#readAll([...this.forget()]);
	}

	/** Those that nobody uses any more. Returns those that are used. */
	forget(): ReadonlySet<string> {
		const files = new Set(this.#options.used().flatMap(secretFilesOf));
		for (const file of this.#known.keys()) if (!files.has(file)) this.#known.delete(file);
		return files;
	}

	async #readAll(files: readonly string[], isRetry = false): Promise<void> {
		await Promise.all(files.map((file) => this.#read(file, isRetry)));
		this.#forgetRetry();
		if (this.#isClosed) return;
		const doubtful = [...this.#known].filter(([, { isDoubtful }]) => isDoubtful);
		const failed = [...this.#known].filter(([, { wrong, isDoubtful }]) => wrong !== null || isDoubtful);
		if (failed.length === 0) return;
		const { clock = systemClock } = this.#options;
		const afterMs = doubtful.length > 0 ? DOUBT_MS : RETRY_MS;
		this.#forgetRetry = clock.after(afterMs, () => void this.#retry(failed.map(([file]) => file)));
	}

	async #retry(files: readonly string[]): Promise<void> {
		const used = this.forget();
		await this.#readAll(
			files.filter((file) => used.has(file)),
			true,
		);
	}

	async #read(file: string, isRetry: boolean): Promise<void> {
		const { log, read } = this.#options;
		const known = this.#known.get(file) ?? { secret: null, wrong: null, isDoubtful: false };
		this.#known.set(file, known);
		try {
			const found = await read(file);
			if (this.#known.get(file) !== known) return;
			if (known.wrong !== null) log.info(`iscsi: ${file}: the secret is there now`);
			this.#took(file, found);
		} catch (error) {
			if (!(error instanceof OperatorError)) throw error;
			if (this.#known.get(file) !== known) return;
			// (A reload may have it read more than once before it says what is used.)
			known.isDoubtful = known.secret !== null && known.wrong === null && !isRetry;
			if (known.isDoubtful) return;
			if (error.message !== known.wrong) log.error(`iscsi: ${error.message}: it is tried again`);
			known.wrong = error.message;
		}
	}

	#took(file: string, { secret, warnings }: ChapSecret): void {
		const now = { secret: Buffer.from(secret), wrong: null, isDoubtful: false };
		const before = this.#known.get(file);
		// (What files hold is no difference of a configuration: nothing else tells of it.)
		if (before?.secret?.equals(now.secret) === false)
			this.#options.log.info(`iscsi: ${file}: the secret is another one, for whoever logs in from now on`);
		this.#known.set(file, Object.assign(before ?? now, now));
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
