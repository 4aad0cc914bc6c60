/** What an error of the file system means for an object or a head that is kept in files. Used by `folder.ts` and `head-file.ts`. */

import { codeOf } from "../errors.js";
import { ObjectError, ObjectFault } from "./errors.js";

/** Asking again changes nothing. */
const REFUSED: ReadonlySet<string> = new Set([
	"EACCES",
	"EDQUOT",
	"ENOSPC",
	"ENOTDIR",
	"EPERM",
	"EROFS",
	"EFBIG",
	"EISDIR",
	"ENAMETOOLONG",
]);

/** What is none of the file system's is handed on as it is. */
export function fileFault(what: string, error: unknown): unknown {
	const code = codeOf(error);
	if (
		error instanceof ObjectError ||
		code === undefined ||
		!(error instanceof Error) ||
		!/^E[A-Z0-9]+$/.test(code)
	)
		return error;
	return new ObjectError(kindOf(code), `${what}: ${error.message}`);
}

function kindOf(code: string): ObjectFault {
	if (code === "ENOENT") return ObjectFault.absent;
	return REFUSED.has(code) ? ObjectFault.refused : ObjectFault.unavailable;
}
