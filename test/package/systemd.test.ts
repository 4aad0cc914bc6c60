/**
 * The units: what systemd itself says of them, and what the installer does to a system in a folder. Where there is no systemd to ask,
 * that part is skipped.
 */

import { spawnSync } from "node:child_process";
import {
	cpSync,
	existsSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	renameSync,
	statSync,
	writeFileSync,
} from "node:fs";
import path from "node:path";
import t, { type Test } from "tap";
import { STOP_LIMIT_MS } from "../../lib/opener/opener.js";
import { scratchDirectory } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import { PROJECT, sourceFile } from "../support/paths.js";
import { run } from "../support/process.js";

const analyze = spawnSync("systemd-analyze", ["--version"]).status === 0;
const skip = !analyze && "there is no systemd-analyze";
/** Times ten, as the tool wants it. */
const EXPOSURE_MAX = 40;
const OBJECTS_EXPOSURE_MAX = 20;

const unit = (name: string): string => readFileSync(sourceFile("scripts/systemd", name), "utf8");

/** A system in a folder, with a few users and nothing else. */
function system(): string {
	const root = scratchDirectory();
	mkdirSync(path.join(root, "etc"));
	writeFileSync(path.join(root, "etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n");
	writeFileSync(path.join(root, "etc/group"), "root:x:0:\n");
	return root;
}

async function install(t: Test, ...options: string[]): Promise<string> {
	const { code, output } = await run(["sh", sourceFile("scripts/install-systemd"), ...options], LIMIT_MS);
	t.equal(code, 0, output);
	return output;
}

function filesBelow(folder: string): string[] {
	return readdirSync(folder, { recursive: true, encoding: "utf8" }).sort();
}

t.test("systemd finds the service not more exposed than it may be", { skip }, async (t) => {
	const root = system();
	const units = path.join(root, "etc/systemd/system");
	cpSync(sourceFile("scripts/systemd"), units, { recursive: true });
	const asked = (threshold: number, name = "vblade.service") =>
		run(
			["systemd-analyze", "security", "--offline=true", `--root=${root}`, `--threshold=${threshold}`, name],
			LIMIT_MS,
		);
	const { code, output } = await asked(EXPOSURE_MAX);
	t.match(output, /exposure level for vblade\.service: [0-3]\.|: 4\.0 /);
	t.equal(code, 0, output.slice(-200));
	// One that needs no right of root's.
	const objects = await asked(OBJECTS_EXPOSURE_MAX, "vblade-objects@.service");
	t.equal(objects.code, 0, objects.output.slice(-200));
	t.not((await asked(5)).code, 0, "it does say so when one is");
});

t.test("systemd understands the units", { skip }, async (t) => {
	const root = system();
	await install(t, "--root", root);
	const units = path.join(root, "etc/systemd/system");
	// (Of a template an instance is looked at.)
	renameSync(path.join(units, "vblade-objects@.service"), path.join(units, "vblade-objects@attic.service"));
	const names = ["vblade.service", "vblade.socket", "vblade-objects@attic.service"].map((name) =>
		path.join(units, name),
	);
	const { code, output } = await run(["systemd-analyze", "verify", "--man=no", ...names], LIMIT_MS);
	t.equal(code, 0);
	t.equal(output, "", "without a word");
});

t.test("what V8 needs, and what initiators wait for", async (t) => {
	const service = unit("vblade.service").replace(/^#.*$/gm, "");
	t.notMatch(service, /MemoryDenyWriteExecute/);
	for (const line of [
		"Type=notify",
		"ExecReload=/bin/kill -HUP $MAINPID",
		"KillMode=mixed",
		"Restart=always",
	])
		t.ok(service.includes(`\n${line}\n`), line);
	const [, seconds = "0"] = /^TimeoutStopSec=(\d+)$/m.exec(service) ?? [];
	t.ok(Number(seconds) * 1000 > STOP_LIMIT_MS, "the opener gives the others so long to stop");
	const [, pause = "9999"] = /^RestartSec=(\d+)ms$/m.exec(service) ?? [];
	t.ok(Number(pause) <= 500, "of the 2 s that an initiator may wait");
});

t.test("the installer: units, user and configuration; once more changes nothing; and away", async (t) => {
	const root = system();
	const first = await install(t, "--root", root);
	const service = readFileSync(path.join(root, "etc/systemd/system/vblade.service"), "utf8");
	const objects = readFileSync(path.join(root, "etc/systemd/system/vblade-objects@.service"), "utf8");
	t.match(objects, /^ExecStart=\S+ \S+\/build\/bin\/vblade\.js objects /m);
	const [, node = "", program = ""] = /^ExecStart=(\S+) (\S+) daemon$/m.exec(service) ?? [];
	t.ok(existsSync(node));
	t.equal(program, path.join(PROJECT, "build/bin/vblade.js"));
	t.match(first, /systemctl enable --now vblade/);
	if (analyze) t.match(readFileSync(path.join(root, "etc/passwd"), "utf8"), /^vblade:x:\d+:\d+:/m);

	const config = path.join(root, "etc/vblade/vblade.toml");
	const check = await run([node, program, "check", config], LIMIT_MS);
	t.equal(check.code, 0, check.output);
	writeFileSync(config, "# mine\n");
	const before = filesBelow(root);
	const { mtimeMs } = statSync(path.join(root, "etc/systemd/system/vblade.service"));
	t.notMatch(await install(t, "--root", root), /wrote/);
	t.strictSame(filesBelow(root), before);
	t.equal(statSync(path.join(root, "etc/systemd/system/vblade.service")).mtimeMs, mtimeMs);
	t.equal(readFileSync(config, "utf8"), "# mine\n");

	await install(t, "--uninstall", "--root", root);
	const left = filesBelow(path.join(root, "etc")).filter((name) => /vblade/.test(name));
	t.strictSame(left, ["vblade", "vblade/vblade.toml"], "what is the operator's stays");
	await install(t, "--uninstall", "--root", root);
});

t.test("the installer refuses what it does not understand", async (t) => {
	for (const options of [["--prefix"], ["--root"], ["--root", "/nowhere/at/all"]]) {
		const { code, stderr } = await run(["sh", sourceFile("scripts/install-systemd"), ...options], LIMIT_MS);
		t.equal(code, 1);
		t.match(stderr, /^install:systemd: --/);
	}
});
