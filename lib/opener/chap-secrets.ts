/**
 * Secrets of CHAP, which are in files that root's configuration names: read whenever a worker asks, so it has what they hold then. Used by
 * `config-files.ts`, by the classic command line, and by `vblade check`, which wants to know whether they can be had.
 */

import { OperatorError } from "../errors.js";
import { findUser } from "../privileges.js";
import { iscsiExportOf, secretFilesOf } from "../spec/exports.js";
import { CHAP_SECRET_MAX, CHAP_SECRET_MIN } from "../spec/ranges.js";
import type { ChapSpec, ExportSpec } from "../spec/spec.js";
import { quote } from "../text.js";
import { OneAtATime } from "./patience.js";
import { secretIn } from "./store-keys.js";

/** A file system may hang: nobody waits longer than this for its files. */
const READ_LIMIT_MS = 8000;

export interface ChapSecret {
	readonly secret: string;
	/** What an operator should know, a line each. */
	readonly warnings: readonly string[];
}

/** `user`: as whom disks are served, who may have it. Throws an OperatorError of one line that names the file, and nothing that is in it. */
export async function readChapSecret(file: string, user?: string): Promise<ChapSecret> {
	const { secret, owner, warnings: open } = await secretIn(file);
	if (secret.length > CHAP_SECRET_MAX)
		throw new OperatorError(`${file}: a secret of CHAP has at most ${CHAP_SECRET_MAX} characters`);
	const warnings = [
		...open,
		...(isTrusted(owner, user) ? [] : [`${file}: belongs to user ${owner}, who can change it (chown root)`]),
		...(secret.length < CHAP_SECRET_MIN
			? [`${file}: a secret of less than ${CHAP_SECRET_MIN} characters is soon guessed by whoever listens`]
			: []),
	];
	return { secret, warnings };
}

/** Root, who asks, and who serves. */
function isTrusted(owner: number, user: string | undefined): boolean {
	return owner === 0 || owner === process.geteuid?.() || owner === findUser(user);
}

/** What is wrong with secrets of both directions that are the same, which no standard allows (RFC 7143, 9.2.1). */
export function equalSecretsOf({ secretFile, mutual }: ChapSpec): string {
	return `${secretFile} and ${mutual?.secretFile}: hold the same secret; each direction needs one of its own`;
}

interface WithExports {
	readonly exports: readonly ExportSpec[];
}

/** For those who ask again and again, for files that are configured. */
export class ChapSecretFiles {
	/** By path: what hangs is read once at a time. */
	readonly #readings = new Map<string, OneAtATime<ChapSecret>>();
	#named: ReadonlySet<string> = new Set();
	#user: string | undefined;

	/** These are the disks of root's files, and as whom they are served. */
	take(disks: readonly WithExports[], user?: string): void {
		if (user !== this.#user) this.#readings.clear();
		this.#user = user;
		this.#named = new Set(
			disks.flatMap(({ exports }) => {
				const chap = iscsiExportOf(exports)?.chap;
				return chap === undefined ? [] : secretFilesOf(chap);
			}),
		);
		for (const file of this.#readings.keys()) if (!this.#named.has(file)) this.#readings.delete(file);
	}

	/** There are some: they may hold others now. */
	get any(): boolean {
		return this.#named.size > 0;
	}

	/** Throws an OperatorError if no file of root's names it. */
	demand(file: string): void {
		if (!this.#named.has(file))
			throw new OperatorError(`${quote(file)}: is no secret of the files that root configures`);
	}

	/** Throws an OperatorError if it can't be had. */
	async read(file: string): Promise<ChapSecret> {
		this.demand(file);
		const reading = this.#readings.get(file) ?? readingOf(file, this.#user);
		this.#readings.set(file, reading);
		return reading.get();
	}
}

function readingOf(file: string, user: string | undefined): OneAtATime<ChapSecret> {
	return new OneAtATime(file, READ_LIMIT_MS, () => readChapSecret(file, user));
}
