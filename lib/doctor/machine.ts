/**
 * The machine as the checks see it: files of /proc and /sys, and what their lines say. In tests another directory stands in for
 * the root, with what they have planted there.
 */

import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import path from "node:path";

export class Machine {
	readonly #root: string;

	constructor(root = "/") {
		this.#root = root;
	}

	/** What is in a file, without space at its ends; undefined if it can't be read. */
	read(file: string): string | undefined {
		try {
			return readFileSync(this.#path(file), "utf8").trim();
		} catch {
			return undefined;
		}
	}

	/** The number that a file begins with. */
	number(file: string): number | undefined {
		const [digits] = /^-?\d+/.exec(this.read(file) ?? "") ?? [];
		return digits === undefined ? undefined : Number(digits);
	}

	/** The lines of a file; none if it can't be read. */
	lines(file: string): string[] {
		return this.read(file)?.split("\n") ?? [];
	}

	/** The names in a directory; none if it can't be read. */
	names(directory: string): string[] {
		try {
			return readdirSync(this.#path(directory));
		} catch {
			return [];
		}
	}

	/** Where a symbolic link leads. */
	link(file: string): string | undefined {
		try {
			return readlinkSync(this.#path(file));
		} catch {
			return undefined;
		}
	}

	#path(file: string): string {
		return path.join(this.#root, file);
	}
}
