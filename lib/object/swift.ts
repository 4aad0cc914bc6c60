/**
 * Objects in a container of Swift. What it knows of conditions is a courtesy and no lock, which is enough where each name has one
 * writer; and an object that can be read may have one copy of three, so one that was there already is written once more. The checksum
 * of an object is kept beside it, and compared when all of it is read. A backend of `objects.ts`.
 */

import type { ObjectBackend } from "./backend.js";
import { checkCrc, crcOf, crcText, digestOf } from "./bytes.js";
import type { RequestCounts } from "./counts.js";
import { ObjectError, ObjectFault } from "./errors.js";
import type { Answer } from "./http.js";
import { fieldsOf, itemsOf, parsed, stringIn } from "./json.js";
import { checkRange, rangeText } from "./ranges.js";
import { encode } from "./sigv4.js";
import { type ByteRange, type Listed, OBJECT_MAX_BYTES } from "./store.js";
import { SwiftDoor, type SwiftOptions } from "./swift-door.js";

const STATUS = { created: 201, okBelow: 300, notFound: 404, failed: 412 };
const CRC_HEADER = "x-object-meta-crc32c";
/** What a list of a thousand names may have. */
const LIST_MAX_BYTES = 2 * 1024 * 1024;

function isGood({ status }: Answer): boolean {
	return status < STATUS.okBelow;
}

/** Of copies that differ the one that was written last. */
function newestHeader(newest: boolean): Record<string, string> {
	return newest ? { "x-newest": "true" } : {};
}

export class SwiftObjects implements ObjectBackend {
	/** Swift takes ten thousand, one after the other: so many are done within the limit of an attempt. */
	readonly deletesAtOnce = 200;
	readonly #door: SwiftDoor;
	/** Whether it deletes several at once: not all are set up so. */
	#hasBulk = true;

	constructor(options: SwiftOptions) {
		this.#door = new SwiftDoor(options);
	}

	get name(): string {
		return this.#door.name;
	}

	get counts(): RequestCounts {
		return this.#door.counts;
	}

	async open(signal: AbortSignal): Promise<void> {
		const path = this.#door.containerPath;
		const answer = await this.#door.ask({ op: "container", method: "HEAD", path }, signal);
		if (isGood(answer)) return;
		if (answer.status !== STATUS.notFound) throw this.#door.error("container", answer);
		const made = await this.#door.ask({ op: "container", method: "PUT", path, body: [] }, signal);
		if (!isGood(made)) throw this.#door.error("make container", made);
	}

	async present(signal: AbortSignal): Promise<void> {
		const path = this.#door.containerPath;
		const answer = await this.#door.ask({ op: "container", method: "HEAD", path }, signal);
		if (isGood(answer)) return;
		if (answer.status !== STATUS.notFound) throw this.#door.error("container", answer);
		throw new ObjectError(ObjectFault.refused, `${this.name}: there is no such container`);
	}

	async put(name: string, bytes: readonly Buffer[], signal: AbortSignal): Promise<"created" | "exists"> {
		const answer = await this.#put(name, bytes, { "if-none-match": "*" }, signal);
		if (answer.status === STATUS.created) return "created";
		if (answer.status === STATUS.failed) return "exists";
		throw this.#putError(name, answer);
	}

	async confirm(name: string, bytes: readonly Buffer[], signal: AbortSignal): Promise<void> {
		const answer = await this.#put(name, bytes, {}, signal);
		if (answer.status !== STATUS.created) throw this.#putError(name, answer);
	}

