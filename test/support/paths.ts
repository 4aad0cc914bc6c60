/**
 * Where things are, for tests and the demo: they run from `build/`, what is not TypeScript lies in the source tree.
 * Also the command under test, so that the same tests can be held against another AoE server.
 */

import { existsSync, statSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

/** The top directory of the project. */
export const PROJECT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../..");

/** A file of the source tree, named from the top directory. */
export function sourceFile(...parts: string[]): string {
	return path.join(PROJECT, ...parts);
}

/** Debian's vblade 25, which our answers are compared with. */
export const VBLADE25 = "/usr/sbin/vblade";

/**
 * The command that the tests run as `vblade`, without its arguments. `VBLADE=/usr/sbin/vblade` in the environment puts
 * another server in its place: a test of the tests.
 */
export function vbladeCommand(): string[] {
	const { VBLADE: other } = process.env;
	return [other || builtVblade(PROJECT)];
}

/**
 * The program as it is built in a checkout of this project, perhaps one of when it was not put together yet. Throws if it has been
 * compiled since: then it is not what its sources say.
 */
export function builtVblade(checkout: string): string {
	const program = path.join(checkout, "build/bin/vblade.js");
	if (!existsSync(program)) return path.join(checkout, "build/lib/cli/vblade.js");
	// Written by the compiler whenever it has found something to do.
	const compiled = path.join(checkout, "build/.tsbuildinfo");
	if (existsSync(compiled) && statSync(compiled).mtimeMs > statSync(program).mtimeMs)
		throw new Error(`${program} is older than what it is made of: npm run build`);
	return program;
}
