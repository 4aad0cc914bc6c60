/**
 * Runs tests with tap: shows each file as it ends and what failed in it, and counts assertions for the last line, which is
 * "N passed, N failed, N skipped". A file that crashed or took too long is a failure, though none of its assertions failed.
 * Called by `scripts/test`: node run-tests.js RESULTS TIMEOUT_SECONDS FILE...
 *
 * Leaves all that tap wrote in the file RESULTS. Exits with 0 only if nothing failed, something passed and, where the
 * environment says CI=true, nothing was skipped.
 */

import { spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { sourceFile } from "../test/support/paths.js";
import { Counter, type FileResult } from "./tap-counter.js";

/** One more than the cores of the smallest machine that runs this: many tests wait most of the time. */
const JOBS = 3;

const [results = "", timeoutSeconds = "", ...files] = process.argv.slice(2);
const skipped: string[] = [];
const counter = new Counter(show);

function show({ name, lines, passed, failed, skipped: names, milliseconds }: FileResult): void {
	const file = path.relative("build", name).replace(/\.js$/, "");
	const counts = `${passed} passed${names.length > 0 ? `, ${names.length} skipped` : ""}`;
	console.log(`${failed > 0 ? "FAIL" : "ok  "} ${file} (${counts}, ${(milliseconds / 1000).toFixed(1)} s)`);
	skipped.push(...names.map((what) => `${file}: ${what}`));
	if (failed > 0) console.log(lines.filter((line) => !/^ *ok /.test(line)).join("\n"));
}

const tap = spawn(
	process.execPath,
	[
		sourceFile("node_modules/tap/dist/esm/run.mjs"),
		...["--reporter=tap", `--timeout=${timeoutSeconds}`, `--jobs=${JOBS}`, ...files],
	],
	{ stdio: ["ignore", "pipe", "inherit"] },
);
const record = createWriteStream(results);
for await (const line of createInterface({ input: tap.stdout })) {
	record.write(`${line}\n`);
	counter.line(line);
}
record.end();
counter.end();
const ended = await new Promise<boolean>((resolve) => {
	if (tap.exitCode !== null || tap.signalCode !== null) resolve(tap.exitCode === 0);
	else tap.on("exit", (code) => resolve(code === 0));
});
const { passed } = counter;
const missing = files.length - counter.files;
if (missing > 0) console.log(`FAIL ${missing} of ${files.length} files did not come to an end`);
const failed = Math.max(counter.failed + missing, ended ? 0 : 1);
const { CI } = process.env;
const forbidden = CI === "true" && skipped.length > 0;
if (skipped.length > 0)
	console.log(`skipped${forbidden ? ", which CI does not allow" : ""}:\n  ${skipped.join("\n  ")}`);
console.log(`${passed} passed, ${failed} failed, ${counter.skipped} skipped`);
process.exitCode = failed > 0 || passed === 0 || forbidden ? 1 : 0;
