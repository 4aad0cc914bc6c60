/**
 * Puts tap together into one file, build/node_modules/tap/, where Node finds it for what is compiled below build/: every test loads it, some twice, and
 * its two hundred and sixty files took as long as all that most tests do. And one thing is left out: tap follows each promise of a file, from when it
 * is made until it is collected, to tell to which case an exception belongs that nobody waits for; of tests that are all promises that was half
 * the work. Such an exception now ends the file, with its stack, which is a failure too. Called by scripts/setup and `npm run build`.
 */

import { writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const project = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const outdir = path.join(project, "build/node_modules/tap");
/** What some of its files, which are CommonJS or ask where they are, find around them. */
const around = `import { createRequire as requireFrom } from "node:module";
const require = requireFrom(import.meta.url);
const { pathname: __filename } = new URL(import.meta.url);
const { pathname: __dirname } = new URL(".", import.meta.url);`;
/** What takes the place of two of its packages, as much of it as it uses: nothing is watched, and processes are started without a part of it in them. */
const instead = {
	"async-hook-domain":
		"export class Domain { constructor(onerror) { this.onerror = onerror; } destroy() {} }",
	"@tapjs/processinfo": 'import { spawn } from "node:child_process"; export const ProcessInfo = { spawn };',
};
/** In a stack of calls its own are left out, as they are of its packages. */
const entry = `import { addIgnoredPackage } from "@tapjs/stack";
addIgnoredPackage("tap");
export * from "tap";
export { default } from "tap";`;

const inTheirPlace = {
	name: "in-their-place",
	setup({ onResolve, onLoad }) {
		onResolve({ filter: /^(?:async-hook-domain|@tapjs\/processinfo)$/ }, ({ path }) => ({
			path,
			namespace: "instead",
		}));
		onLoad({ filter: /./, namespace: "instead" }, ({ path }) => ({ contents: instead[path] }));
	},
};

await build({
	absWorkingDir: project,
	stdin: { contents: entry, resolveDir: project },
	outfile: path.join(outdir, "index.js"),
	bundle: true,
	platform: "node",
	format: "esm",
	target: "node20",
	banner: { js: around },
	plugins: [inTheirPlace],
	logLevel: "warning",
});
writeFileSync(
	path.join(outdir, "package.json"),
	JSON.stringify({ name: "tap", type: "module", exports: "./index.js" }),
);
