/**
 * Debian's export files are read as a shell reads them, and what a shell would have to carry out is refused. A shell is the judge:
 * what `sh` makes of a file is compared with what we make of it.
 */

import { execFileSync } from "node:child_process";
import fc from "fast-check";
import t from "tap";
import { readAssignments } from "../../lib/spec/assignments.js";
import { readDebianExport } from "../../lib/spec/debian.js";

const FILE = "/etc/vblade.conf.d/web.conf";

/** What a shell has in the variables a and b after it has read `text`. */
function asShell(text: string): Record<string, string> {
	const script = `${text}\nprintf '%s\\0' "\${a-}" "\${b-}"`;
	const [a = "", b = ""] = execFileSync("sh", ["-c", script], { encoding: "utf8" }).split("\0");
	return { a, b };
}

function asWe(text: string): Record<string, string> {
	const found: Record<string, string> = { a: "", b: "" };
	for (const { name, value } of readAssignments(FILE, text)) found[name] = value;
	return found;
}

t.test("what a shell makes of it", (t) => {
	const texts = [
		"a=1\nb=2\n",
		"a=1;b=2",
		"# shelf\n  a=1 # slot\n\tb=x#y",
		"a='-r -m 11:22' b=\"two words\"",
		'a="it\'s" b=\'say "hi"\'',
		'a="\\$HOME \\` \\" \\\\ \\n" b=\\$x\\ y',
		'a=one\\\ntwo b="three\\\nfour"',
		"a='$HOME `id`' b=",
		"a=x'y'\"z\"\\w\n\n\nb='1\n2'",
		"a=first\na=last\nb=ä€😀",
	];
	for (const text of texts) t.same(asWe(text), asShell(text), JSON.stringify(text));
	t.end();
});

t.test("any value, quoted in any way, comes back", (t) => {
	const value = fc.string({ unit: fc.constantFrom(..."ab '\"\\#;=-:/.\n\t&|<>()*?~") });
	const single = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
	const double = (text: string) => `"${text.replace(/["\\]/g, "\\$&")}"`;
	fc.assert(
		fc.property(value, value, (a, b) => {
			t.same(asWe(`a=${single(a)}\nb=${double(b)}`), { a, b });
		}),
	);
	t.end();
});

t.test("what a shell would carry out, or choke on, has a place and a reason", (t) => {
	const wrong: Record<string, string> = {
		"shelf=$(id)": "1:7: $ is not carried out here: write what it stands for",
		"shelf=1\nslot=`id`": "2:6: ` is not carried out here: write what it stands for",
		'filename="$HOME/x"': "1:11: $ is not carried out here: write what it stands for",
		"shelf=1 &": "1:9: only assignments, name=value, are understood here",
		"netif=a|b": "1:8: | must be in quotes",
		"netif='eth0": "1:7: this quote is never closed",
		"# x\n  if true": "2:3: only assignments, name=value, are understood here",
		"export shelf=1": "1:1: only assignments, name=value, are understood here",
	};
	for (const [text, message] of Object.entries(wrong))
		t.throws(() => readAssignments(FILE, text), { name: "Error", message: `${FILE}:${message}` }, text);
	t.end();
});

t.test("an export is the command line that Debian's scripts would start", (t) => {
	const text =
		"shelf=14\nslot=2\nnetif=ens3\nfilename=/dev/mapper/export\noptions='-r -m 11:22:33:44:55:66  -o 8'\n";
	const found = readDebianExport(FILE, text);
	if (found === undefined) throw new Error("no export");
	const { options, shelf, slot, netif, filename, placeOf, ignoresIonice } = found;
	t.same(options, ["-r", "-m", "11:22:33:44:55:66", "-o", "8"]);
	t.same([shelf, slot, netif, filename], ["14", "2", "ens3", "/dev/mapper/export"]);
	t.same(placeOf("slot"), { file: FILE, line: 2, column: 1 });
	t.equal(ignoresIonice, false);
	t.equal(readDebianExport(FILE, `${text}ionice='-c 2'`)?.ignoresIonice, true);
	t.equal(readDebianExport(FILE, "# shelf=1\n"), undefined, "how to write one");
	t.throws(() => readDebianExport(FILE, "shelf=1\nslot=2\nnetif=x\n"), {
		message: /web\.conf:4:1: filename= is missing/,
	});
	t.throws(() => readDebianExport(FILE, "shelf=1\nslto=2\n"), {
		message: /web\.conf:2:1: no such variable "slto"; did you mean "slot"\?/,
	});
	t.throws(() => readDebianExport(FILE, `${text}netif=`), { message: /:6:1: netif= is empty/ });
	t.end();
});
