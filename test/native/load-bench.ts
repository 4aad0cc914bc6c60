/** What the tests of endings share: files and a cable for the load, and a look at whether the files are free again. */

import { truncateSync, writeFileSync } from "node:fs";
import { StorageEngine } from "../../lib/block/engine.js";
import { FileDevice } from "../../lib/block/file.js";
import { Pump } from "../../lib/pump.js";
import { inNamespace } from "../support/in-namespace.js";
import { newDirectory, newFile } from "../support/mounts.js";
import { ip, namespacesMissing } from "../support/netns.js";

export const FILE_BYTES = 4 * 1024 * 1024;
/** The module `load.ts`, for a process or a worker. */
export const LOAD = new URL("./load.js", import.meta.url);
/** Without root the load has only files to work with. */
export const hasNetwork = namespacesMissing() === undefined;
/** The load's end of a cable; ours is `far`. */
export const link = hasNetwork ? "near" : undefined;

/** Calls `tests` in the test file `url`, where there is a cable if there can be one. */
export async function withCable(url: string, tests: () => void): Promise<void> {
	if (!hasNetwork) return tests();
	if (!(await inNamespace(url))) return;
	ip("link", "add", "name", "near", "type", "veth", "peer", "name", "far");
	for (const name of ["near", "far"]) ip("link", "set", name, "up");
	tests();
}

/** A file for the load, and the one beside it. */
export function newFiles(): string {
	const file = newFile(newDirectory(), FILE_BYTES);
	writeFileSync(`${file}.direct`, "");
	truncateSync(`${file}.direct`, FILE_BYTES);
	return file;
}

/** Throws if a lock remains. */
export async function isFree(file: string): Promise<void> {
	const engine = new StorageEngine(new Pump());
	await new FileDevice(engine, file, { readOnly: false, direct: false }).close();
	engine.close();
}
