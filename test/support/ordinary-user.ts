/**
 * Programs that run as somebody without any privilege, also when the tests run as root: for tests of what works without.
 * Used by the tests that put our server before QEMU.
 */

import { chownSync, mkdirSync, statSync } from "node:fs";
import path from "node:path";
import { scratchDirectory } from "./cleanup.js";
import { PROJECT } from "./paths.js";

/** `nobody`, who owns nothing. A number, for it has this one everywhere and needs no entry in /etc/passwd. */
const NOBODY = 65534;

const isRoot = process.getuid?.() === 0;

/**
 * The command as an ordinary user runs it: without capabilities, groups, or a way to get any. Its output stays ours. `user`:
 * a number that nobody else has, where it matters what else runs as the same one.
 */
export function asOrdinaryUser(command: readonly string[], user = NOBODY): string[] {
	if (!isRoot) return [...command];
	const who = [`--reuid=${user}`, `--regid=${user}`, "--clear-groups", "--no-new-privs"];
	// Whom the kernel is to end with us is forgotten when the user changes, so it has to be said again.
	const setpriv = ["setpriv", ...who, "--bounding-set=-all", "--inh-caps=-all", "--pdeathsig=KILL"];
	return [...reachable(), ...setpriv, ...command];
}

/**
 * Puts a private folder that all may enter in place of one that others may not ($1), with all that is in the project ($2)
 * where it was. $3 is a folder to hold the project meanwhile; the command follows.
 */
const OPEN_FOLDER = `
set -e
closed=$1 project=$2 hold=$3
shift 3
mount --bind "$project" "$hold"
mount -t tmpfs -o mode=755 vblade-test "$closed"
mkdir -p "$project"
for from in "$hold"/*; do
	to=$project/\${from##*/}
	if [ -d "$from" ]; then mkdir "$to"; else : >"$to"; fi
	mount --bind "$from" "$to"
done
exec "$@"`;

/** The beginning of a command that can be run from this checkout by others, though it may lie in a folder closed to them. */
function reachable(): string[] {
	const closed = foldersTo(PROJECT).find((folder) => (statSync(folder).mode & 0o001) === 0);
	if (closed === undefined) return [];
	const hold = path.join(scratchDirectory(), "project");
	mkdirSync(hold);
	return ["unshare", "--mount", "sh", "-c", OPEN_FOLDER, "sh", closed, PROJECT, hold];
}

/** A folder and those it lies in, the topmost first. */
function foldersTo(folder: string): string[] {
	const parent = path.dirname(folder);
	return parent === folder ? [folder] : [...foldersTo(parent), folder];
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
