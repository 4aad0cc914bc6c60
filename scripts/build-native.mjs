// Builds native/ with node-gyp into native/build/Release, unless an addon that loads is there already. Run by npm as this
// package's install script. Node's own headers are used where they are installed beside node (<prefix>/include/node), so
// that a machine without a way to download them can build too.
// usage: node scripts/build-native.mjs [--force] [--prebuild | --sanitize]
//   --force      build whatever is there (npm run build:native)
//   --prebuild   then put a copy into native/prebuilds, which is published: with it, installing needs no compiler
//   --sanitize   build with AddressSanitizer and UndefinedBehaviorSanitizer, into build/asan (for check-native.mjs)

import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

const require = createRequire(import.meta.url);
const packageDir = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const nativeDir = path.join(packageDir, "native");
const wants = (option) => process.argv.includes(option);

function loads(dir) {
	try {
		require("node-gyp-build")(dir);
		return true;
	} catch {
		return false;
	}
}

/** node-gyp: ours in a checkout; where the package is installed from npm, the one that npm brings and names. */
function nodeGyp() {
	try {
		return require.resolve("node-gyp/bin/node-gyp.js");
	} catch (error) {
		const npms = process.env.npm_config_node_gyp;
		if (npms) return npms;
		throw error;
	}
}

/** Builds what is in `dir`, with flags added to those of its binding.gyp. Ends this process if that fails. */
function build(dir, flags) {
	const prefix = path.dirname(path.dirname(process.execPath));
	const args = [nodeGyp(), "rebuild", "--silent", "-C", dir];
	if (existsSync(path.join(prefix, "include/node/node_api.h"))) args.push(`--nodedir=${prefix}`);
	const { status } = spawnSync(process.execPath, args, {
		stdio: "inherit",
		env: { ...process.env, ...flags },
	});
	if (status !== 0) process.exit(status ?? 1);
}

/** A build folder belongs to the folder of its sources; so other flags need other sources: links to the same files. */
function buildSanitized() {
	const dir = path.join(packageDir, "build/asan");
	rmSync(dir, { recursive: true, force: true });
	mkdirSync(dir, { recursive: true });
	for (const name of readdirSync(nativeDir).filter((name) => name !== "build" && name !== "prebuilds"))
		symlinkSync(path.join(nativeDir, name), path.join(dir, name));
	const sanitizers = "-fsanitize=address,undefined -fno-sanitize-recover=all";
	build(dir, { CFLAGS: `-O1 -g ${sanitizers}`, LDFLAGS: sanitizers });
}

if (wants("--sanitize")) {
	buildSanitized();
} else if (wants("--force") || wants("--prebuild") || !loads(nativeDir)) {
	build(nativeDir, {});
	const { platform, arch } = process;
	if (wants("--prebuild"))
		cpSync(
			path.join(nativeDir, "build/Release/vblade.node"),
			path.join(nativeDir, `prebuilds/${platform}-${arch}/vblade.napi.glibc.node`),
		);
}