	async #put(
		name: string,
		bytes: readonly Buffer[],
		condition: Record<string, string>,
		signal: AbortSignal,
	): Promise<Answer> {
		const headers = {
			...condition,
			[CRC_HEADER]: crcText(await crcOf(bytes)),
			"content-type": "application/octet-stream",
			// By which it notices what the network has done to it.
			etag: await digestOf("md5", bytes),
		};
		const path = this.#door.pathOf(name);
		return this.#door.ask({ op: "put", method: "PUT", path, headers, body: bytes }, signal);
	}

	#putError(name: string, answer: Answer): ObjectError {
		const error = this.#door.error(`put ${name}`, answer);
		// Without a container there is no such object, but that is no answer to a PUT.
		return error.kind === ObjectFault.absent ? new ObjectError(ObjectFault.refused, error.message) : error;
	}

	async get(
		name: string,
		range: ByteRange | undefined,
		newest: boolean,
		signal: AbortSignal,
	): Promise<Buffer> {
		const headers = { ...newestHeader(newest), ...(range === undefined ? {} : { range: rangeText(range) }) };
		const mostBytes = range?.length ?? OBJECT_MAX_BYTES;
		const path = this.#door.pathOf(name);
		const answer = await this.#door.ask({ op: "get", method: "GET", path, headers, mostBytes }, signal);
		if (!isGood(answer)) throw this.#door.error(`get ${name}`, answer);
		const what = `${this.name}: ${name}`;
		if (range === undefined) await checkCrc(what, answer.body, answer.header(CRC_HEADER));
		else checkRange(what, answer, range);
		return answer.body;
	}

	async head(name: string, newest: boolean, signal: AbortSignal): Promise<number> {
		const headers = newestHeader(newest);
		const path = this.#door.pathOf(name);
		const answer = await this.#door.ask({ op: "head", method: "HEAD", path, headers }, signal);
		if (!isGood(answer)) throw this.#door.error(`head ${name}`, answer);
		const text = answer.header("content-length") ?? "";
		if (/^\d{1,15}$/.test(text)) return Number(text);
		throw new ObjectError(ObjectFault.damaged, `${this.name}: ${name}: its length is not said`);
	}

	async delete(names: readonly string[], signal: AbortSignal): Promise<void> {
		if (names.length > 1 && this.#hasBulk) {
			this.#hasBulk = await this.#deleteTogether(names, signal);
			if (this.#hasBulk) return;
		}
		for (const name of names) await this.#deleteOne(name, signal);
	}

	async #deleteOne(name: string, signal: AbortSignal): Promise<void> {
		const path = this.#door.pathOf(name);
		const answer = await this.#door.ask({ op: "delete", method: "DELETE", path }, signal);
		if (!isGood(answer) && answer.status !== STATUS.notFound)
			throw this.#door.error(`delete ${name}`, answer);
	}

	/** False: the store does not know how to. */
	async #deleteTogether(names: readonly string[], signal: AbortSignal): Promise<boolean> {
		const body = [Buffer.from(names.map((name) => `${this.#door.pathOf(name)}\n`).join(""))];
		const headers = { "content-type": "text/plain", accept: "application/json" };
		const asked = {
			op: "delete",
			method: "POST",
			path: "",
			query: "bulk-delete=true",
			headers,
			body,
		} as const;
		const answer = await this.#door.ask(asked, signal);
		if (!isGood(answer) && answer.status >= STATUS.failed) throw this.#door.error("delete", answer);
		// It says 200 before it begins, and how that went in the end.
		const said = parsed(answer.body);
		const status = stringIn(said, "Response Status");
		if (status === undefined) return false;
		if (status.startsWith("200") || status.startsWith("404")) return true;
		const errors = itemsOf(fieldsOf(said).get("Errors"));
		const kind = /^40[13]/.test(status) ? ObjectFault.refused : ObjectFault.unavailable;
		throw new ObjectError(kind, `${this.name}: delete: ${errors.length} failed: ${status}`);
	}

	async list(prefix: string, after: string, most: number, signal: AbortSignal): Promise<Listed> {
		const own = this.#door.prefix;
		const marker = after === "" ? "" : `&marker=${encode(own + after)}`;
		const query = `limit=${most}&prefix=${encode(own + prefix)}${marker}`;
		const path = this.#door.containerPath;
		const headers = { accept: "text/plain" };
		const mostBytes = LIST_MAX_BYTES;
		const answer = await this.#door.ask(
			{ op: "list", method: "GET", path, query, headers, mostBytes },
			signal,
		);
		if (!isGood(answer)) throw this.#door.error("list", answer);
		const keys = answer.body.toString().split("\n").slice(0, -1);
		const names = keys.filter((key) => key.startsWith(own)).map((key) => key.slice(own.length));
		return { names, next: keys.length >= most ? names.at(-1) : undefined };
	}

	close(): Promise<void> {
		return this.#door.close();
	}
}
