/**
 * Programs that run as somebody without any privilege, also when the tests run as root: for tests of what works without.
 * Used by the tests that put our server before QEMU.
 */

import { chownSync } from "node:fs";
import { scratchDirectory } from "./cleanup.js";

/** `nobody`, who owns nothing. A number, for it has this one everywhere and needs no entry in /etc/passwd. */
const NOBODY = 65534;

const isRoot = process.getuid?.() === 0;

/** The command as an ordinary user runs it: without capabilities, groups, or a way to get any. Its output stays ours. */
export function asOrdinaryUser(command: readonly string[]): string[] {
	if (!isRoot) return [...command];
	const who = [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups", "--no-new-privs"];
	// Whom the kernel is to end with us is forgotten when the user changes, so it has to be said again.
	return ["setpriv", ...who, "--bounding-set=-all", "--inh-caps=-all", "--pdeathsig=KILL", ...command];
}

/** A scratch directory that belongs to that user. */
export function ordinaryUsersDirectory(): string {
	const directory = scratchDirectory();
	if (isRoot) chownSync(directory, NOBODY, NOBODY);
	return directory;
}

/** Gives a file to that user. */
export function giveToOrdinaryUser(file: string): void {
	if (isRoot) chownSync(file, NOBODY, NOBODY);
}
