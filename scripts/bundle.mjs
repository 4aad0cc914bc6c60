/**
 * Joins what tsc has compiled for the program into a few files, build/bin/: the command `vblade`, and what it loads later. Nothing is
 * changed but how often Node has to look for a file, which was a third of the time that a start takes and grows with
 * every file of lib/. Packages stay outside; those that every start loads, which are a hundred and ninety files, and those of workers are one file each,
 * and the compiled tests get these too. The files of the daemon's page are put beside it as they are, with the package that draws
 * its curves. Called by scripts/setup and `npm run build`, after the compiler.
 */

import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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

/** Packages that are put together, and what is exported of each. */
const TOGETHER = {
	winston: 'export { default } from "winston";',
	zod: 'export * from "zod";',
	"smol-toml": 'export * from "smol-toml";',
	// (All of it at once: a worker can read no file later. It has a parser that is loaded with the first answer.)
	undici: [
		'import api from "undici/lib/api/index.js";',
		'import Dispatcher from "undici/lib/dispatcher/dispatcher.js";',
		'export { default as Pool } from "undici/lib/dispatcher/pool.js";',
		"Object.assign(Dispatcher.prototype, api);",
	].join("\n"),
};

/** The folder of the package that a file belongs to. */
function packageOf(file) {
	return /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0];
}

/** Of zod's messages in fifty languages there are those in one. */
const inEnglish = {
	name: "in-english",
	setup: ({ onLoad }) =>
		onLoad({ filter: /\/zod\/v4\/locales\/index\.js$/ }, () => ({
			contents: 'export { default as en } from "./en.js";',
			resolveDir: path.join(project, "node_modules/zod/v4/locales"),
		})),
};

/** Puts a package with all that it needs into one file beside the program. Returns the folders of what is in it. */
async function together([name, contents]) {
	const { metafile } = await build({
		absWorkingDir: project,
		stdin: { contents, resolveDir: project },
		outfile: path.join(outdir, `${name}.js`),
		bundle: true,
		platform: "node",
		format: "esm",
		target: "node20",
		metafile: true,
		minifySyntax: true,
		minifyWhitespace: true,
		plugins: [inEnglish],
		logLevel: "warning",
		banner: {
			js: 'import { createRequire as requireFrom } from "node:module";\nconst require = requireFrom(import.meta.url);',
		},
	});
	// Where Node finds it for what is compiled below build/.
	const forTests = path.join(project, "build/node_modules", name);
	mkdirSync(forTests, { recursive: true });
	writeFileSync(
		path.join(forTests, "package.json"),
		JSON.stringify({ name, type: "module", exports: "./index.js" }),
	);
	const what = contents.includes("{ default }") ? "{ default }" : "*";
	writeFileSync(path.join(forTests, "index.js"), `export ${what} from "../../bin/${name}.js";`);
	return Object.keys(metafile.inputs).map(packageOf);
}

/** The licence of a package, which goes with every copy. */
function licenceOf(folder) {
	const from = path.join(project, folder);
	const file = readdirSync(from).find((each) => /^licen[cs]e/i.test(each));
	const { name, version, license } = JSON.parse(readFileSync(path.join(from, "package.json"), "utf8"));
	const text = file === undefined ? "" : readFileSync(path.join(from, file), "utf8").trim();
	return `${name} ${version} (${license})\n\n${text}\n`;
}

const isTogether = new RegExp(`^(?:${Object.keys(TOGETHER).join("|")})$`);
/** What is put together is beside each part that imports it. */
const beside = {
	name: "beside",
	setup: ({ onResolve }) =>
		onResolve({ filter: isTogether }, ({ path }) => ({ path: `./${path}.js`, external: true })),
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

const folders = (await Promise.all(Object.entries(TOGETHER).map(together))).flat();
const licences = [...new Set(folders)].filter((folder) => folder !== undefined).map(licenceOf);
writeFileSync(path.join(outdir, "licences.txt"), licences.join("\n"));

// Each way that something is loaded makes parts of its own of what is shared; a server starts with few files if there is only its way.
const toBoth = leavingOut("/cli/vblade.js", () => true);
await build({ ...options, entryPoints: { vblade: "build/lib/cli/vblade.js" }, plugins: [beside, toBoth] });
const toServe = leavingOut("/cli/commands.js", (wanted) => wanted !== "./serve.js");
// (What is wanted once in a life, and shares much with what is always, is put together by itself.)
const rare = "./pools/in-use.js";
const toServeOften = leavingOut("/cli/serve.js", (wanted) => wanted === rare);
await build({ ...options, entryPoints: { "pools/in-use": "build/lib/cli/pools/in-use.js" } });
await build({
	...options,
	entryPoints: { serving: "build/lib/cli/main.js" },
	plugins: [beside, toServe, toServeOften],
});
await build({ ...options, entryPoints: { main: "build/lib/cli/main.js" }, plugins: [beside] });
// As npm makes it when it installs the package.
chmodSync(path.join(outdir, "vblade.js"), 0o755);

const page = path.join(outdir, "page");
const isOfPage = (file) => !/\.json$/.test(file);
cpSync(path.join(project, "lib/control/page"), page, { recursive: true, filter: isOfPage });
const uplot = path.dirname(path.dirname(fileURLToPath(import.meta.resolve("uplot/dist/uPlot.esm.js"))));
for (const file of ["dist/uPlot.esm.js", "dist/uPlot.min.css", "LICENSE"])
	cpSync(path.join(uplot, file), path.join(page, "uplot", path.basename(file)));
