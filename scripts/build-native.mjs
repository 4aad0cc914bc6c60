// Builds native/ with node-gyp into native/build/Release. Run by npm as this package's install script and by
// `npm run build:native` (--force). Node's own headers are used where they are installed beside node
// (<prefix>/include/node), so that a machine without a way to download them can build too.

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

const nativeDir = path.join(path.dirname(path.dirname(fileURLToPath(import.meta.url))), "native");
if (!process.argv.includes("--force") && existsSync(path.join(nativeDir, "build/Release/vblade.node"))) process.exit(0);

const nodeGyp = createRequire(import.meta.url).resolve("node-gyp/bin/node-gyp.js");
const prefix = path.dirname(path.dirname(process.execPath));
const args = [nodeGyp, "rebuild", "--silent", "-C", nativeDir];
if (existsSync(path.join(prefix, "include/node/node_api.h"))) args.push(`--nodedir=${prefix}`);
const { status } = spawnSync(process.execPath, args, { stdio: "inherit" });
process.exit(status ?? 1);
