/**
 * What buckets and objects are called in the directory: a bucket is a folder of its name, an object one file in it. Slashes do not make
 * folders, so that `a` and `a/b` are two objects and nothing has to be made or removed around one; whatever could mean something to a
 * file system is written as `%` and two digits. Used by `shelf.ts`, for which each name has one file, and each file one name at most.
 */

import { S3Fault } from "./fault.js";

/** What file systems take. */
const FILE_MAX_BYTES = 255;
const BUCKET = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
const PLAIN = /^[A-Za-z0-9._-]$/;
const FILE = /^(?!\.)(?:[A-Za-z0-9._=-]|%[0-9A-F]{2})+$/;
/** For slashes: shorter than three characters, and to be read by people. */
const SLASH = "=";

export function checkBucket(name: string): string {
	if (BUCKET.test(name)) return name;
	throw new S3Fault(
		"InvalidBucketName",
		"a bucket's name has 1 to 63 letters, digits, dots, dashes and underscores",
	);
}

export function isBucket(name: string): boolean {
	return BUCKET.test(name);
}

function hexOf(byte: number): string {
	return `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
}

/** The file of an object. Throws an `S3Fault` for a name that can't be had. */
export function fileOf(key: string): string {
	// Such can't be in a list, which is XML.
	if (/[\p{Cc}\ufffe\uffff]/u.test(key)) throw new S3Fault("InvalidURI", "names have no control characters");
	let file = "";
	for (const byte of Buffer.from(key)) {
		const character = String.fromCharCode(byte);
		if (character === "/") file += SLASH;
		else file += PLAIN.test(character) && !(file === "" && character === ".") ? character : hexOf(byte);
		if (file.length > FILE_MAX_BYTES)
			throw new S3Fault(
				"KeyTooLongError",
				`a name has ${FILE_MAX_BYTES} characters at most here; other than letters, digits and ._-/ each byte counts as three`,
			);
	}
	return file;
}

/** The object that a file would be; undefined: it is none. */
export function keyOf(file: string): string | undefined {
	if (!FILE.test(file)) return undefined;
	try {
		const key = decodeURIComponent(file.replaceAll(SLASH, "/"));
		return fileOf(key) === file ? key : undefined;
	} catch {
		return undefined;
	}
}
