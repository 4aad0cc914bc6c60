/**
 * Objects in a bucket of S3. A name is written once by a condition on the PUT, if the store proves that it knows that; else by looking
 * first, which is enough where each name has one writer. The checksum of an object is kept beside it, and compared when all of it is
 * read. A backend of `objects.ts`.
 */

import { createHash, randomUUID } from "node:crypto";
import type { ObjectBackend } from "./backend.js";
import { checkCrc, crcOf, crcText } from "./bytes.js";
import type { RequestCounts } from "./counts.js";
import { isFault, ObjectError, ObjectFault } from "./errors.js";
import type { Answer } from "./http.js";
import { checkRange, rangeText } from "./ranges.js";
import { S3Door, type S3Options } from "./s3-door.js";
import { type ByteRange, type Listed, OBJECT_MAX_BYTES } from "./store.js";
import { textIn, textsIn } from "./xml.js";

const STATUS = { ok: 200, partial: 206, noContent: 204, conflict: 409, failed: 412 };
const CRC_HEADER = "x-amz-meta-crc32c";
/** What a list of a thousand names may have, with all that is said of each. */
const LIST_MAX_BYTES = 4 * 1024 * 1024;

export class S3Objects implements ObjectBackend {
	readonly deletesAtOnce = 1000;
	readonly #door: S3Door;
	/** Whether the store keeps `If-None-Match`. */
	#isProven = false;

	constructor(options: S3Options) {
		this.#door = new S3Door(options);
	}

	get name(): string {
		return this.#door.name;
	}

	get counts(): RequestCounts {
		return this.#door.counts;
	}

