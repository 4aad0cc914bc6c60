/** `vblade check`: what it says, and how it ends. Mirrors lib/cli/check.ts; what is wrong with files is in test/spec/. */

import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import t, { type Test } from "tap";
import { checkCommand } from "../../lib/cli/check.js";
import { MACHINE } from "./machine.js";

const DISK = '[disk.web]\nmemory = "1M"\naoe = { address = "9.0", netif = ["lo"] }\n';

async function check(...argv: string[]): Promise<{ status: number; out: string; err: string }> {
	let [out, err] = ["", ""];
	const output = {
		out: (text: string) => {
			out += text;
		},
		err: (text: string) => {
			err += text;
		},
	};
	const status = await checkCommand(argv, output, MACHINE);
	return { status, out, err };
}

/** A main file, and others in conf.d. */
function files(t: Test, main: string, others: Readonly<Record<string, string>> = {}): string {
	const folder = t.testdir();
	const file = path.join(folder, "vblade.toml");
	writeFileSync(file, main);
	mkdirSync(path.join(folder, "conf.d"));
	for (const [name, text] of Object.entries(others)) writeFileSync(path.join(folder, "conf.d", name), text);
	return file;
}

t.test("a good configuration, with what is in conf.d", async (t) => {
	const more = DISK.replace("web", "more").replace("9.0", "9.1");
	const file = files(t, DISK, { "b.toml": more, ".hidden.toml": "x", "readme.txt": "x" });
	t.same(await check(file), { status: 0, out: "good: 2 disks\n", err: "" });
	const { status, out } = await check("--json", file);
	t.equal(status, 0);
	t.same(JSON.parse(out), {
		...{ good: true, unreadable: [], errors: [], warnings: [] },
		disks: [{ name: "web" }, { name: "more" }],
	});
});

t.test("all that is wrong, in the order of the files", async (t) => {
	const file = files(t, `[demon]\n${DISK}`, { "a.toml": 'disk.x.fil = "/x"\n', "b.toml": DISK });
	const confd = path.join(path.dirname(file), "conf.d");
	t.same(await check(file), {
		status: 1,
		out: "",
		err: [
			`${file}:1:2: no such table "demon"; did you mean "daemon"?\n`,
			`${confd}/a.toml:1:8: no such key "fil"; did you mean "file"?\n`,
			`${confd}/b.toml:1:7: [disk.web] is already at ${file}:2:7\n`,
		].join(""),
	});
	const { status, out } = await check(file, "--json");
	t.equal(status, 1);
	t.match(JSON.parse(out), {
		good: false,
		errors: [{ file, line: 1, column: 2, message: /no such table/ }, {}, {}],
	});
});

t.test("what only follows from a mistake elsewhere is not told", async (t) => {
	const naming = `[disk.m]
mirror = ["x", "y", "none"]
[pool.far]
disks = ["x"]
[disk.web]
volume = "fast/web"
[template.lab]
image = "fast/gold@v3"
shelf = 20
netif = ["lo"]
[disk.y]
memory = "1M"
[disk.other]
volume = "slow/web"
`;
	const absent = (file: string): string =>
		`${file}:2:21: disk m: mirror: disk "none": there is none of this name\n` +
		`${file}:14:1: disk other: pool "slow": there is none of this name\n`;
	const misspelt = files(t, `${naming}[pool.fast]\npth = "/srv/fast"\n[disk.x]\nfil = "/x"\n`);
	t.same(await check(misspelt), {
		status: 1,
		out: "",
		err: `${absent(misspelt)}${misspelt}:16:1: no such key "pth"; did you mean "path"?\n${misspelt}:18:1: no such key "fil"; did you mean "file"?\n`,
	});
	const incomplete = files(t, `${naming}[pool.fast]\n[disk.x]\n`);
	t.same(await check(incomplete), {
		status: 1,
		out: "",
		err: `${absent(incomplete)}${incomplete}:15:7: pool fast: path, disks or store is missing\n${incomplete}:16:7: disk x: file, memory, volume, remote, linear or mirror is missing\n`,
	});
});

t.test("what may come later is a warning, what is missing is an error", async (t) => {
	const broken = files(t, DISK.replace('"lo"', '"no*such"'));
	const { status, out, err } = await check(broken);
	t.equal(status, 0);
	t.match(
		err,
		/vblade\.toml:3:26: disk web: can't be served at present: netif "no\*such": no interface matches; .* \(a warning\)\n$/,
	);
	t.equal(out, "good: 1 disk\n");
	t.match(JSON.parse((await check("--json", broken)).out), {
		...{ good: true, warnings: [{ line: 3, column: 26 }] },
		disks: [{ broken: /no interface/ }],
	});
	const without = files(t, `[daemon]\nuser = "nosuch"\n${DISK}`);
	t.same(await check(without), {
		...{ status: 1, out: "" },
		err: `${without}:2:1: user "nosuch": there is no such user\n`,
	});
});

t.test("a file that can't be read", async (t) => {
	const { status, out, err } = await check(path.join(t.testdir(), "none.toml"));
	t.match({ status, out, err }, { status: 1, out: "", err: /^\S+none\.toml: there is no such file\n$/ });
	await t.rejects(check("a", "b"), { message: "unknown argument: b; see vblade check --help" });
	await t.rejects(check("--jso", "x", "y"), {
		message: 'option "--jso": there is none of this name; did you mean "--json"?',
	});
	await t.rejects(check("-j"), {
		message: 'option "-j": there is none of this name; see vblade check --help',
	});
	await t.rejects(check("--h"), {
		message: 'option "--h": there is none of this name; did you mean "--help"?',
	});
	t.match((await check("--help")).out, /vblade check \[file\]/);
});
