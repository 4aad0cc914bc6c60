/**
 * What paths lead to, without opening anything: two names of one file, or of one device, are told apart from two files. Folder by
 * folder, by threads of their own, since a file system may hang: then nobody waits for what is in that folder, and it is not asked
 * again while it does. Used by the opener, and by `vblade check`.
 */

import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isNativeError, native } from "../native.js";
import { Openings } from "./openings.js";

/** As far as it is known. */
export type Found =
	/** The same `identity` for all names of one file or block device. */
	| { readonly kind: "storage"; readonly identity: string }
	/** A folder, a terminal or the like. */
	| { readonly kind: "other" }
	/** A number of Linux. */
	| { readonly kind: "missing"; readonly errno: number };

export class Looks {
	readonly #openings = new Openings<readonly string[]>();
	/** Folders that are being looked at. */
	readonly #underWay = new Set<string>();

	/** What is known within so long. What is missing in the answer is not known: it may be there or not. */
	async look(paths: Iterable<string>, limitMs: number): Promise<ReadonlyMap<string, Found>> {
		this.#openings.retry();
		const found = new Map<string, Found>();
		const looks = [...byFolder(paths)]
			.filter(([folder]) => !this.#underWay.has(folder))
			.map(([folder, files]) => this.#lookInto(folder, files, found));
		const limit = new AbortController();
		const late = sleep(limitMs, undefined, limit).catch(() => {});
		await Promise.race([Promise.all(looks), late]);
		limit.abort();
		return new Map(found);
	}

	async #lookInto(folder: string, files: readonly string[], found: Map<string, Found>): Promise<void> {
		this.#underWay.add(folder);
		try {
			const list = Buffer.from(files.map((file) => `${file}\0`).join(""));
			const words = await this.#openings.open(folder, () => native.fileLook(list));
			for (const [index, file] of files.entries()) found.set(file, foundIn(words[index] ?? ""));
		} catch (error) {
			// For want of memory: it is not known.
			if (!isNativeError(error)) throw error;
		} finally {
			this.#underWay.delete(folder);
		}
	}
}

function byFolder(paths: Iterable<string>): ReadonlyMap<string, string[]> {
	const folders = new Map<string, string[]>();
	for (const file of new Set(paths)) {
		const folder = path.dirname(file);
		const others = folders.get(folder);
		if (others === undefined) folders.set(folder, [file]);
		else others.push(file);
	}
	return folders;
}

function foundIn(words: string): Found {
	if (words.startsWith("-")) return { kind: "missing", errno: -Number(words) };
	return words === "other" ? { kind: "other" } : { kind: "storage", identity: words };
}
