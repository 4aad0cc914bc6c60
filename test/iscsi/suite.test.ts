// Some of libiscsi's suite, on a volume of a pool; `suite.long.ts` has all of it.

import { execFileSync } from "node:child_process";
import t from "tap";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { programsMissing } from "../support/programs.js";
import { serveLun } from "./luns.js";
import { outcome, runTest } from "./suite.js";

const TESTS = [
	"Inquiry.Standard",
	"Inquiry.BlockLimits",
	"ReadCapacity16.Simple",
	"Read10.Simple",
	"Write16.Simple",
	"Write16.BeyondEol",
	"Unmap.Simple",
	"CompareAndWrite.Simple",
	"Reserve6.Simple",
	"iSCSITMF.AbortTaskSimpleAsync",
];

const lack = programsMissing("iscsi-test-cu", "iscsi-ls");
if (lack !== undefined) t.pass("not run", { skip: lack });
else if (await inNamespace(import.meta.url)) {
	execFileSync("ip", ["link", "set", "lo", "up"], { timeout: LIMIT_MS });
	t.test("what the suite says is understood", async (t) => {
		const table = (failed: number): string =>
			`Run Summary:    Type  Total    Ran Passed Failed Inactive\n               tests      1      1      ${1 - failed}      ${failed}        0\n`;
		t.match(outcome(table(0), 0), { verdict: "passed", why: "" });
		t.match(outcome(`    [SKIPPED] no second path\n${table(0)}`, 0), {
			verdict: "skipped",
			why: "[SKIPPED] no second path",
		});
		const part = "[SKIPPED] SANITIZE CRYPTO_ERASE is not implemented according to REPORT_SUPPORTED_OPCODES.";
		t.match(outcome(`  Test: CryptoErase ...    ${part}\n${table(0)}`, 0), { verdict: "skipped" });
		t.match(outcome(`  Test: Readonly ...    ${part}\npassed\n${table(0)}`, 0), { verdict: "passed" });
		t.match(outcome(`    [FAILED] it is wrong\n${table(1)}`, 0), {
			verdict: "failed",
			why: "[FAILED] it is wrong",
		});
		t.match(outcome(`    1. a.c:12 - x == y\n${table(1)}`, 0), {
			verdict: "failed",
			why: "1. a.c:12 - x == y",
		});
		t.match(outcome("no connection\n", 10), { verdict: "failed", why: /10: no connection/ });
	});

	const lun = await serveLun("thin", 64);
	for (const name of TESTS) {
		const { verdict, why, output } = await runTest(name, [lun.urls[0]!, lun.urls[0]!]);
		t.equal(verdict, "passed", `${name} ${why}`);
		if (verdict !== "passed") t.comment(output);
	}
	t.ok(await lun.end(), "the server ends well");
}
