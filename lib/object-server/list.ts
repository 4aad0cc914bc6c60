/**
 * Lists of a bucket, by name, some at a time. A folder has its files in no order, so each list goes through all of it, keeping the first
 * names only: what is in memory does not hang on how many there are. Called by `bucket-routes.ts`.
 */

import { S3Fault } from "./fault.js";
import type { Found } from "./object-file.js";
import type { Shelf } from "./shelf.js";
import { type Target, valueIn } from "./target.js";

const MOST = 1000;
/** So many times as many names as are wanted are kept before those too many are dropped. */
const KEPT_FACTOR = 4;

export interface ListAsked {
	/** The form before version 2. */
	readonly isOld: boolean;
	readonly prefix: string;
	/** "": none. */
	readonly delimiter: string;
	readonly most: number;
	/** Only names behind this one. */
	readonly after: string;
	/** Only rows behind this one, which ended the list before. */
	readonly resumed: string;
	/** Names are wanted as in addresses. */
	readonly isEncoded: boolean;
}

export interface Listing {
	readonly asked: ListAsked;
	readonly contents: readonly Omit<Found, "handle" | "headers">[];
	/** What names have in common up to the delimiter, each once. */
	readonly prefixes: readonly string[];
	/** The last row, if there are more behind it. */
	readonly next: string | undefined;
}

/** Where a list goes on. Not the name itself, which might be none that XML can have as it is. */
export function tokenOf(name: string): string {
	return Buffer.from(name).toString("base64url");
}

function nameOfToken(token: string): string {
	return Buffer.from(token, "base64url").toString();
}

/** What a list is asked for. Throws an `S3Fault`. */
export function listAsked(target: Target): ListAsked {
	const text = (name: string): string => valueIn(target, name) ?? "";
	const type = valueIn(target, "list-type");
	if (type !== undefined && type !== "2") throw new S3Fault("InvalidArgument", "list-type is 2, or left out");
	const most = valueIn(target, "max-keys") ?? String(MOST);
	if (!/^\d{1,9}$/.test(most)) throw new S3Fault("InvalidArgument", "max-keys is no number");
	const encoding = text("encoding-type");
	if (encoding !== "" && encoding !== "url")
		throw new S3Fault("InvalidArgument", "encoding-type is url, or left out");
	const isOld = type === undefined;
	const delimiter = text("delimiter");
	const after = text(isOld ? "marker" : "start-after");
	// The older form says with one word where to go on, and behind which name to begin.
	const isRow = isOld && delimiter !== "" && after.endsWith(delimiter);
	return {
		...{ isOld, delimiter, after },
		prefix: text("prefix"),
		most: Math.min(Number(most), MOST),
		resumed: isRow ? after : nameOfToken(isOld ? "" : text("continuation-token")),
		isEncoded: encoding === "url",
	};
}

/** The row that an object is in: its own, or that of the prefix which it has in common with others. Undefined: none of this list. */
function rowOf(key: string, { prefix, delimiter, after, resumed }: ListAsked): string | undefined {
	if (!key.startsWith(prefix) || key <= after) return undefined;
	const at = delimiter === "" ? -1 : key.indexOf(delimiter, prefix.length);
	const row = at < 0 ? key : key.slice(0, at + delimiter.length);
	return row <= resumed && resumed !== "" ? undefined : row;
}

/** The first rows, one more than is wanted if there is one. */
async function firstRows(keys: AsyncIterable<string>, asked: ListAsked): Promise<string[]> {
	let rows = new Set<string>();
	const first = (): string[] => [...rows].sort().slice(0, asked.most + 1);
	// What is behind this one is too many.
	let last: string | undefined;
	for await (const key of keys) {
		const row = rowOf(key, asked);
		if (row === undefined || (last !== undefined && row > last)) continue;
		rows.add(row);
		if (rows.size <= KEPT_FACTOR * (asked.most + 1)) continue;
		rows = new Set(first());
		last = [...rows].at(-1);
	}
	return first();
}

/** Throws an `S3Fault` if there is no such bucket. */
export async function list(shelf: Shelf, bucket: string, asked: ListAsked): Promise<Listing> {
	await shelf.checkBucket(bucket);
	if (asked.most === 0) return { asked, contents: [], prefixes: [], next: undefined };
	const rows = await firstRows(shelf.keys(bucket), asked);
	const shown = rows.slice(0, asked.most);
	const isPrefix = (row: string): boolean =>
		asked.delimiter !== "" && row.slice(asked.prefix.length).endsWith(asked.delimiter);
	const contents: Listing["contents"][number][] = [];
	for (const key of shown.filter((row) => !isPrefix(row))) {
		const found = await shelf.look(bucket, key).catch((error: unknown) => {
			// (What is no object, or damaged, is told to who asks for it.)
			if (error instanceof S3Fault) return undefined;
			throw error;
		});
		await found?.handle.close();
		if (found !== undefined) contents.push(found);
	}
	return {
		asked,
		contents,
		prefixes: shown.filter(isPrefix),
		next: rows.length > shown.length ? shown.at(-1) : undefined,
	};
}
