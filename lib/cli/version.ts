/** Which version this is. Asked by the commands that say so. */

import { readFileSync } from "node:fs";
import path from "node:path";
import { packageDirectory } from "../addon.js";

/** The version in this package's package.json. */
export function packageVersion(): string {
	const manifest: unknown = JSON.parse(readFileSync(path.join(packageDirectory(), "package.json"), "utf8"));
	const { version } = manifest as { version: string };
	return version;
}
