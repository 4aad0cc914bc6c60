/** Command lines taken apart: the forms one by one, and any words as Node's own parser takes them. Mirrors lib/spec/getopt.ts. */

import { parseArgs } from "node:util";
import fc from "fast-check";
import t from "tap";
import { type CommandLine, getopt } from "../../lib/spec/getopt.js";

const OPTIONS = [
	{ name: "read-only", short: "r", help: "" },
	{ name: "buffers", short: "b", value: "count", default: "16", help: "" },
	{ name: "mac", short: "m", value: "mac", help: "" },
	{ name: "write", value: "percent", alone: "100", help: "" },
	{ name: "no-xdp", help: "" },
] as const;
type Name = (typeof OPTIONS)[number]["name"];

function parse(...argv: string[]): CommandLine<Name> {
	return getopt<Name>(argv, OPTIONS);
}

t.test("the forms of getopt(3)", async (t) => {
	for (const argv of [["-rb32"], ["-r", "-b", "32"], ["--read-only", "--buffers=32"], ["-rb", "32"]]) {
		const line = parse(...argv, "arg", "-m1", "--mac", "-2", "--", "-r", "--");
		t.ok(line.has("read-only"));
		t.equal(line.last("buffers"), "32");
		t.strictSame(line.all("mac"), ["1", "-2"], "a value may look like an option");
		t.strictSame(line.positionals, ["arg", "-r", "--"], "-- ends the options");
		t.equal(line.mistake, undefined);
	}
	t.equal(parse("-b=5").last("buffers"), "=5", "what follows the letter is the value");
	t.equal(parse("--buffers=").last("buffers"), "", "a value may be empty");
	t.strictSame(parse("-").positionals, ["-"]);
	t.ok(parse("--no-xdp").has("no-xdp"), "no- is part of a name");
});

t.test("what holds without an option, and what an option alone stands for", async (t) => {
	t.equal(parse().last("buffers"), "16");
	t.equal(parse().last("mac"), undefined);
	t.notOk(parse().has("buffers"));
	const alone = parse("--write", "50");
	t.equal(alone.last("write"), "100");
	t.strictSame(alone.positionals, ["50"], "the next word is not its value");
	t.equal(parse("--write=50").last("write"), "50");
});

t.test("the first mistake is told, and every name that there is not", async (t) => {
	const line = parse("-rxb", "3", "--force=yes", "--read-only=yes", "-m");
	t.equal(line.mistake, 'option "-x": there is none of this name; see vblade --help');
	t.strictSame(line.unknown, ["-x", "--force"]);
	t.equal(line.last("buffers"), "3", "the others are understood");
	t.equal(parse("--read-only=yes").mistake, 'option "--read-only": takes no value');
	t.equal(parse("-rm").mistake, 'option "-m": needs a value, mac');
});

t.test("any words are taken apart as Node's own parser does it", async (t) => {
	const known = fc.constantFrom(
		"-r",
		"-rb32",
		"-b",
		"-rb",
		"-bm",
		"-m1",
		"--mac",
		"--mac=",
		"--buffers=3",
		"-xr",
	);
	const word = fc.oneof(
		known,
		fc.constantFrom("-", "--", "--=", "--=x", "-=", "--no-xdp"),
		fc.string({ unit: "binary" }),
	);
	const options = {
		"read-only": { type: "boolean", short: "r" },
		buffers: { type: "string", short: "b" },
		mac: { type: "string", short: "m" },
		"no-xdp": { type: "boolean" },
	} as const;
	const property = fc.property(fc.array(word, { maxLength: 8 }), (args) => {
		const { tokens } = parseArgs({ args, options, strict: false, tokens: true });
		const line = parse(...args);
		const positionals = tokens.flatMap((token) => (token.kind === "positional" ? [token.value] : []));
		const given = (name: string) =>
			tokens.flatMap((token) => (token.kind === "option" && token.name === name ? [token.value] : []));
		const values = (name: string) => given(name).filter((value) => value !== undefined);
		t.strictSame(line.positionals, positionals);
		for (const name of ["buffers", "mac"] as const) t.strictSame(line.all(name), values(name));
		for (const name of ["read-only", "buffers", "mac", "no-xdp"] as const)
			t.equal(line.has(name), given(name).length > 0);
	});
	fc.assert(property, { numRuns: 500 });
});
