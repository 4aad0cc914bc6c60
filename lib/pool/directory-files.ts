/**
 * Names and new files in a pool's directory, as system calls make them: for `directory.ts`, and for the opener of the daemon, which does it
 * for processes that can't.
 */

import { link, mkdir, open, readdir, rm, unlink } from "node:fs/promises";
import path from "node:path";
import { codeOf, OperatorError } from "../errors.js";
import { syncFolder } from "../sync-folder.js";

/** Nobody else's business: what is in it belongs to other machines. */
const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;

/** Throws an OperatorError. */
export function namesIn(folder: string): Promise<readonly string[]> {
	return inWords(folder, () => readdir(folder));
}

/** A new file of zeros, which is there after a loss of power. Throws an OperatorError. */
export async function makeFile(folder: string, name: string, sizeBytes: number): Promise<void> {
	const file = path.join(folder, name);
	const unfinished = `${file}.new`;
	await inWords(file, async () => {
		await rm(unfinished, { force: true });
		const handle = await open(unfinished, "wx", FILE_MODE);
		try {
			await handle.truncate(sizeBytes);
			await handle.sync();
		} catch (error) {
			await unlink(unfinished);
			throw error;
		} finally {
			await handle.close();
		}
		// So that none is ever there that is too short, and none is replaced.
		await link(unfinished, file);
		await unlink(unfinished);
		await syncFolder(folder);
	});
}

/** The folder of a pool that is to be made: made too, if it is not there. Throws an OperatorError. */
export async function makeFolder(folder: string): Promise<void> {
	await inWords(folder, async () => {
		await mkdir(folder, { recursive: true, mode: FOLDER_MODE });
		await syncFolder(path.dirname(path.resolve(folder)));
	});
}

async function inWords<T>(name: string, act: () => Promise<T>): Promise<T> {
	try {
		return await act();
	} catch (error) {
		const code = codeOf(error);
		if (code === undefined) throw error;
		throw new OperatorError(`${name}: ${WORDS[code] ?? (error as Error).message}`);
	}
}

const WORDS: Readonly<Record<string, string>> = {
	ENOENT: "there is no such directory",
	ENOTDIR: "is no directory",
	EEXIST: "is there already",
	EACCES: "may not be used by this user",
	ENOSPC: "there is no space left",
};
