/**
 * What lintian says of the Debian package: no errors. Skipped where it is not installed, for it brings 25 MB of other packages. And an
 * upgrade from a package of an older version, which is this one with another number and a file more.
 */

import { spawnSync } from "node:child_process";
import t from "tap";
import { scratchDirectory } from "../support/cleanup.js";
import { run } from "../support/process.js";
import { copiesMissing } from "../support/system-copy.js";
import { INSTALL, machineOfDebian, makePackage, seen, succeed } from "./deb-stage.js";

const LIMIT_MS = 300_000;
const skip = spawnSync("lintian", ["--version"]).status !== 0 && "there is no lintian";

t.test("lintian finds no errors", { skip }, async (t) => {
	const file = await makePackage();
	const { code, output } = await run(["lintian", "--allow-root", "--fail-on=error", file], LIMIT_MS);
	t.equal(code, 0, output);
});

const OLD_FILE = "/usr/lib/vblade/build/bin/of-old.js";
const OLDER = `
dpkg-deb -R "$1" "$2/root"
sed -i 's/^Version: .*/Version: 1:0.0.1/' "$2/root/DEBIAN/control"
touch "$2/root${OLD_FILE}"
dpkg-deb --root-owner-group -Zgzip --build "$2/root" "$2/older.deb"`;

t.test("an upgrade from an older version", { skip: copiesMissing() ?? false }, async (t) => {
	const folder = scratchDirectory();
	const file = await makePackage();
	const made = await run(["sh", "-ec", OLDER, "sh", file, folder], LIMIT_MS);
	t.equal(made.code, 0, made.output);
	const machine = await machineOfDebian(file, `${folder}/older.deb`);
	t.teardown(() => machine.end());
	const version = async () => (await machine.run("dpkg-query -W vblade && vblade status | head -n 1")).output;

	await succeed(t, machine, INSTALL.replace("*.deb", "older.deb"));
	t.match(await version(), /1:0\.0\.1\nvblade .*, ok,/);
	t.equal(await seen(machine), "e9.0");
	await succeed(t, machine, `test -e ${OLD_FILE}`);
	const { output: before } = await succeed(t, machine, "cat /var/lib/vblade/disks.json");

	await succeed(t, machine, INSTALL.replace("*.deb", "vblade_*.deb"));
	t.notMatch(await version(), /1:0\.0\.1/);
	t.match(await version(), /\nvblade .*, ok,/);
	t.equal(await seen(machine), "e9.0");
	t.equal((await machine.run("cat /var/lib/vblade/disks.json")).output, before, "they are the same disks");
	t.not((await machine.run(`test -e ${OLD_FILE}`)).code, 0, "what is no longer of the package is gone");
});
