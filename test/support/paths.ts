/**
 * Where things are, for tests and the demo: they run from `build/`, what is not TypeScript lies in the source tree.
 * Also the command under test, so that the same tests can be held against another AoE server.
 */

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

/** The program as it is compiled in a checkout of this project. */
export function builtVblade(checkout: string): string {
	return path.join(checkout, "build/lib/cli/vblade.js");
}
