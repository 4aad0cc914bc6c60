/** A TOML file's values, and the places that messages point to. */

import t from "tap";
import { readToml } from "../../lib/spec/toml.js";

const TEXT = `# a pool and two disks
[daemon]
allow = ["/srv/a", "/srv/b"]

[pool.fast]
keep = { hourly = "7d", daily = "30d" }

[disk.web]
aoe.address = "9.0"
"quo ted" = 1

[[extra]]
x = 1
[[extra]]
x = 2
`;

t.test("every value has a place", (t) => {
	const { values, placeOf } = readToml("f.toml", TEXT);
	t.same(values.daemon, { allow: ["/srv/a", "/srv/b"] });
	const at = (...path: (string | number)[]) => {
		const { line, column } = placeOf(path);
		return `${line}:${column}`;
	};
	t.equal(at("daemon"), "2:2");
	t.equal(at("daemon", "allow"), "3:1");
	t.equal(at("daemon", "allow", 1), "3:20");
	t.equal(at("pool"), "5:2");
	t.equal(at("pool", "fast"), "5:7");
	t.equal(at("pool", "fast", "keep", "daily"), "6:25");
	t.equal(at("disk", "web", "aoe"), "9:1");
	t.equal(at("disk", "web", "aoe", "address"), "9:5");
	t.equal(at("disk", "web", "quo ted"), "10:1");
	t.equal(at("extra", 1, "x"), "15:1");
	t.equal(at("disk", "web", "file"), "8:7", "what is missing: what it is missing from");
	t.equal(at("nothing"), "1:1");
	t.end();
});

t.test("what is not TOML", (t) => {
	const wrong: Record<string, RegExp> = {
		"a = 1\nb = \n": /^f\.toml:2:5: not TOML: /,
		"a = 1\na = 2\n": /^f\.toml:2:1: a is already at f\.toml:1:1$/,
		"[x\n": /^f\.toml:1:/,
		'a = "\u0000"': /^f\.toml:1:/,
	};
	for (const [text, message] of Object.entries(wrong))
		t.throws(() => readToml("f.toml", text), { message }, JSON.stringify(text));
	t.end();
});

t.test("what is given twice tells where it was first", async (t) => {
	const whole = '[disk.web]\nfile = "/a"\nlimit = { iops = 1 }\naoe.address = "9.0"\n';
	const again: readonly [string, string][] = [
		["[disk.web]", "5:2: [disk.web] is already at f:1:7"],
		["  [ disk . web ] # again", "5:4: [disk.web] is already at f:1:7"],
		['[disk."web"]', "5:2: [disk.web] is already at f:1:7"],
		["[disk.web.aoe]", "5:2: [disk.web.aoe] is already at f:4:1"],
		["[[disk]]", "5:3: [disk] is already at f:1:2"],
		['file = "/b"', "5:1: disk.web.file is already at f:2:1"],
		["limit.bandwidth = 5", "5:1: disk.web.limit is already at f:3:1"],
		['"file" = [\n 1,\n]', "5:1: disk.web.file is already at f:2:1"],
		["x = 1\n[disk.web.aoe.y]\n[disk]\nfile = 1\nfile = 2", "9:1: disk.file is already at f:8:1"],
	];
	for (const [line, error] of again)
		t.throws(() => readToml("f", `${whole}${line}\n`), { message: `f:${error}` }, line);
	t.throws(() => readToml("f", "a = 1\r\na = 2\r\n"), { message: "f:2:1: a is already at f:1:1" });
	t.throws(() => readToml("f", '"a=b" = 1\n"a=b" = 2'), { message: "f:2:1: a=b is already at f:1:1" });
	t.throws(
		() => readToml("f", "a = { b = 1, b = 2 }"),
		{ message: "f:1:14: not TOML: trying to redefine an already defined value" },
		"within one line it can be seen",
	);
});
