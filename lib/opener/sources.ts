/**
 * The files that the configuration is made of, as texts: the main file, conf.d beside it, what Debian's package keeps, and what commands
 * have added. Read by the opener at the start and at each reload, and by `vblade check`; what they say is for `lib/spec/`.
 */

import { constants } from "node:fs";
import { open, readdir } from "node:fs/promises";
import path from "node:path";
import { codeOf } from "../errors.js";
import type { Sources, Source as SourceText } from "../spec/parts.js";

export interface FoundSources extends Sources {
	/** What could not be read, a line each: it is not the same as not being there. */
	readonly unreadable: readonly string[];
}

export const DEFAULT_CONFIG = "/etc/vblade/vblade.toml";
/** More than any token has. */
export const LONGEST_TOKEN = 4096;
const DEBIAN_FOLDER = "/etc/vblade.conf.d";
/** A configuration of thousands of disks has less than one. */
const LONGEST_BYTES = 16 * 1024 * 1024;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL_CHARACTER = /[\0-\x08\x0b\x0c\x0e-\x1f]/;

interface Reading {
	readonly unreadable: string[];
	/** Of all files together, as they go on in one message. */
	leftBytes: number;
}

/**
 * Reads what is there. Only a main file that was asked for by name has to be there; one of the default name need not be, if anything
 * else is. What can't be read is told in `unreadable`.
 * @param state the state directory, if its runtime.toml is wanted
 */
export async function readSources(main: string, state?: string): Promise<FoundSources> {
	const reading: Reading = { unreadable: [], leftBytes: LONGEST_BYTES };
	const confd = await readFolder(reading, path.join(path.dirname(main), "conf.d"), ".toml");
	const debian = main === DEFAULT_CONFIG ? await readFolder(reading, DEBIAN_FOLDER, ".conf") : [];
	const isNeeded = main !== DEFAULT_CONFIG || confd.length + debian.length === 0;
	const file = await readText(reading, main, isNeeded);
	// What is wrong with that one is control's to tell: it keeps no file of root's from being served.
	const added: Reading = { unreadable: [], leftBytes: reading.leftBytes };
	const runtime = state && (await readText(added, path.join(state, "runtime.toml"), false));
	const files = file === undefined ? confd : [file, ...confd];
	return { files, debian, runtime: runtime || undefined, unreadable: reading.unreadable };
}

async function readFolder(reading: Reading, folder: string, ending: string): Promise<SourceText[]> {
	let names: string[];
	try {
		names = await readdir(folder);
	} catch (error) {
		if (codeOf(error) !== "ENOENT") reading.unreadable.push(`${folder}: can't be read (${codeOf(error)})`);
		return [];
	}
	// As a shell would have them, hidden ones left out.
	const wanted = names.filter((name) => name.endsWith(ending) && !name.startsWith(".")).sort();
	const texts: SourceText[] = [];
	for (const name of wanted) {
		const text = await readText(reading, path.join(folder, name), true);
		if (text !== undefined) texts.push(text);
	}
	return texts;
}

async function readText(reading: Reading, file: string, isNeeded: boolean): Promise<SourceText | undefined> {
	try {
		const text = await textIn(file, reading.leftBytes);
		reading.leftBytes -= text.length;
		return { path: file, text };
	} catch (error) {
		if (codeOf(error) !== "ENOENT" || isNeeded) reading.unreadable.push(`${file}: ${whyUnreadable(error)}`);
		return undefined;
	}
}

/** All of a regular file, if it is no longer than that. Throws an error for `whyUnreadable`. */
export async function textIn(file: string, longestBytes: number): Promise<string> {
	// A pipe of that name must not keep us waiting.
	const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
	try {
		const status = await handle.stat();
		if (!status.isFile()) throw new Error("not a regular file");
		if (status.size > longestBytes) throw new Error(`longer than ${longestBytes} bytes`);
		const text = new TextDecoder("utf-8", { fatal: true }).decode(await handle.readFile());
		// Zeros, for one, which a file that was not written in time is full of: six times as long on their way to control.
		if (CONTROL_CHARACTER.test(text)) throw new Error("not text");
		return text;
	} finally {
		await handle.close();
	}
}

export function whyUnreadable(error: unknown): string {
	const code = codeOf(error);
	if (code === "ENOENT") return "there is no such file";
	if (code === "ERR_ENCODING_INVALID_ENCODED_DATA") return "not text in UTF-8";
	return `can't be read (${code ?? (error instanceof Error ? error.message : String(error))})`;
}
