/**
 * What commands read that copy or compare: a pool that this process opens, or one that a running daemon has, which is asked piece by piece. Used by
 * `difference.ts`, `image.ts` and `stream.ts`.
 */

import type { BlockDevice } from "../../block/device.js";
import { FailedError, OperatorError } from "../../errors.js";
import { fixedName, volumeIn } from "../../pool/past.js";
import type { Pool } from "../../pool/pool.js";
import type { Range } from "../../send/send.js";
import type { CommandLine } from "../../spec/getopt.js";
import { quote } from "../../text.js";
import type { Output } from "../client.js";
import { isPath, readVolumePath, withPool } from "./open-pool.js";
import { openToCopy } from "./unfinished.js";

/** What may differ, as the maps tell it. */
export type Change = Range & { readonly mayBeSame: boolean };

export interface Contents {
	/** `name` names the same from then on, whatever is written, but a volume of a pool that is opened here: nobody else has that. */
	about(name: string): Promise<{ readonly name: string; readonly pageBytes: number; readonly id: string }>;
	/** To be closed. */
	open(name: string): Promise<BlockDevice>;
	/** From a byte on, in order. */
	changes(before: string, after: string, begin: number): AsyncIterable<Change>;
}

export interface Where {
	/** A path, or the name of a pool of a daemon. */
	readonly folder: string;
	/** With an `@`, perhaps. */
	readonly name: string;
}

/** What `PATH/NAME` or `POOL/NAME` says. Throws an OperatorError. */
export function readWhere(text: string): Where {
	if (isPath(text)) return readVolumePath(text);
	const [, folder, name] = /^([^/]+)\/([^/]+)$/.exec(text) ?? [];
	if (folder !== undefined && name !== undefined) return { folder, name };
	throw new OperatorError(
		`volume ${quote(text)}: PATH/NAME or POOL/NAME is allowed, as in /srv/pool/web or fast/web`,
	);
}

/** Resolves to the exit status. */
export async function withContents(
	{ folder }: Where,
	line: Pick<CommandLine<"socket">, "last">,
	output: Output,
	work: (contents: Contents) => Promise<void>,
): Promise<number> {
	if (!isPath(folder)) {
		const { withDaemonContents } = await import("./daemon-contents.js");
		return withDaemonContents(folder, line.last("socket") ?? "", output, work);
	}
	await withPool(folder, (pool) => work(contentsOf(pool)));
	return 0;
}

function contentsOf(pool: Pool): Contents {
	const pageBytesOf = (name: string): number => pool.administration.volume(volumeIn(name)).pageBytes;
	return {
		async about(text) {
			const name = text.includes("@") ? fixedName(text, Date.now() * 1000) : text;
			return { name, pageBytes: pageBytesOf(name), id: pool.contentId(name) };
		},
		open: (name) => openToCopy(pool, name, true),
		async *changes(before, after, begin) {
			const pageBytes = pageBytesOf(after);
			const first = Math.floor(begin / pageBytes);
			for (const { page, count, mayBeSame } of await pool.changes(before, after, first))
				yield { offsetBytes: page * pageBytes, lengthBytes: count * pageBytes, mayBeSame };
		},
	};
}

/** What may differ between two names in a range. */
export async function* changedBytes(
	contents: Contents,
	before: string,
	after: string,
	begin: number,
	end: number,
): AsyncGenerator<Change> {
	for await (const { offsetBytes, lengthBytes, mayBeSame } of contents.changes(before, after, begin)) {
		const [from, to] = [Math.max(begin, offsetBytes), Math.min(end, offsetBytes + lengthBytes)];
		if (from < to) yield { offsetBytes: from, lengthBytes: to - from, mayBeSame };
	}
}

/** Why a device of a daemon could not be read, in the daemon's words; else what is thrown. */
export class Failures {
	#first: Error | undefined;

	note(error: Error): void {
		this.#first ??= error;
	}

	/** Throws what has been noted in place of what came of it. */
	async instead<T>(work: Promise<T>): Promise<T> {
		try {
			return await work;
		} catch (error) {
			throw error instanceof FailedError && this.#first !== undefined ? this.#first : error;
		}
	}
}
