/**
 * Folders that are made with all those above them. Not by `mkdir` with `recursive`, which in Node 20 tries for ever where the kernel says that a
 * parent is missing though it is there, as in /proc. Used by whoever makes a folder that its user has named.
 */

import { mkdir, stat } from "node:fs/promises";
import path from "node:path";
import { codeOf } from "./errors.js";

/** Resolves when it is there. Rejects with the error of `mkdir`, ENOENT too: there is a place where nothing can be made. */
export async function makeFolders(folder: string, mode: number): Promise<void> {
	const missing: string[] = [];
	let at = path.resolve(folder);
	while (!(await isMade(at, mode))) {
		missing.push(at);
		at = path.dirname(at);
	}
	for (const each of missing.reverse()) await isMade(each, mode);
	// (What is there already may be something else.)
	if (!(await stat(folder)).isDirectory()) throw Object.assign(new Error("EEXIST"), { code: "EEXIST" });
}

/** False: what it would be in has to be made first. */
async function isMade(folder: string, mode: number): Promise<boolean> {
	try {
		await mkdir(folder, { mode });
	} catch (error) {
		const code = codeOf(error);
		if (code === "EEXIST") return true;
		if (code !== "ENOENT" || (await isThere(path.dirname(folder)))) throw error;
		return false;
	}
	return true;
}

async function isThere(folder: string): Promise<boolean> {
	return stat(folder).then(
		() => true,
		() => false,
	);
}
