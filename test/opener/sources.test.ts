/** The files of a configuration: what is no text, and what is too much, is told and not handed on. */

import { mkdirSync, truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import t from "tap";
import { readSources } from "../../lib/opener/sources.js";

const MIB = 2 ** 20;

t.test("what is no text is told", async (t) => {
	const folder = t.testdir({
		"vblade.toml": "",
		"conf.d": { "zeros.toml": "", "bell.toml": "# \x07", "good.toml": "#\t\r\n" },
	});
	truncateSync(path.join(folder, "conf.d/zeros.toml"), 15 * MIB);
	const { files, unreadable } = await readSources(path.join(folder, "vblade.toml"));
	t.strictSame(
		files.map(({ path: file }) => path.basename(file)),
		["vblade.toml", "good.toml"],
	);
	t.strictSame(
		unreadable.map((line) => line.slice(folder.length)),
		["/conf.d/bell.toml: can't be read (not text)", "/conf.d/zeros.toml: can't be read (not text)"],
	);
});

t.test("all files together have a limit", async (t) => {
	const folder = t.testdir({});
	mkdirSync(path.join(folder, "conf.d"));
	for (const name of ["a", "b", "c"])
		writeFileSync(path.join(folder, `conf.d/${name}.toml`), `#${"x".repeat(7 * MIB)}`);
	writeFileSync(path.join(folder, "vblade.toml"), "");
	const { files, unreadable } = await readSources(path.join(folder, "vblade.toml"));
	t.equal(files.length, 3);
	t.match(unreadable, [/c\.toml: can't be read \(longer than \d+ bytes\)$/]);
});
