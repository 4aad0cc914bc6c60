/** Folders that the opener makes where there are none: for state, and for its socket. */

import { stat } from "node:fs/promises";
import { codeOf, OperatorError } from "../errors.js";
import { makeFolders } from "../make-folders.js";

/** There is no room: there may be later. */
export class NoRoomError extends OperatorError {
	override name = "NoRoomError";

	/** Whether that is what an error of the system's says, by its name. */
	static isSaidBy(code: string): boolean {
		return ["ENOSPC", "EDQUOT", "EROFS"].includes(code);
	}
}

/** Throws an OperatorError if it is not there and can't be made. */
export async function makeFolder(folder: string, called: string, mode = 0o700): Promise<void> {
	try {
		await makeFolders(folder, mode);
		if ((await stat(folder)).isDirectory()) return;
	} catch (error) {
		const why = codeOf(error) ?? String(error);
		const Kind = NoRoomError.isSaidBy(why) ? NoRoomError : OperatorError;
		throw new Kind(`${called} ${folder}: can't be made (${why})`);
	}
	throw new OperatorError(`${called} ${folder}: not a directory`);
}
