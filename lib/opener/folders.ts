/** Folders that the opener makes where there are none: for state, and for its socket. */

import { mkdir, stat } from "node:fs/promises";
import { codeOf, OperatorError } from "../errors.js";

/** Throws an OperatorError if it is not there and can't be made. */
export async function makeFolder(folder: string, called: string, mode = 0o700): Promise<void> {
	try {
		await mkdir(folder, { recursive: true, mode });
		if ((await stat(folder)).isDirectory()) return;
	} catch (error) {
		const why = codeOf(error) ?? String(error);
		throw new OperatorError(`${called} ${folder}: can't be made (${why})`);
	}
	throw new OperatorError(`${called} ${folder}: not a directory`);
}
