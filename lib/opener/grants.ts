/**
 * What may be opened for others: what root's configuration files name, with the access that they name, or what lies in a folder that
 * they allow. Whoever has taken over a worker or control gets nothing else. Asked by the opener for each request; it knows the
 * configuration from the files, never from those who ask.
 */

import { closeSync } from "node:fs";
import path from "node:path";
import { OperatorError } from "../errors.js";
import { isNativeError, native } from "../native.js";
import { quote } from "../text.js";

/** What the files say of a path. */
export interface NamedFile {
	readonly path: string;
	/** Nobody may open it for writing: each disk that has it only reads. */
	readonly readOnly: boolean;
}

export interface Grant {
	/** What to open: the path itself, or what stands for the file that was found. */
	readonly path: string;
	/** To be called when it is open, or can't be. */
	release(): void;
}

export class Grants {
	/** By path as it is written: true if it may be opened for writing. */
	readonly #named = new Map<string, boolean>();
	readonly #folders: readonly string[];

	constructor(named: readonly NamedFile[], folders: readonly string[]) {
		for (const file of named) this.#named.set(file.path, this.#named.get(file.path) || !file.readOnly);
		this.#folders = folders.map((folder) => path.resolve(folder));
	}

	/** Throws an OperatorError if it may not be opened. */
	grant(file: string, readOnly: boolean): Grant {
		const mayWrite = this.#named.get(file);
		if (mayWrite !== undefined && (mayWrite || readOnly)) return { path: file, release() {} };
		const folder = this.#folders.find((each) => isBelow(each, file));
		if (folder !== undefined) return beneath(folder, path.relative(folder, file));
		const why =
			mayWrite === false
				? "is named to be read only"
				: "is not named, nor in a folder that [daemon] allow names";
		throw new OperatorError(`${quote(file)}: ${why}, by the files that root configures`);
	}
}

function isBelow(folder: string, file: string): boolean {
	const relative = path.relative(folder, file);
	return (
		path.isAbsolute(file) && relative !== "" && !path.isAbsolute(relative) && !/^\.\.(\/|$)/.test(relative)
	);
}

/** The file that is there now, held: nobody can put another in its place before it is opened. */
function beneath(folder: string, relative: string): Grant {
	try {
		const descriptor = native.openBeneath(folder, relative);
		return { path: `/proc/self/fd/${descriptor}`, release: () => closeSync(descriptor) };
	} catch (error) {
		if (!isNativeError(error)) throw error;
		throw new OperatorError(
			`${quote(path.join(folder, relative))}: ${error.message} (in ${folder}, which [daemon] allow names)`,
		);
	}
}
