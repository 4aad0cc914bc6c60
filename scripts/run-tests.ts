/**
 * Runs tests, some at once: shows each file as it ends and what failed in it, and counts assertions for the last line, which is
 * "N passed, N failed, N skipped". A file that crashed or took too long is a failure, though none of its assertions failed.
 * Called by `scripts/test`: node run-tests.js RESULTS TIMEOUT_SECONDS FILE...
 *
 * Leaves all that they said in the file RESULTS, as TAP. Exits with 0 only if nothing failed, something passed and, where the
 * environment says CI=true, nothing was skipped.
 */

import { createWriteStream, existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { endAll, runFile } from "./run-file.js";
import { Counter, type FileResult } from "./tap-counter.js";

/** Three times the cores of the smallest machine that runs this: many tests wait most of the time. */
const JOBS = 6;
/** What takes longest is begun first: as one of the last it would run alone. By the last results, and where there are none: */
const LONGEST =
	/test\/(?:kernel|page|package|soak|sim|server\/steady|native\/(?:core|threads)|block\/file\.|daemon\/|netns\/|faults\/|object\/services|object-server\/killed|cli\/(?:asking\/pool|streams|differences)|pool\/(?:crash|faults|space-back|scrub|store\/(?:whole|object)))/;
/** Each of these has several daemons, and services beside them, all busy: more at once would take longer than what waits for them does. */
const HEAVY = /test\/(?:daemon\/(?:store|both|replica)|kernel)/;
const HEAVY_JOBS = 2;
/** So many files are named at the end that took most of a processor. */
const MOST_NAMED = 10;

const [results = "", timeoutSeconds = "", ...files] = process.argv.slice(2);

const skipped: string[] = [];
/** Of each file that has ended; see `FileRun`. */
const cpuSeconds = new Map<string, number>();
const counter = new Counter(show);

function shown(name: string): string {
	return path.relative("build", name).replace(/\.js$/, "");
}

function show({ name, lines, passed, failed, skipped: names, milliseconds }: FileResult): void {
	const file = shown(name);
	const counts = `${passed} passed${names.length > 0 ? `, ${names.length} skipped` : ""}`;
	const took = `${(milliseconds / 1000).toFixed(1)} s, ${(cpuSeconds.get(name) ?? 0).toFixed(1)} s of a processor`;
	console.log(`${failed > 0 ? "FAIL" : "ok  "} ${file} (${counts}, ${took})`);
	skipped.push(...names.map((what) => `${file}: ${what}`));
	if (failed > 0) console.log(lines.filter((line) => !/^ *ok /.test(line)).join("\n"));
}

/** What files took in the run before, as its results say: milliseconds. */
function timesIn(file: string): Map<string, number> {
	if (!existsSync(file)) return new Map();
	const lines = readFileSync(file, "utf8").matchAll(/^ok \d+ - (\S+) # time=([\d.]+)ms$/gm);
	return new Map([...lines].map(([, name = "", ms]) => [name, Number(ms)]));
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
	process.once(signal, () => {
		endAll(signal);
		process.kill(process.pid, signal);
	});
const times = timesIn(results);
const record = createWriteStream(results);
const tell = (line: string): void => {
	record.write(`${line}\n`);
	counter.line(line);
};
const timeOf = (file: string): number => times.get(file) ?? (LONGEST.test(file) ? Number.MAX_VALUE : 0);
const left = files.toSorted((one, other) => timeOf(other) - timeOf(one));
let ended = 0;

let heavy = 0;

/** Undefined: whoever runs a heavy one goes on with what is left. */
function next(): string | undefined {
	const index = left.findIndex((file) => heavy < HEAVY_JOBS || !HEAVY.test(file));
	return index < 0 ? undefined : left.splice(index, 1)[0];
}

async function work(): Promise<void> {
	for (let file = next(); file !== undefined; file = next()) {
		const isHeavy = HEAVY.test(file);
		if (isHeavy) heavy += 1;
		const { said, result, more, cpuSeconds: used } = await runFile(file, Number(timeoutSeconds));
		if (isHeavy) heavy -= 1;
		cpuSeconds.set(file, used);
		ended += 1;
		tell(`# Subtest: ${file}`);
		for (const line of said) tell(`    ${line}`);
		tell(result(ended));
		for (const line of more) tell(`  ${line}`);
	}
}

tell("TAP version 14");
await Promise.all(Array.from({ length: JOBS }, work));
tell(`1..${ended}`);
record.end();
counter.end();
const { passed } = counter;
const missing = files.length - counter.files;
if (missing > 0) console.log(`FAIL ${missing} of ${files.length} files did not come to an end`);
const failed = counter.failed + missing;
const { CI } = process.env;
const forbidden = CI === "true" && skipped.length > 0;
if (skipped.length > 0)
	console.log(`skipped${forbidden ? ", which CI does not allow" : ""}:\n  ${skipped.join("\n  ")}`);
const used = [...cpuSeconds.values()].reduce((sum, seconds) => sum + seconds, 0);
console.log(`${used.toFixed(0)} s of a processor, the most of it:`);
for (const [name, seconds] of [...cpuSeconds].sort(([, one], [, other]) => other - one).slice(0, MOST_NAMED))
	console.log(`  ${seconds.toFixed(1).padStart(5)} s ${shown(name)}`);
console.log(`${passed} passed, ${failed} failed, ${counter.skipped} skipped`);
process.exitCode = failed > 0 || passed === 0 || forbidden ? 1 : 0;
