// All of libiscsi's suite over four kinds of LUN, each with two paths: a test has passed if it passed on one of them and failed on none.

import { execFileSync } from "node:child_process";
import t from "tap";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { programsMissing } from "../support/programs.js";
import { type LunKind, serveLun } from "./luns.js";
import { type Outcome, runTest, testNames } from "./suite.js";

/** As `npm run test:long` of the suite alone may take. */
const SUITE_LIMIT_MS = 3_000_000;
const SIZE_MIB = 256;
/** As many tests there are at least: a list that can't be read has none. */
const TESTS_MIN = 230;
/** What each is for. Where something may be written one that is for a LUN that can't be written to can't but fail, and another one where it can't. */
const WANTED: Readonly<Record<LunKind, RegExp>> = {
	thin: /^(?!GetLBAStatus\.UnmapSingle)/,
	// It counts from one logical block behind an edge, and expects to be told of the next physical block on: right where these are the same.
	fine: /^(?!Sanitize)/,
	// One sleeps a minute again and again, which is enough once.
	removable: /^(?!GetLBAStatus\.UnmapSingle|Sanitize\.Reset)/,
	"read-only": /ReadOnly/i,
};

/** Tests that do not pass, each with why: docs/iscsi.md has what the standards say to that. */
const EXCEPTIONS: Readonly<Record<string, string>> = {
	"Sanitize.CryptoErase":
		"there is none, as nothing is encrypted; it has looked whether page B1 says so, too",
	"WriteSame10.UnmapUntilEnd":
		"it sends a block of 0xff with UNMAP, and wants zeros: what is read after WRITE SAME is the block that it was given",
	"iSCSITMF.LUNResetSimpleAsync":
		"its own mistake, in 1.19: it asserts what only the answer to its request can bring about before it has taken any input",
};

async function suite(): Promise<void> {
	const names = await testNames();
	t.ok(names.length >= TESTS_MIN, `${names.length} tests`);
	const outcomes = new Map<string, [LunKind, Outcome][]>(names.map((name) => [name, []]));
	for (const kind of ["thin", "fine", "removable", "read-only"] as const) {
		const lun = await serveLun(kind, SIZE_MIB);
		for (const name of names.filter((each) => WANTED[kind].test(each)))
			outcomes.get(name)?.push([kind, await runTest(name, [lun.urls[0]!, lun.urls[0]!])]);
		t.ok(await lun.end(), `the server of the ${kind} one ends well`);
	}
	let passed = 0;
	for (const [name, found] of outcomes) {
		const said = found.map(([kind, { verdict, why }]) => `${kind}: ${verdict} ${why}`.trim());
		const hasPassed =
			found.some(([, { verdict }]) => verdict === "passed") &&
			!found.some(([, { verdict }]) => verdict === "failed");
		if (hasPassed) passed += 1;
		const exception = EXCEPTIONS[name];
		t.equal(hasPassed, exception === undefined, `${name}: ${exception ?? "passes"}`);
		if (!hasPassed) for (const line of said) t.comment(`${name}: ${line}`);
	}
	t.comment(`${passed} of ${outcomes.size} passed`);
}

const lack = programsMissing("iscsi-test-cu", "iscsi-ls");
t.setTimeout(SUITE_LIMIT_MS);
if (lack !== undefined) t.pass("not run", { skip: lack });
else if (await inNamespace(import.meta.url, SUITE_LIMIT_MS)) {
	execFileSync("ip", ["link", "set", "lo", "up"], { timeout: LIMIT_MS });
	await suite();
}