	async open(signal: AbortSignal): Promise<void> {
		await openBucket(this.#door, signal);
		this.#isProven = await provesCreation(this.#door, signal);
	}

	async present(signal: AbortSignal): Promise<void> {
		const answer = await this.#door.ask({ op: "container", method: "HEAD" }, signal);
		if (answer.status === STATUS.ok) return;
		const error = this.#door.error("bucket", answer);
		if (error.kind !== ObjectFault.absent) throw error;
		throw new ObjectError(ObjectFault.refused, `${this.name}: there is no such bucket`);
	}

	async put(name: string, bytes: readonly Buffer[], signal: AbortSignal): Promise<"created" | "exists"> {
		if (!this.#isProven && (await this.#isThere(name, signal))) return "exists";
		const headers = {
			[CRC_HEADER]: crcText(await crcOf(bytes)),
			...(this.#isProven ? { "if-none-match": "*" } : {}),
		};
		const answer = await this.#door.ask({ op: "put", method: "PUT", name, headers, body: bytes }, signal);
		if (answer.status === STATUS.ok) return "created";
		if (this.#isProven && answer.status === STATUS.failed) return "exists";
		const error = this.#door.error(`put ${name}`, answer);
		// Without a bucket there is no such object, but that is no answer to a PUT.
		if (error.kind === ObjectFault.absent) throw new ObjectError(ObjectFault.refused, error.message);
		throw error;
	}

	async #isThere(name: string, signal: AbortSignal): Promise<boolean> {
		try {
			await this.head(name, true, signal);
			return true;
		} catch (error) {
			if (isFault(error, ObjectFault.absent)) return false;
			throw error;
		}
	}

	async get(
		name: string,
		range: ByteRange | undefined,
		_newest: boolean,
		signal: AbortSignal,
	): Promise<Buffer> {
		const headers = range === undefined ? {} : { range: rangeText(range) };
		const mostBytes = range?.length ?? OBJECT_MAX_BYTES;
		const answer = await this.#door.ask({ op: "get", method: "GET", name, headers, mostBytes }, signal);
		if (answer.status !== STATUS.ok && answer.status !== STATUS.partial)
			throw this.#door.error(`get ${name}`, answer);
		const what = `${this.name}: ${name}`;
		if (range === undefined) await checkCrc(what, answer.body, answer.header(CRC_HEADER));
		else checkRange(what, answer, range);
		return answer.body;
	}

	async head(name: string, _newest: boolean, signal: AbortSignal): Promise<number> {
		const answer = await this.#door.ask({ op: "head", method: "HEAD", name }, signal);
		if (answer.status !== STATUS.ok) throw this.#door.error(`head ${name}`, answer);
		return lengthSaid(`${this.name}: ${name}`, answer);
	}

	async delete(names: readonly string[], signal: AbortSignal): Promise<void> {
		const [only = ""] = names;
		if (names.length > 1) await this.#deleteTogether(names, signal);
		else await deleteOne(this.#door, only, signal);
	}

	async #deleteTogether(names: readonly string[], signal: AbortSignal): Promise<void> {
		const keys = names.map((name) => `<Object><Key>${this.#door.prefix}${name}</Key></Object>`).join("");
		const body = Buffer.from(`<Delete><Quiet>true</Quiet>${keys}</Delete>`);
		// This one request wants it, whatever it is signed with.
		const headers = { "content-md5": createHash("md5").update(body).digest("base64") };
		const query = [["delete", ""]] as const;
		const mostBytes = LIST_MAX_BYTES;
		const answer = await this.#door.ask(
			{ op: "delete", method: "POST", query, headers, body: [body], mostBytes },
			signal,
		);
		if (answer.status !== STATUS.ok) throw this.#door.error("delete", answer);
		const codes = textsIn(answer.body.toString(), "Code").filter((code) => code !== "NoSuchKey");
		if (codes.length === 0) return;
		const kind = codes.includes("AccessDenied") ? ObjectFault.refused : ObjectFault.unavailable;
		throw new ObjectError(kind, `${this.name}: delete: ${codes.length} failed: ${codes[0]}`);
	}

	async list(prefix: string, after: string, most: number, signal: AbortSignal): Promise<Listed> {
		const own = this.#door.prefix;
		const query: [string, string][] = [
			["list-type", "2"],
			["max-keys", String(most)],
			["prefix", `${own}${prefix}`],
		];
		if (after !== "") query.push(["start-after", `${own}${after}`]);
		const answer = await this.#door.ask(
			{ op: "list", method: "GET", query, mostBytes: LIST_MAX_BYTES },
			signal,
		);
		if (answer.status !== STATUS.ok) throw this.#door.error("list", answer);
		const xml = answer.body.toString();
		const names = textsIn(xml, "Key")
			.filter((key) => key.startsWith(own))
			.map((key) => key.slice(own.length));
		return { names, next: textIn(xml, "IsTruncated") === "true" ? names.at(-1) : undefined };
	}

	close(): Promise<void> {
		return this.#door.close();
	}
}

function lengthSaid(what: string, answer: Answer): number {
	const text = answer.header("content-length");
	if (text !== undefined && /^\d{1,15}$/.test(text)) return Number(text);
	throw new ObjectError(ObjectFault.damaged, `${what}: its length is not said`);
}

/** Makes the bucket if there is none. */
export async function openBucket(door: S3Door, signal: AbortSignal): Promise<void> {
	const answer = await door.ask({ op: "container", method: "HEAD" }, signal);
	if (answer.status === STATUS.ok) return;
	const error = door.error("bucket", answer);
	if (error.kind !== ObjectFault.absent) throw error;
	// Everywhere but in the oldest region it has to be named.
	const xml = `<CreateBucketConfiguration><LocationConstraint>${door.region}</LocationConstraint></CreateBucketConfiguration>`;
	const body = door.region === "us-east-1" ? [] : [Buffer.from(xml)];
	const made = await door.ask({ op: "container", method: "PUT", body }, signal);
	// (Two may make it at once.)
	if (made.status !== STATUS.ok && made.status !== STATUS.conflict) throw door.error("make bucket", made);
}

export async function deleteOne(door: S3Door, name: string, signal: AbortSignal): Promise<void> {
	const answer = await door.ask({ op: "delete", method: "DELETE", name }, signal);
	if (answer.status === STATUS.ok || answer.status === STATUS.noContent) return;
	const error = door.error(`delete ${name}`, answer);
	if (error.kind !== ObjectFault.absent) throw error;
}

/** Whether the store keeps `If-None-Match`: of two creations of one name the second one has to fail, and the first one's bytes stay. */
export function provesCreation(door: S3Door, signal: AbortSignal): Promise<boolean> {
	return door.proofs.of(`creation ${door.name}`, () => proveCreation(door, signal));
}

async function proveCreation(door: S3Door, signal: AbortSignal): Promise<boolean> {
	const name = `probe-${randomUUID()}`;
	const create = async (text: string): Promise<number> => {
		const headers = { "if-none-match": "*" };
		const answer = await door.ask(
			{ op: "put", method: "PUT", name, headers, body: [Buffer.from(text)] },
			signal,
		);
		const error = door.error("probe", answer);
		// A store that does not know what we mean says so; one that has no time now proves nothing either way.
		if (answer.status !== STATUS.ok && answer.status !== STATUS.failed && error.kind !== ObjectFault.refused)
			throw error;
		return answer.status;
	};
	if ((await create("first")) !== STATUS.ok) return false;
	try {
		if ((await create("second")) !== STATUS.failed) return false;
		const found = await door.ask({ op: "get", method: "GET", name }, signal);
		return found.status === STATUS.ok && found.body.toString() === "first";
	} finally {
		await deleteOne(door, name, signal);
	}
}
