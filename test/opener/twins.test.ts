/** Disks that have one file by two names: the first of the configuration is the one that is opened. Mirrors lib/opener/twins.ts. */

import { linkSync, symlinkSync, unlinkSync } from "node:fs";
import path from "node:path";
import t, { type Test } from "tap";
import { Twins } from "../../lib/opener/twins.js";
import { type Config, readConfig } from "../../lib/spec/config.js";

// Threads that look keep no process from ending.
const stay = setInterval(() => {}, 1000);
t.teardown(() => clearInterval(stay));

interface Part {
	readonly readOnly?: boolean;
	readonly beginBytes?: number;
	readonly lengthBytes?: number;
}

/** Names of one file, `a` to `c`; and `d`, which is another. */
function stage(t: Test) {
	const folder = t.testdir({ a: "", d: "" });
	const at = (name: string): string => path.join(folder, name);
	linkSync(at("a"), at("b"));
	symlinkSync("a", at("c"));
	const configOf = (...disks: readonly (readonly [name: string, more?: string])[]): Config => {
		const tables = disks.map(([name, more = ""]) => `[disk.${name}]\nfile = "${at(name)}"\n${more}\n`);
		const config = readConfig(
			{ files: [{ path: "f", text: tables.join("") }], debian: [] },
			{ interfaceNames: () => [] },
		);
		if (Array.isArray(config)) throw new Error(String(config));
		return config;
	};
	const refused = (twins: Twins, name: string, part: Part = {}): Promise<string> => {
		const request = { readOnly: false, beginBytes: 0, lengthBytes: 0, ...part };
		return twins.refuse({ kind: "open", path: at(name), flags: 0, ...request }).then(
			() => "",
			(error: Error) => error.message,
		);
	};
	return { at, configOf, refused };
}

t.test("the first has it, whoever asks first", async (t) => {
	const { at, configOf, refused } = stage(t);
	const twins = new Twins();
	twins.take(configOf(["d"], ["b"], ["c"], ["a"]).disks);
	const why = (name: string): string =>
		`${at(name)}: is the file of disk b (f:5:1) too, which comes first, and one of them may write`;
	t.equal(await refused(twins, "a"), why("a"));
	t.equal(await refused(twins, "c"), why("c"));
	t.equal(await refused(twins, "b"), "");
	t.equal(await refused(twins, "d"), "");
	twins.take(configOf(["c"], ["b"]).disks);
	t.match(await refused(twins, "b"), /disk c/);
	t.equal(await refused(twins, "c"), "");
	t.match(await refused(twins, "a"), /disk c/, "one that no file names comes last");
});

t.test("readers, and parts of a file, have it together", async (t) => {
	const { configOf, refused } = stage(t);
	const twins = new Twins();
	const readOnly = "read_only = true";
	twins.take(configOf(["a", readOnly], ["b", readOnly], ["c"]).disks);
	t.equal(await refused(twins, "b", { readOnly: true }), "");
	t.match(await refused(twins, "c"), /disk a/);
	t.equal(await refused(twins, "a", { lengthBytes: 4096 }), "", "as a command has changed it");
	twins.take(configOf(["a", "length = 8"], ["b", "offset = 8"]).disks);
	t.equal(await refused(twins, "b", { beginBytes: 4096 }), "");
	twins.take(configOf(["a", "length = 9"], ["b", "offset = 8"]).disks);
	t.match(await refused(twins, "b", { beginBytes: 4096 }), /disk a/);
});

t.test("a link that is no more keeps nobody", async (t) => {
	const { at, configOf, refused } = stage(t);
	const twins = new Twins();
	twins.take(configOf(["a"], ["c"]).disks);
	t.match(await refused(twins, "c"), /disk a/);
	unlinkSync(at("c"));
	symlinkSync("d", at("c"));
	t.equal(await refused(twins, "c"), "");
});
