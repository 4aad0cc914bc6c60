/**
 * The report of `vblade doctor`: no check can end or hold up the others, and what is sent to somebody who helps has no secrets,
 * wherever they were planted.
 */

import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { gunzipSync } from "node:zlib";
import t from "tap";
import { bundle } from "../../lib/doctor/bundle.js";
import { type Check, type Context, fault, ok } from "../../lib/doctor/check.js";
import { configurationOf } from "../../lib/doctor/configuration.js";
import { examine } from "../../lib/doctor/examine.js";
import { Machine } from "../../lib/doctor/machine.js";
import { redact } from "../../lib/doctor/redact.js";
import { resultText, summary } from "../../lib/doctor/report.js";
import { VirtualClock } from "../../lib/testing/virtual-clock.js";
import { scratchDirectory } from "../support/cleanup.js";

const CONTEXT: Context = {
	machine: new Machine("/nowhere"),
	interfaces: [],
	daemon: undefined,
	servers: [],
	peer: undefined,
};

t.test("a check that hangs or throws is a finding, and the next ones run", async (t) => {
	const clock = new VirtualClock();
	const checks: Check[] = [
		{ name: "hangs", limitMs: 5000, run: () => new Promise(() => {}) },
		{ name: "rejects", limitMs: 1, run: () => Promise.reject(new Error("no such thing")) },
		{
			name: "throws",
			limitMs: 1,
			run: () => {
				throw new Error("neither this");
			},
		},
		{
			name: "fine",
			limitMs: 1,
			run: () => [ok("all is well"), fault("but for this", "so it is", "mend it")],
		},
	];
	const told: string[] = [];
	const examined = examine(checks, CONTEXT, ({ check }) => told.push(check), clock);
	clock.pass(5000);
	const results = await examined;
	t.strictSame(
		results.map(({ check, level, what }) => [check, level, what]),
		[
			["hangs", "warn", "hangs: not done within 5 s"],
			["rejects", "warn", "rejects: could not be looked at"],
			["throws", "warn", "throws: could not be looked at"],
			["fine", "ok", "all is well"],
			["fine", "fault", "but for this"],
		],
	);
	t.strictSame(told, ["hangs", "rejects", "throws", "fine", "fine"]);
	t.equal(summary(results), "1 fault, 3 warnings, 0 notes, 1 in order");
	const [last] = results.slice(-1);
	t.equal(last && resultText(last), "fault  but for this\n       because: so it is\n       mend: mend it\n");
});

t.test("a finding is one line, whatever a name has in it", async (t) => {
	t.equal(resultText({ check: "x", level: "ok", what: "a\nb\u001b[2J" }), "ok     a\\nb\\x1b[2J\n");
});

t.test("secrets are left out by the names of their keys, and out of URLs", async (t) => {
	const planted = {
		token: "PLANTED",
		token_file: "/etc/vblade/token",
		access_key: "PLANTED",
		store: [{ secret: "PLANTED", deep: { chap_password: { a: "PLANTED" } } }],
		remote: "nbds://user:PLANTED@host/web",
		words: ["https://PLANTED@host:1/x?y"],
		size: 5n,
		since: new Date(0),
		none: null,
	};
	const text = JSON.stringify(redact(planted));
	t.notMatch(text, /PLANTED/);
	t.match(text, '"token_file":"/etc/vblade/token"', "the name of a file stays");
	t.match(text, '"remote":"nbds://(left out)@host/web"');
	t.match(text, '"size":"5","since":"1970-01-01T00:00:00.000Z","none":null');
});

t.test("the archive is one that tar reads, without what was planted", async (t) => {
	const root = scratchDirectory();
	mkdirSync(path.join(root, "proc/net"), { recursive: true });
	writeFileSync(path.join(root, "proc/net/dev"), "eth0: 1 2 3\n");
	const report = {
		version: "1.2.3",
		time: "2026-11-26T08:00:00.000Z",
		host: "here",
		findings: [{ check: "x", level: "fault", what: "it is broken" }],
	} as const;
	const context: Context = {
		...CONTEXT,
		machine: new Machine(root),
		daemon: { socket: "/s", failures: [], answers: { status: { token: "PLANTED", workers: 2 } } },
	};
	const archive = bundle(report, context, new Map([["vblade.toml", "[http]\n"]]));
	t.notMatch(gunzipSync(archive).toString("latin1"), /PLANTED/);
	const file = path.join(root, "report.tar.gz");
	writeFileSync(file, archive);
	execFileSync("tar", ["-xzf", file, "-C", root]);
	const read = (name: string): string =>
		execFileSync("cat", [path.join(root, "vblade-doctor", name)], { encoding: "utf8" });
	t.equal(read("report.txt"), "fault  it is broken\n1 fault, 0 warnings, 0 notes, 0 in order\n");
	t.match(JSON.parse(read("report.json")), report);
	t.match(JSON.parse(read("daemon/status.json")), { token: "(left out)", workers: 2 });
	t.equal(read("machine/proc-net-dev"), "eth0: 1 2 3\n");
	t.equal(read("configuration/vblade.toml"), "[http]\n");
	t.match(JSON.parse(read("versions.json")), { vblade: "1.2.3", node: process.versions.node });
});

t.test("the configuration is in the report, but for its secrets", async (t) => {
	const root = scratchDirectory();
	mkdirSync(path.join(root, "etc/conf.d"), { recursive: true });
	const put = (name: string, text: string): void => writeFileSync(path.join(root, "etc", name), text);
	put("vblade.toml", '[http]\ntoken_file = "/etc/token"\n[disk.far]\nremote = "nbd://me:PLANTED@host/x"\n');
	put("token", "PLANTED");
	put("conf.d/a.toml", '[store.attic]\naccess_key = """\nPLANTED\nPLANTED"""\nregion = "here"\n');
	put("conf.d/broken.toml", 'secret = "PLANTED');
	put("conf.d/other.txt", "PLANTED");
	const texts = configurationOf(new Machine(root), "/etc/vblade.toml");
	t.strictSame([...texts.keys()].sort(), ["conf.d/a.toml", "conf.d/broken.toml", "vblade.toml"]);
	t.notMatch([...texts.values()].join(), /PLANTED/);
	t.match(texts.get("vblade.toml"), 'token_file = "/etc/token"');
	t.match(texts.get("conf.d/a.toml"), 'region = "here"');
});
