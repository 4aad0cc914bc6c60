// Which library is loaded as the addon: the package's own, or a build for tests in its folder build/, and nothing else that
// the environment names.
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import path from "node:path";
import t from "tap";
import { atEnd, scratchDirectory } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import { PROJECT } from "../support/paths.js";
import { run } from "../support/process.js";

const PRINT = `await import(${JSON.stringify(path.join(PROJECT, "build/lib/native.js"))});
	const { readFileSync } = await import("node:fs");
	const files = readFileSync("/proc/self/maps", "utf8").match(/\\S+\\.node$/gm);
	console.log([...new Set(files)].join(" "));`;

/** A folder with a copy of the addon, where node-gyp-build looks for it. */
function copyTo(folder: string): string {
	const release = path.join(folder, "build", "Release");
	mkdirSync(release, { recursive: true });
	copyFileSync(path.join(PROJECT, "native/build/Release/vblade.node"), path.join(release, "vblade.node"));
	return folder;
}

/** The folder of the one addon that is loaded: the load generator is none of a server's. */
async function loaded(addon: string): Promise<string> {
	const env = { VBLADE_ADDON: addon };
	const { stdout } = await run([process.execPath, "--input-type=module", "-e", PRINT], LIMIT_MS, { env });
	return path.dirname(stdout.trim());
}

t.test("the environment can't name any library as the addon", async (t) => {
	const own = path.join(PROJECT, "native/build/Release");
	const foreign = copyTo(path.join(scratchDirectory(), "foreign"));
	const ours = mkdtempSync(path.join(PROJECT, "build", `vb${process.pid}-`));
	atEnd(() => rmSync(ours, { recursive: true, force: true }));
	copyTo(ours);
	const link = path.join(ours, "link");
	symlinkSync(foreign, link);
	for (const [addon, where] of [
		["", own],
		["no such folder", own],
		[foreign, own],
		[link, own],
		[path.join(PROJECT, "build", path.relative(path.join(PROJECT, "build"), foreign)), own],
		[PROJECT, own],
		[ours, path.join(ours, "build/Release")],
	] as const)
		t.equal(await loaded(addon), where, JSON.stringify(addon));
});
