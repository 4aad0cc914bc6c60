/**
 * Whence commands read that copy or compare: a pool that this process opens, or one that a running daemon has, which is asked piece by piece.
 * Used by `difference.ts`, `image.ts` and `stream.ts`.
 */

import { OperatorError } from "../../errors.js";
import { fixedName, volumeIn } from "../../pool/past.js";
import type { Pool } from "../../pool/pool.js";
import type { CommandLine } from "../../spec/getopt.js";
import { quote } from "../../text.js";
import type { Output } from "../client.js";
import type { Contents } from "./contents.js";
import { isPath, openToCopy, readVolumePath, withPool } from "./open-pool.js";

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

/** The same of a volume to be made, which has no `@`. Throws an OperatorError. */
export function readNewWhere(text: string): Where {
	const where = readWhere(text);
	if (isPath(text) || !where.name.includes("@")) return where;
	throw new OperatorError(`volume ${quote(text)}: POOL/NAME is allowed, as in fast/web`);
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

export function contentsOf(pool: Pool): Contents {
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
			for await (const { page, count, mayBeSame } of pool.changes(before, after, first))
				yield { offsetBytes: page * pageBytes, lengthBytes: count * pageBytes, mayBeSame };
		},
	};
}
