/**
 * Joins what tsc has compiled for the program into a few files, build/bin/: the command `vblade`, and what it loads later. Nothing is
 * changed but how often Node has to look for a file, which was a third of the time that a start takes and grows with
 * every file of lib/. Packages stay outside. The files of the daemon's page are put beside it as they are, with the package that draws
 * its curves. Called by scripts/setup and `npm run build`, after the compiler.
 */

import { chmodSync, cpSync, rmSync } from "node:fs";
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

const page = path.join(outdir, "page");
const isOfPage = (file) => !/\.json$/.test(file);
cpSync(path.join(project, "lib/control/page"), page, { recursive: true, filter: isOfPage });
const uplot = path.dirname(path.dirname(fileURLToPath(import.meta.resolve("uplot/dist/uPlot.esm.js"))));
for (const file of ["dist/uPlot.esm.js", "dist/uPlot.min.css", "LICENSE"])
	cpSync(path.join(uplot, file), path.join(page, "uplot", path.basename(file)));
