/**
 * An object as it lies in its file: its bytes, then what is known of it, then how long that is and its sum. So one file has all of it,
 * and one that is cut off, or somebody else's, is found out. Written and opened by `shelf.ts`.
 *
 * The end: JSON; `VBO2`; how many bytes of JSON, 4; their CRC32C, 4, unsigned and little-endian.
 */

import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { crc32c } from "../crc32c.js";
import { fieldsOf, parsed, stringIn } from "../object/json.js";
import { S3Fault } from "./fault.js";

const MAGIC = "VBO2";
const FOOTER_BYTES = 12;
/** What may be known of an object: what S3 allows for headers is 2 KiB. */
const KNOWN_MAX_BYTES = 16 * 1024;

/** What is known of an object beside its bytes. */
export interface Known {
	readonly key: string;
	readonly bytes: number;
	/** MD5 in hexadecimal, as clients expect it. */
	readonly etag: string;
	/** To be said with it: its type, and what the client has made up (`x-amz-meta-`). */
	readonly headers: Readonly<Record<string, string>>;
}

export interface Found extends Known {
	/** To be closed by whoever has asked for it. */
	readonly handle: FileHandle;
	readonly modified: Date;
}

/** What goes behind the bytes. */
export function endingOf(known: Known): Buffer {
	const json = Buffer.from(JSON.stringify(known));
	if (json.length > KNOWN_MAX_BYTES)
		throw new S3Fault("MetadataTooLarge", `headers of an object have ${KNOWN_MAX_BYTES} bytes at most`);
	const footer = Buffer.alloc(FOOTER_BYTES);
	footer.write(MAGIC, "latin1");
	footer.writeUInt32LE(json.length, 4);
	footer.writeUInt32LE(crc32c(json), 8);
	return Buffer.concat([json, footer]);
}

function knownIn(json: Buffer): Known | undefined {
	const value = parsed(json);
	const [key, etag] = [stringIn(value, "key"), stringIn(value, "etag")];
	const bytes = fieldsOf(value).get("bytes");
	if (key === undefined || etag === undefined || typeof bytes !== "number") return undefined;
	const headers = [...fieldsOf(fieldsOf(value).get("headers"))];
	const said = headers.map(([name, text]) => [name, String(text)] as const);
	return { key, bytes, etag, headers: Object.fromEntries(said) };
}

async function endingIn(handle: FileHandle, size: number): Promise<Known | undefined> {
	if (size < FOOTER_BYTES) return undefined;
	const footer = Buffer.alloc(FOOTER_BYTES);
	await handle.read(footer, 0, FOOTER_BYTES, size - FOOTER_BYTES);
	const length = footer.readUInt32LE(4);
	if (footer.toString("latin1", 0, 4) !== MAGIC || length > KNOWN_MAX_BYTES) return undefined;
	const begin = size - FOOTER_BYTES - length;
	if (begin < 0) return undefined;
	const json = Buffer.alloc(length);
	await handle.read(json, 0, length, begin);
	if (crc32c(json) !== footer.readUInt32LE(8)) return undefined;
	const known = knownIn(json);
	return known?.bytes === begin ? known : undefined;
}

/**
 * Undefined: there is no object; a link, a folder or a pipe of that name is none. Throws an `S3Fault` for a file that does not end as an
 * object's does, or is another one's.
 */
export async function openObject(file: string, key: string): Promise<Found | undefined> {
	const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(
		(error: unknown) => {
			if (isNone(error)) return undefined;
			throw error;
		},
	);
	if (handle === undefined) return undefined;
	try {
		const status = await handle.stat();
		const known = status.isFile() ? await endingIn(handle, status.size) : undefined;
		if (known?.key !== key) throw new S3Fault("InternalError", "what is kept under this name is damaged");
		return { ...known, handle, modified: status.mtime };
	} catch (error) {
		await handle.close();
		throw error;
	}
}

/** ENXIO: a socket; ELOOP: a link. */
function isNone(error: unknown): boolean {
	return error instanceof Error && "code" in error && /^(?:ENOENT|ELOOP|ENXIO)$/.test(String(error.code));
}
