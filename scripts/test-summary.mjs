// Counts the assertions in what tap wrote and prints the last line of a test run: "N passed, N failed, N skipped".
// usage: node scripts/test-summary.mjs RESULTS.tap STATUS      Called by scripts/test; STATUS is tap's exit status.
// A file that crashed or timed out counts as one failure, though none of its assertions failed. Exits with 0 only if
// nothing failed and, where the environment says CI=true, nothing was skipped.

import { existsSync, readFileSync } from "node:fs";

const [file, status] = process.argv.slice(2);

/**
 * In TAP, the result of a subtest or file follows what is in it, which is indented by four more columns. So a result
 * without anything deeper before it is an assertion; any other only counts for what is not told inside of it.
 */
function count(tap) {
	const counts = { passed: 0, failed: 0, skipped: [] };
	/** For each depth, what is inside the result to come: undefined, or how much had failed and been skipped before it. */
	const open = [];
	let diagnosticsEnd;
	for (const line of tap.split("\n")) {
		if (diagnosticsEnd !== undefined) {
			if (line === diagnosticsEnd) diagnosticsEnd = undefined;
			continue;
		}
		const [, indent, text] = line.match(/^( *)(.*)$/);
		if (text === "---") diagnosticsEnd = `${indent}...`;
		const depth = indent.length / 4;
		if (text.startsWith("# Subtest")) open[depth] = { failed: counts.failed, skipped: counts.skipped.length };
		const result = text.match(/^(not )?ok\b(?: \d+)?(?: - )?(.*?)(?: # (SKIP|TODO)\b.*)?$/);
		if (!result) continue;
		const [, not, name, directive] = result;
		const inside = open[depth];
		open[depth] = undefined;
		if (directive) {
			if (!inside || inside.skipped === counts.skipped.length) counts.skipped.push(name);
		} else if (not) {
			if (!inside || inside.failed === counts.failed) counts.failed++;
		} else if (!inside) counts.passed++;
	}
	return counts;
}

const counts = count(existsSync(file) ? readFileSync(file, "utf8") : "");
if (status !== "0" && counts.failed === 0) counts.failed = 1;
const forbidden = process.env.CI === "true" && counts.skipped.length > 0;
if (forbidden) console.log(`CI=true and skipped:\n  ${counts.skipped.join("\n  ")}`);
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped.length} skipped`);
process.exitCode = counts.failed > 0 || counts.passed === 0 || forbidden ? 1 : 0;
