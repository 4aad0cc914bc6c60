/**
 * Files of pools, for a process that can open none: the opener looks into their directories, makes and opens what is in them. The pools' code is
 * loaded with `remote-files.ts`: it could not be later. Used by `remote-files.ts`.
 */

import path from "node:path";
import type { Asking } from "../channel/asking.js";
import { OperatorError } from "../errors.js";
import type { OpenerRequest } from "../opener/messages.js";
import type { PoolFiles } from "../pool/directory.js";
import { fileNumber } from "../pool/folder.js";
import { askOpener } from "./ask-opener.js";
import type { OpenFile } from "./openers.js";

/** Longer than the opener gives a file system. */
const LIMIT_MS = 70_000;

/** The same of a pool in an object store: its files on this host. */
export function logFilesThrough(opener: Asking, openFile: OpenFile): PoolFiles {
	const files = poolFilesThrough(opener, openFile);
	return {
		...files,
		async look(log) {
			const { names, freeBytes } = (await askOpener(opener, { kind: "logFiles", log }, LIMIT_MS)).body;
			return {
				isDevice: false,
				names: names as readonly string[],
				site: undefined,
				freeBytes: freeBytes as number | undefined,
			};
		},
		async create(log, name) {
			await askOpener(opener, { kind: "logFile", log, name }, LIMIT_MS);
		},
	};
}

export function poolFilesThrough(opener: Asking, openFile: OpenFile): PoolFiles {
	const ask = async (body: OpenerRequest) => (await askOpener(opener, body, LIMIT_MS)).body;
	return {
		async look(pool) {
			const { isDevice, names, site, freeBytes } = await ask({ kind: "poolFiles", pool });
			return {
				isDevice: isDevice === true,
				names: names as readonly string[],
				site: site as string | undefined,
				freeBytes: freeBytes as number | undefined,
			};
		},
		async create(pool, name) {
			const file = fileNumber(name);
			if (file === undefined)
				throw new OperatorError(`${path.join(pool, name)}: is made by vblade pool create alone`);
			await ask({ kind: "poolFile", pool, file });
		},
		open: openFile,
		async identities(pool, first, count) {
			const { files } = await ask({ kind: "poolIdentities", pool, first, count });
			return files as readonly string[];
		},
	};
}
