/**
 * Finds and loads what is compiled from `native/`: the addon itself, for `native.ts`, and the load generator, for
 * `client/load-addon.ts`. Each is in a folder of its own, built there by node-gyp or brought along by the package.
 */

import { existsSync, realpathSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

/** The top folder of the package, seen from lib/, build/lib/ and build/bin/ alike. Throws if it is not there as a whole. */
export function packageDirectory(): string {
	let dir = path.dirname(fileURLToPath(import.meta.url));
	while (!existsSync(path.join(dir, "native", "binding.gyp"))) {
		const parent = path.dirname(dir);
		if (parent === dir) throw new Error("vblade is not installed completely: the folder native/ is missing");
		dir = parent;
	}
	return dir;
}

/**
 * The folder `native/` of the package. `VBLADE_ADDON` names another one: a build for tests (`npm run check:native`), which the
 * package's folder `build/` must have; what is elsewhere is never loaded.
 */
function findNativeDir(): string {
	const dir = packageDirectory();
	const { VBLADE_ADDON: forTests = "" } = process.env;
	const builds = path.join(realpathSync(dir), "build") + path.sep;
	if (existsSync(forTests) && realpathSync(forTests).startsWith(builds)) return forTests;
	return path.join(dir, "native");
}

const nodeGypBuild = createRequire(import.meta.url)("node-gyp-build") as (dir: string) => unknown;

/** What the addon of this folder below `native/` exports. Throws if it is not there, or is not for this machine. */
export function loadAddon(folder: "." | "bench"): unknown {
	return nodeGypBuild(path.join(findNativeDir(), folder));
}
