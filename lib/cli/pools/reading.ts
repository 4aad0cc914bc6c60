/**
 * What commands copy and compare: how it is named, and what a pool holds that this process opens. Used by `difference.ts`, `image.ts`, `stream.ts`
 * and `pool-place.ts`.
 */

import { OperatorError } from "../../errors.js";
import { changedRanges, pageBytesOf } from "../../pool/changed-ranges.js";
import { fixedName } from "../../pool/past.js";
import type { Pool } from "../../pool/pool.js";
import { quote } from "../../text.js";
import type { Contents } from "./contents.js";
import { isPath, openToCopy, readVolumePath } from "./open-pool.js";

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

export function contentsOf(pool: Pool): Contents {
	return {
		async about(text) {
			const name = text.includes("@") ? fixedName(text, pool.time.presentUs) : text;
			return { name, pageBytes: pageBytesOf(pool, name), id: pool.readings.contentId(name) };
		},
		open: (name) => openToCopy(pool, name, true),
		changes: (...what) => changedRanges(pool, ...what),
	};
}
