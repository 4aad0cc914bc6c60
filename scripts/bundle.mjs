/**
 * Joins what tsc has compiled for the program into a few files, build/bin/: the command `vblade`, and what it loads later. Nothing is
 * changed but how often Node has to look for a file, which was a third of the time that a start takes and grows with
 * every file of lib/. Packages stay outside. The files of the daemon's page are put beside it as they are, with the package that draws
 * its curves. Called by scripts/setup and `npm run build`, after the compiler.
 */

import { chmodSync, copyFileSync, cpSync, rmSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const project = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const outdir = path.join(project, "build/bin");

// Parts are named for what is in them; those of before would stay.
rmSync(outdir, { recursive: true, force: true });
const options = {
	absWorkingDir: project,
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
};

/** Leaves imports of a file out that `isLeftOut` is true for: they are looked for when they are wanted. */
function leavingOut(file, isLeftOut) {
	return {
		name: `leaving-out-of${file}`,
		setup: ({ onResolve }) =>
			onResolve({ filter: /^\.\// }, ({ importer, kind, path: wanted }) =>
				kind === "dynamic-import" && importer.endsWith(file) && isLeftOut(wanted)
					? { path: wanted, external: true }
					: undefined,
			),
	};
}

// Each way that something is loaded makes parts of its own of what is shared; a server starts with few files if there is only its way.
const toBoth = leavingOut("/cli/vblade.js", () => true);
await build({ ...options, entryPoints: { vblade: "build/lib/cli/vblade.js" }, plugins: [toBoth] });
const toServe = leavingOut("/cli/commands.js", (wanted) => wanted !== "./serve.js");
// (What is wanted once in a life, and shares much with what is always, is put together by itself.)
const rare = "./pools/in-use.js";
const toServeOften = leavingOut("/cli/serve.js", (wanted) => wanted === rare);
await build({ ...options, entryPoints: { "pools/in-use": "build/lib/cli/pools/in-use.js" } });
await build({
	...options,
	entryPoints: { serving: "build/lib/cli/main.js" },
	plugins: [toServe, toServeOften],
});
await build({ ...options, entryPoints: { main: "build/lib/cli/main.js" } });
// Threads of TLS run this file, whose text is looked for beside the parts.
copyFileSync(path.join(project, "build/lib/tls/tls-thread.js"), path.join(outdir, "tls-thread.js"));
// As npm makes it when it installs the package.
chmodSync(path.join(outdir, "vblade.js"), 0o755);

const page = path.join(outdir, "page");
const isOfPage = (file) => !/\.json$/.test(file);
cpSync(path.join(project, "lib/control/page"), page, { recursive: true, filter: isOfPage });
const uplot = path.dirname(path.dirname(fileURLToPath(import.meta.resolve("uplot/dist/uPlot.esm.js"))));
for (const file of ["dist/uPlot.esm.js", "dist/uPlot.min.css", "LICENSE"])
	cpSync(path.join(uplot, file), path.join(page, "uplot", path.basename(file)));
