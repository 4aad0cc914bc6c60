/**
 * A disk that a machine without one boots from: a boot sector of our own, which reads a text from it and writes that elsewhere with all bits turned
 * over. Used by the tests with iPXE.
 */

import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import path from "node:path";
import { scratchDirectory } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import { sourceFile } from "../support/paths.js";

export const IPXE = "/usr/lib/ipxe/ipxe.lkrn";
/** Of some cylinders: what is smaller than one (255 heads, 63 sectors) iPXE can't load a boot sector from. */
export const SIZE_BYTES = 2 ** 26;
const READ_LBA = 2000;
export const WRITE_LBA = 3000;
/** More than iPXE puts into a frame. */
export const SECTORS = 5;
/** What the boot sector makes of EXIT_GOOD. */
export const STATUS_GOOD = 33;

/** Where a machine reads that is to read much. */
const SPREAD = { PLACES: 24, FIRST_LBA: 8000, STEP: 7000 };
/** Of a disk that has all of these. */
export const SPREAD_BYTES = 96 * 1024 * 1024;

/** The boot sector, 512 bytes. */
function assemble(isOwn: boolean, isSpread: boolean): Buffer {
	const directory = scratchDirectory();
	const [object, binary] = [path.join(directory, "sector.o"), path.join(directory, "sector")];
	const symbols = { READ_LBA, WRITE_LBA, SECTORS, ...(isOwn && { OWN: 1 }), ...(isSpread && SPREAD) };
	const defined = Object.entries(symbols).flatMap(([name, value]) => ["--defsym", `${name}=${value}`]);
	const source = sourceFile("test/kernel/boot-sector.S");
	const options = { timeout: LIMIT_MS };
	execFileSync("as", ["--32", ...defined, "-o", object, source], options);
	execFileSync(
		"ld",
		["-m", "elf_i386", "-Ttext", "0x7c00", "--oformat", "binary", "-o", binary, object],
		options,
	);
	return readFileSync(binary);
}

/** A text that nobody can guess, and bytes behind it, as the disk has them at READ_LBA. */
export class BootDisk {
	readonly text = `this is disk ${randomUUID()}`;
	readonly data = Buffer.alloc(SECTORS * 512);

	/** With `isOwn` each machine writes its UUID, too; with `isSpread` it reads in many places. */
	constructor(
		readonly isOwn = false,
		readonly isSpread = false,
	) {
		this.data.forEach((_, at) => {
			this.data[at] = (at * 7 + (at >>> 8)) & 0xff;
		});
		this.data.write(`${this.text}\0`, "latin1");
	}

	fill(file: string): void {
		const fd = openSync(file, "r+");
		writeSync(fd, assemble(this.isOwn, this.isSpread), 0, 512, 0);
		writeSync(fd, this.data, 0, this.data.length, READ_LBA * 512);
		for (let place = 0; this.isSpread && place < SPREAD.PLACES; place++)
			writeSync(fd, Uint16Array.of(place), 0, 2, (SPREAD.FIRST_LBA + place * SPREAD.STEP) * 512);
		closeSync(fd);
	}
}
