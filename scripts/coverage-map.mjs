// Which files coverage is for, whatever the test: all of lib/. Read by tap for scripts/coverage. The compiled files lead to
// these by their source maps.

import { readdirSync } from "node:fs";
import path from "node:path";

const files = readdirSync("lib", { recursive: true })
	.filter((name) => name.endsWith(".ts"))
	.map((name) => path.join("lib", name));

export default () => files;
