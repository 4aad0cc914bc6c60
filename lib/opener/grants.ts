/**
 * What may be opened for others: what root's configuration files name, with the access that they name, a pool that they name or its files,
 * or what lies in a folder that they allow. Whoever has taken over a worker or control gets nothing else. Asked by the opener for each
 * request; it knows the configuration from the files, never from those who ask.
 */

import path from "node:path";
import { OperatorError } from "../errors.js";
import { fileNumber, HEAD_NAME, IMAGE_NAME } from "../pool/folder.js";
import type { DiskSpec } from "../spec/spec.js";
import { quote } from "../text.js";

/** What the files say of a path. */
export interface NamedFile {
	readonly path: string;
	/** Nobody may open it for writing: each disk that has it only reads. */
	readonly readOnly: boolean;
}

/** What to open. */
export interface Grant {
	/** That the path is in: what leads out of it must not be opened. Empty: no matter where it leads. */
	readonly folder: string;
	readonly path: string;
	/** A file of a pool. */
	readonly isOfPool: boolean;
}

export class Grants {
	/** By path as it is written: true if it may be opened for writing. */
	readonly #named = new Map<string, boolean>();
	readonly #folders: readonly string[];
	readonly #pools: ReadonlySet<string>;
	/** Of them, those of pools in object stores. */
	readonly #logs: ReadonlySet<string>;

	/** `pools`: their directories; `logs`: those of pools in object stores. */
	constructor(
		named: readonly NamedFile[],
		folders: readonly string[],
		pools: readonly string[] = [],
		logs: readonly string[] = [],
	) {
		this.#pools = new Set([...pools, ...logs]);
		this.#logs = new Set(logs);
		for (const file of named) this.#named.set(file.path, this.#named.get(file.path) || !file.readOnly);
		this.#folders = folders.map((folder) => path.resolve(folder));
	}

	/** Whether the file of a disk may be opened. */
	isGranted({ storage, readOnly }: DiskSpec): boolean {
		try {
			return storage.kind === "file" && this.grant(storage.path, readOnly) !== undefined;
		} catch (error) {
			if (!(error instanceof OperatorError)) throw error;
			return false;
		}
	}

	/** Throws an OperatorError if it may not be opened. Looks at no file: that may take for ever. */
	grant(file: string, readOnly: boolean): Grant {
		const mayWrite = this.#named.get(file);
		if (mayWrite !== undefined && (mayWrite || readOnly)) return { folder: "", path: file, isOfPool: false };
		// One on a block device; what else is there can't be opened, or is a file that root has named.
		if (this.#pools.has(file)) return { folder: "", path: file, isOfPool: true };
		const { dir, base } = path.parse(file);
		const isOwn = isPoolFile(base) || (base === IMAGE_NAME && this.#logs.has(dir));
		if (this.#pools.has(dir) && isOwn) return { folder: dir, path: base, isOfPool: true };
		const folder = this.#folders.find((each) => isBelow(each, file));
		if (folder !== undefined) return { folder, path: path.relative(folder, file), isOfPool: false };
		const why =
			mayWrite === false
				? "is named to be read only"
				: "is not named, nor in a folder that [daemon] allow names";
		throw new OperatorError(`${quote(file)}: ${why}, by the files that root configures`);
	}

	/** Throws an OperatorError unless the files name it for a pool in an object store. */
	refuseLog(folder: string): void {
		if (!this.#logs.has(folder))
			throw new OperatorError(`${quote(folder)}: is no log of the files that root configures`);
	}

	/** Throws an OperatorError unless the files name a pool in that directory. */
	refusePool(folder: string): void {
		if (!this.#pools.has(folder))
			throw new OperatorError(`${quote(folder)}: is no pool of the files that root configures`);
	}
}

/** Of a pool in an object store: those on this host. */
export function isLogFile(name: string): boolean {
	return isPoolFile(name) || name === IMAGE_NAME;
}

/** What a pool's files are called. */
export function isPoolFile(name: string): boolean {
	return name === HEAD_NAME || fileNumber(name) !== undefined;
}

function isBelow(folder: string, file: string): boolean {
	const relative = path.relative(folder, file);
	return (
		path.isAbsolute(file) && relative !== "" && !path.isAbsolute(relative) && !/^\.\.(\/|$)/.test(relative)
	);
}
