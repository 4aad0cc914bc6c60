/** Whether a directory may be served: to whom it belongs, and whether one around it, or in it, is served itself. Asked by `shelf.ts` before it makes anything. */

import { lstat, readdir, stat } from "node:fs/promises";
import path from "node:path";
import { OperatorError } from "../errors.js";
import { quote } from "../text.js";
import { isBucket } from "./names.js";

/** Ours in the directory; no bucket begins with a dot. */
export const OWN = ".vblade-objects";

/** Before anything is made there. Throws an OperatorError. */
export async function checkPlace(folder: string, owner: { readonly uid: number } | undefined): Promise<void> {
	const status = await stat(folder).catch(() => undefined);
	const isOthers = owner !== undefined && status?.isDirectory() === true && status.uid !== owner.uid;
	if (isOthers)
		throw new OperatorError(
			`${quote(folder)}: belongs to user ${status.uid}; it has to belong to the one that serves it, ${owner.uid}`,
		);
	const isServed = async (each: string): Promise<boolean> =>
		(await lstat(path.join(each, OWN)).catch(() => undefined)) !== undefined;
	for (let each = path.dirname(folder); each !== path.dirname(each); each = path.dirname(each))
		if (await isServed(each))
			throw new OperatorError(`${quote(folder)}: is a part of ${quote(each)}, which is served as a whole`);
	if (status?.isDirectory() !== true) return;
	for (const name of (await readdir(folder)).filter(isBucket))
		if (await isServed(path.join(folder, name)))
			throw new OperatorError(
				`${quote(folder)}: has ${name} in it, which is served as a directory of its own`,
			);
}
