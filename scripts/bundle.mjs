/**
 * Joins what tsc has compiled for the program into a few files, build/bin/: the command `vblade`, and what it loads later. Nothing is
 * changed but how often Node has to look for a file, which was a third of the time that a start takes and grows with
 * every file of lib/. Packages stay outside. Called by scripts/setup and `npm run build`, after the compiler.
 */

import { chmodSync, rmSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const project = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const outdir = path.join(project, "build/bin");

// Parts are named for what is in them; those of before would stay.
rmSync(outdir, { recursive: true, force: true });
await build({
	absWorkingDir: project,
	entryPoints: ["build/lib/cli/vblade.js"],
	outdir,
	bundle: true,
	splitting: true,
	packages: "external",
	platform: "node",
	format: "esm",
	target: "node20",
	// To the sources in TypeScript, for whoever asks Node for them.
	sourcemap: true,
	logLevel: "warning",
});
// As npm makes it when it installs the package.
chmodSync(path.join(outdir, "vblade.js"), 0o755);
