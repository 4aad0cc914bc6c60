/**
 * Prometheus' own promtool (Debian's package prometheus) understands the alert rules, and they say what they should to the series of
 * `rules.yml`. Long, and skipped without it, for the sake of its size.
 */

import { copyFileSync } from "node:fs";
import path from "node:path";
import t from "tap";
import { scratchDirectory } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import { sourceFile } from "../support/paths.js";
import { run } from "../support/process.js";

const { code } = await run(["sh", "-c", "command -v promtool"], LIMIT_MS);
t.test("promtool runs the tests of the rules", { skip: code !== 0 && "there is no promtool" }, async (t) => {
	const folder = scratchDirectory();
	copyFileSync(sourceFile("scripts/monitoring/vblade.rules.yml"), path.join(folder, "vblade.rules.yml"));
	copyFileSync(sourceFile("test/monitoring/rules.yml"), path.join(folder, "rules.yml"));
	for (const words of [
		["check", "rules", path.join(folder, "vblade.rules.yml")],
		["test", "rules", path.join(folder, "rules.yml")],
	]) {
		const ended = await run(["promtool", ...words], LIMIT_MS);
		t.equal(ended.code, 0, ended.output);
	}
});
