/**
 * What lintian says of the Debian package: no errors. Skipped where it is not installed, for it brings 25 MB of other packages.
 */

import { spawnSync } from "node:child_process";
import t from "tap";
import { run } from "../support/process.js";
import { makePackage } from "./deb-stage.js";

const LIMIT_MS = 300_000;
const skip = spawnSync("lintian", ["--version"]).status !== 0 && "there is no lintian";

t.test("lintian finds no errors", { skip }, async (t) => {
	const file = await makePackage();
	const { code, output } = await run(["lintian", "--allow-root", "--fail-on=error", file], LIMIT_MS);
	t.equal(code, 0, output);
});
