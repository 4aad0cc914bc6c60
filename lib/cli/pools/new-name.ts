/** What a volume is to be called, as commands are told. Used by `volume-changes.ts` and `in-daemon-changes.ts`. */

import { OperatorError } from "../../errors.js";
import { quote } from "../../text.js";

/** As the first one is called, with the same pool before it, or without. Throws an OperatorError if it is another pool. */
export function newName(first: string, text: string): string {
	const pool = first.slice(0, first.lastIndexOf("/") + 1);
	const name = pool !== "" && text.startsWith(pool) ? text.slice(pool.length) : text;
	if (name.includes("/"))
		throw new OperatorError(
			`name ${quote(text)}: a volume and its clones are of one pool; send and receive copy to another`,
		);
	return name;
}
