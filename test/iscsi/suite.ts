/**
 * libiscsi's suite, iscsi-test-cu(1), one test at a time: each in a process of its own, as in 1.19 some of them leave a hook behind that spoils
 * what follows. Used by `suite.test.ts` and `suite.long.ts`, which have servers.
 */

import { run } from "../support/process.js";

/** Of one test: one sleeps a minute, and again if it is told of something then. */
const LIMIT_MS = 150_000;
const LIST_LIMIT_MS = 10_000;
/** Tests that change the disk are wanted, and those that overwrite all of it. */
const OPTIONS = ["--dataloss", "--allow-sanitize", "--verbose"];

/** Two tests have three parts, and leave out the one of what there is not. */
const PART = /(?<=Test: (?:Readonly|Reservations) .*)\[SKIPPED\] SANITIZE CRYPTO_ERASE is not implemented/s;

export type Verdict = "passed" | "skipped" | "failed";

export interface Outcome {
	readonly verdict: Verdict;
	/** The first line that says why it did not pass. */
	readonly why: string;
	readonly output: string;
}

/** Names of all its tests, `Family.Test`. */
export async function testNames(): Promise<string[]> {
	const { stdout } = await run(["iscsi-test-cu", "--list"], LIST_LIMIT_MS);
	return [...stdout.matchAll(/^ALL\.(\w+\.[\w-]+)$/gm)].map(([, name = ""]) => name);
}

/** Tests that want two paths. (Others leave what they have brought about to be told by the other one, which then takes it for an error.) */
const OF_PATHS = /^Multipath/;

/** `paths`: URLs of two paths to the same LUN. All that is on it is lost. */
export async function runTest(name: string, paths: readonly [string, string]): Promise<Outcome> {
	const urls = OF_PATHS.test(name) ? paths : paths.slice(0, 1);
	const command = ["iscsi-test-cu", ...OPTIONS, `--test=ALL.${name}`, ...urls];
	try {
		const { code, signal, output } = await run(command, LIMIT_MS);
		return outcome(output, code ?? signal);
	} catch (error) {
		return { verdict: "failed", why: "it does not end", output: String(error) };
	}
}

/** What its words mean: CUnit calls a test passed that has skipped itself. */
export function outcome(output: string, exit: number | string | null): Outcome {
	// "              tests      1      1      1      0        0": in all, run, passed, failed, inactive.
	const [, ran, failed] = /^ +tests +\d+ +(\d+) +\d+ +(\d+) /m.exec(output) ?? [];
	// What an assertion says, and what was said before.
	const lines = [/^ +\d+\. .*/m, /\[(?:FAILED|SKIPPED)\].*/].map((pattern) =>
		pattern.exec(output)?.[0]?.trim(),
	);
	const why = lines.filter((line) => line !== undefined).join(" ");
	if (ran !== "1")
		return { verdict: "failed", why: `no result, exit status ${exit}: ${lastLine(output)}`, output };
	if (failed !== "0") return { verdict: "failed", why, output };
	if (output.replace(PART, "").includes("[SKIPPED]")) return { verdict: "skipped", why, output };
	return { verdict: "passed", why: "", output };
}

function lastLine(output: string): string {
	return output.trimEnd().split("\n").at(-1) ?? "";
}
