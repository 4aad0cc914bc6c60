// The tests of the C core without Node, under sanitizers: see native/test and scripts/check-native.mjs.
import t from "tap";
import { sourceFile } from "../support/paths.js";
import { run } from "../support/process.js";

const LIMIT_MS = 220_000;

t.test("the C core", async (t) => {
	const { code, output } = await run(
		[process.execPath, sourceFile("scripts/check-native.mjs"), "--core"],
		LIMIT_MS,
	);
	const results = output.split("\n").filter((line) => /^(not )?ok - /.test(line));
	for (const line of results) t.ok(line.startsWith("ok"), line.replace(/^(not )?ok - /, ""));
	t.ok(results.length >= 8, `${results.length} results`);
	t.equal(code, 0, code === 0 ? "" : output);
});
