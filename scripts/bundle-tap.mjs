/**
 * Puts tap together into one file, build/node_modules/tap/, where Node finds it for what is compiled below build/: every test loads it, some twice, and
 * its two hundred and sixty files took as long as all that most tests do. Beside it is what V8 has compiled of it, as far as a test uses it, so that
 * this is not done again four hundred times; a V8 that has no use for that compiles it. And one thing is left out: tap follows each promise of a file,
 * from when it is made until it is collected, to tell to which case an exception belongs that nobody waits for; of tests that are all promises that
 * was half the work. Such an exception now ends the file, with its stack, which is a failure too. Called by scripts/setup and `npm run build`.
 */

import { execFileSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const project = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const outdir = path.join(project, "build/node_modules/tap");
const COMPILE_LIMIT_MS = 60_000;
/** Those of its files that ask where they are find it around them, and what files in CommonJS do. */
const AROUND = ["(function (require, module, exports, __filename, __dirname, fileUrl) {", "})"];
/** What takes the place of two of its packages, as much of it as it uses: nothing is watched, and processes are started without a part of it in them. */
const instead = {
	"async-hook-domain":
		"export class Domain { constructor(onerror) { this.onerror = onerror; } destroy() {} }",
	"@tapjs/processinfo": 'import { spawn } from "node:child_process"; export const ProcessInfo = { spawn };',
};
/** In a stack of calls its own are left out, as they are of its packages. */
const ENTRY = `import { addIgnoredPackage } from "@tapjs/stack";
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

/** What tests import: it runs what was put together. */
const INDEX = `import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { Script } from "node:vm";

const folder = path.dirname(fileURLToPath(import.meta.url));
const filename = path.join(folder, "tap.cjs");
let cachedData;
try {
	cachedData = readFileSync(path.join(folder, "tap.compiled"));
} catch {
	// It is being made.
}
// (All of it is ASCII.)
export const script = new Script(readFileSync(filename, "latin1"), { filename, cachedData });
const module = { exports: {} };
script.runInThisContext()(createRequire(import.meta.url), module, module.exports, filename, folder, import.meta.url);
export default module.exports.default;
`;
/** A test, for V8 to compile what tests need. */
const USE = `import { writeFileSync } from "node:fs";
import t, { script } from "tap";

t.test("a case", async (t) => {
	t.comment("it says something");
	t.teardown(() => {});
	t.ok(true);
	t.equal(1, 1);
	t.not(1, 2);
	t.match({ a: 1, b: "text" }, { b: /^t/ });
	t.notMatch("text", /a/);
	t.strictSame([1, { a: 2 }], [1, { a: 2 }]);
	t.throws(() => JSON.parse("{"), SyntaxError);
	await t.rejects(Promise.reject(new Error("no")), { message: "no" });
	await t.test("one in it", async (t) => t.pass());
	t.test("one that is not for now", { skip: "why" }, async () => {});
});
t.teardown(() => writeFileSync(process.argv[2], script.createCachedData()));
`;

await build({
	absWorkingDir: project,
	stdin: { contents: ENTRY, resolveDir: project },
	outfile: path.join(outdir, "tap.cjs"),
	bundle: true,
	platform: "node",
	format: "cjs",
	target: "node20",
	minifySyntax: true,
	minifyWhitespace: true,
	define: { "import.meta.url": "fileUrl" },
	banner: { js: AROUND[0] },
	footer: { js: AROUND[1] },
	plugins: [inTheirPlace],
	logLevel: "warning",
});
writeFileSync(
	path.join(outdir, "package.json"),
	JSON.stringify({ name: "tap", type: "module", exports: "./index.js" }),
);
writeFileSync(path.join(outdir, "index.js"), INDEX);
// What was compiled of another tap is of no use.
const compiled = path.join(outdir, "tap.compiled");
rmSync(compiled, { force: true });
writeFileSync(path.join(outdir, "use.js"), USE);
execFileSync(process.execPath, [path.join(outdir, "use.js"), compiled], {
	stdio: ["ignore", "ignore", "inherit"],
	timeout: COMPILE_LIMIT_MS,
});
