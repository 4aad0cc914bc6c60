/**
 * Files of pools, for a process that can open none: the opener looks into their directories, makes and opens what is in them. Loads the pools'
 * code with it, which could not be loaded later. Used by `remote-files.ts`.
 */

import path from "node:path";
import { type Asking, NoAnswerError } from "../channel/asking.js";
import { OperatorError } from "../errors.js";
import type { OpenerRequest } from "../opener/messages.js";
import type { PoolFiles } from "../pool/directory.js";
import { fileNumber } from "../pool/folder.js";
import { type OpenVolume, openVolume, type PoolHome } from "../pool/openings.js";
import type { OpenFile } from "./openers.js";

/** Longer than the opener gives a file system. */
const LIMIT_MS = 70_000;

/** Opens volumes with the help of the process at the other end. */
export function openVolumeThrough(opener: Asking, openFile: OpenFile): OpenVolume {
	const files = poolFilesThrough(opener, openFile);
	return ({ engine, pump }: PoolHome, ...volume) => openVolume({ engine, pump, files }, ...volume);
}

function poolFilesThrough(opener: Asking, openFile: OpenFile): PoolFiles {
	const ask = async (body: OpenerRequest) => {
		try {
			return (await opener.ask({ body }, LIMIT_MS)).body;
		} catch (error) {
			if (error instanceof NoAnswerError) throw new OperatorError(`the opener gives ${error.message}`);
			throw error;
		}
	};
	return {
		list: async (pool) => (await ask({ kind: "poolFiles", pool })).names as readonly string[],
		async create(pool, name) {
			const file = fileNumber(name);
			if (file === undefined)
				throw new OperatorError(`${path.join(pool, name)}: is made by vblade pool create alone`);
			await ask({ kind: "poolFile", pool, file });
		},
		open: openFile,
	};
}
