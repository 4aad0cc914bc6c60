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
		"a = 1\na = 2\n": /^f\.toml:2:1: not TOML: /,
		"[x\n": /^f\.toml:1:/,
		'a = "\u0000"': /^f\.toml:1:/,
	};
	for (const [text, message] of Object.entries(wrong))
		t.throws(() => readToml("f.toml", text), { message }, JSON.stringify(text));
	t.end();
});
