/**
 * A tar archive (the ustar format of POSIX.1, pax(1)) of files that are in memory, compressed: what a report goes into. Pure.
 */

import { gzipSync } from "node:zlib";

const BLOCK_BYTES = 512;
const NAME_BYTES_MAX = 100;

/** Files by their names, of at most 100 bytes each. `seconds`: when they were made. */
export function tarGz(files: ReadonlyMap<string, string>, seconds: number): Buffer {
	const parts: Buffer[] = [];
	for (const [name, text] of files) {
		const content = Buffer.from(text);
		parts.push(headerOf(name, content.length, seconds), content);
		parts.push(Buffer.alloc(-content.length & (BLOCK_BYTES - 1)));
	}
	// The end: two blocks of zeros.
	parts.push(Buffer.alloc(2 * BLOCK_BYTES));
	return gzipSync(Buffer.concat(parts));
}

function headerOf(name: string, sizeBytes: number, seconds: number): Buffer {
	const header = Buffer.alloc(BLOCK_BYTES);
	const octal = (value: number, at: number, digits: number): void => {
		header.write(value.toString(8).padStart(digits, "0"), at, "latin1");
	};
	header.write(Buffer.from(name).subarray(0, NAME_BYTES_MAX).toString("latin1"), 0, "latin1");
	octal(0o600, 100, 7);
	octal(0, 108, 7);
	octal(0, 116, 7);
	octal(sizeBytes, 124, 11);
	octal(Math.floor(seconds), 136, 11);
	// A regular file.
	header.write("0", 156, "latin1");
	header.write("ustar\u000000", 257, "latin1");
	// The checksum counts itself as spaces.
	header.fill(" ", 148, 156);
	octal(
		header.reduce((sum, byte) => sum + byte, 0),
		148,
		6,
	);
	header[154] = 0;
	return header;
}
