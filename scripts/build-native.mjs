// Builds the addons with node-gyp, native/ into native/build/Release and the load generator of native/bench/ likewise, unless
// those that load are there already. Run by npm as this package's install script. Node's own headers are used where they are installed beside node (<prefix>/include/node), so
// that a machine without a way to download them can build too.
// usage: node scripts/build-native.mjs [--force] [--prebuild | --sanitize]
//   --force      build whatever is there (npm run build:native)
//   --prebuild   then put copies into native/prebuilds and native/bench/prebuilds, which are published: with them, installing
//                needs no compiler
//   --sanitize   build with AddressSanitizer and UndefinedBehaviorSanitizer, into build/asan (for check-native.mjs)

import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

const require = createRequire(import.meta.url);
const packageDir = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const nativeDir = path.join(packageDir, "native");
/** Each addon has a folder with a binding.gyp of its own, for node-gyp-build finds one in each. */
const ADDONS = [
	{ name: "vblade", folder: "." },
	{ name: "vblade_load", folder: "bench" },
];
const MADE = ["build", "prebuilds"];
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

/** Builds an addon if that is asked for, or if there is none that loads. */
function buildFor(name, dir) {
	if (!wants("--force") && !wants("--prebuild") && loads(dir)) return;
	build(dir, {});
	if (!wants("--prebuild")) return;
	const prebuilt = `prebuilds/${process.platform}-${process.arch}/${name}.napi.glibc.node`;
	cpSync(path.join(dir, `build/Release/${name}.node`), path.join(dir, prebuilt));
}

/** A build folder belongs to the folder of its sources; so other flags need other sources: links to the same files. */
function buildSanitized() {
	const dir = path.join(packageDir, "build/asan");
	const sanitizers = "-fsanitize=address,undefined -fno-sanitize-recover=all";
	const flags = { CFLAGS: `-O1 -g ${sanitizers}`, LDFLAGS: sanitizers };
	rmSync(dir, { recursive: true, force: true });
	for (const { folder } of ADDONS) {
		mkdirSync(path.join(dir, folder), { recursive: true });
		for (const name of readdirSync(path.join(nativeDir, folder)))
			if (!MADE.includes(name) && !ADDONS.some((addon) => addon.folder === name))
				symlinkSync(path.join(nativeDir, folder, name), path.join(dir, folder, name));
	}
	for (const { folder } of ADDONS) build(path.join(dir, folder), flags);
}

if (wants("--sanitize")) {
	buildSanitized();
} else {
	for (const { name, folder } of ADDONS) buildFor(name, path.join(nativeDir, folder));
}
