/**
 * A server of ours that an ordinary user runs, on a unix socket: for tests with virtual machines as clients. Used by the
 * tests of this directory.
 */

import { truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Test } from "tap";
import { LIMIT_MS } from "../support/limit.js";
import { asOrdinaryUser, giveToOrdinaryUser, ordinaryUsersDirectory } from "../support/ordinary-user.js";
import { vbladeCommand } from "../support/paths.js";
import { Program, run } from "../support/process.js";

export interface Served {
	readonly vblade: Program;
	/** What the blades e9.0, e9.1, ... export. */
	readonly files: readonly string[];
	readonly socketPath: string;
}

/** Serves a new sparse file for each of `sizes` (bytes). `fill` is called with their names before that. */
export async function serveUnix(
	t: Test,
	sizes: readonly number[],
	fill: (files: readonly string[]) => void = () => {},
): Promise<Served> {
	const directory = ordinaryUsersDirectory();
	const socketPath = path.join(directory, "port");
	const files = sizes.map((sizeBytes, slot) => newImage(path.join(directory, `disk${slot}`), sizeBytes));
	fill(files);
	const blades = files.flatMap((file, slot) => ["9", String(slot), `unix:${socketPath}`, file]);
	const vblade = new Program(asOrdinaryUser([...vbladeCommand(), ...blades]));
	t.teardown(() => vblade.stop("SIGKILL"));
	await vblade.waitFor(new RegExp(`^pid \\d+: e9\\.${files.length - 1}, `, "m"), LIMIT_MS);
	return { vblade, files, socketPath };
}

/** Makes a sparse file that belongs to an ordinary user. */
export function newImage(file: string, sizeBytes: number): string {
	writeFileSync(file, "");
	truncateSync(file, sizeBytes);
	giveToOrdinaryUser(file);
	return file;
}

/** The file must be a sound file system without any server or client. */
export async function checkFileSystem(t: Test, command: readonly string[]): Promise<void> {
	const { code, output } = await run(command, LIMIT_MS);
	t.equal(code, 0, `the file alone is a sound file system: ${command[0]}`);
	if (code !== 0) t.comment(output);
}
