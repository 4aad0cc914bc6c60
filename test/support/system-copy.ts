/**
 * This machine once more, to install packages in: a root file system that has all files of the real one and keeps what is changed in
 * memory, with processes and a network of its own, for a shell in it (`private-shell.ts`). For tests of the Debian package; needs root.
 */

import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync } from "node:fs";
import path from "node:path";
import { scratchDirectory } from "./cleanup.js";
import { LIMIT_MS } from "./limit.js";
import { PRIVATE, PrivateShell } from "./private-shell.js";

const ALONE = ["--net", "--ipc", "--uts"];

/** $1: a folder to do it in; what is in $1/given is in /tmp/given, and what is not as on the machine in /tmp/changed. */
const ENTER = `
set -e
cd "$1"
mount -t tmpfs vblade-test copy
mkdir copy/upper copy/work copy/root
mount -t overlay vblade-test -o lowerdir=/,upperdir=copy/upper,workdir=copy/work copy/root
cd copy/root
mount -t proc proc proc
mount --rbind /dev dev
mount -t tmpfs vblade-test run
mount -t tmpfs vblade-test tmp
cp -R "$1/given" tmp/
mkdir tmp/changed
mount --bind ../upper tmp/changed
`;
/** Then, in its root. */
const SHELL = "exec chroot . sh";

/** Why there can be none here, for `skip`. */
export function copiesMissing(): string | undefined {
	if (process.getuid?.() !== 0) return "a copy of the system needs root";
	if (spawnSync("dpkg", ["--version"]).status !== 0) return "there is no dpkg";
	const [unshare = "", ...own] = PRIVATE;
	const probe = [...own, ...ALONE, "sh", "-c", `${ENTER}true`, "sh"];
	const folder = newFolder();
	return spawnSync(unshare, [...probe, folder], { timeout: LIMIT_MS }).status === 0
		? undefined
		: "an overlay of the root file system can't be mounted here";
}

function newFolder(): string {
	const folder = scratchDirectory();
	for (const name of ["copy", "given"]) mkdirSync(path.join(folder, name));
	return folder;
}

export class SystemCopy extends PrivateShell {
	/** The files are in /tmp/given. `enter`: what becomes the shell, in the root of the copy. */
	constructor(files: readonly string[], enter = SHELL) {
		const folder = newFolder();
		for (const file of files) copyFileSync(file, path.join(folder, "given", path.basename(file)));
		super(ENTER + enter, [folder], ALONE);
	}
}
