/** Disks over iSCSI in a configuration: what is understood, what is refused and where. Mirrors lib/spec/iscsi.ts, iscsi-name.ts, iscsi-schema.ts. */

import t from "tap";
import { differenceOf } from "../../lib/spec/difference.js";
import { dumpOf } from "../../lib/spec/dump.js";
import { iscsiExportOf } from "../../lib/spec/exports.js";
import { derivedTarget, readIscsiName } from "../../lib/spec/iscsi-name.js";
import { good, read } from "./readings.js";

const LISTEN = '[iscsi]\nlisten = ["0.0.0.0:3260", "[::]:3260"]\n';
const TARGET = 'target = "iqn.2026-11.org.example:shop"\n';
const disk = (name: string, iscsi: string): string =>
	`[disk.${name}]\nmemory = "1M"\n[disk.${name}.iscsi]\n${iscsi}`;

t.test("a disk without a target has one of its own; several may be in one", async (t) => {
	const text = `${LISTEN}[defaults.iscsi]\ninitiators = ["IQN.1993-08.org.debian:01:ABC"]\n${disk("a", "")}${disk("b", `${TARGET}initiators = []\n`)}${disk("c", `${TARGET}lun = 7\ninitiators = []\nremovable = true\n`)}[disk.d]\nmemory = "1M"\n`;
	const { disks, iscsi, warnings } = good(read(text));
	t.same(warnings, []);
	t.same(
		iscsi.listen.map(({ name }) => name),
		["0.0.0.0:3260", "[::]:3260"],
	);
	const exports = disks.map((each) => iscsiExportOf(each.exports));
	t.match(exports[0], {
		...{ name: "iscsi:a", disk: "a", target: "iqn.2026-11.org.example.san:a", lun: 0, removable: false },
		initiators: ["iqn.1993-08.org.debian:01:abc"],
	});
	t.match(exports[1], { target: "iqn.2026-11.org.example:shop", lun: 0, initiators: [] });
	t.match(exports[2], { target: "iqn.2026-11.org.example:shop", lun: 7, removable: true });
	t.equal(exports[3], undefined, "what holds for all makes no export");
});

t.test("what is wrong is told with its place", async (t) => {
	const SECRET = 'secret_file = "/etc/vblade/a"';
	const cases: readonly [text: string, told: RegExp][] = [
		[
			`${LISTEN}${disk("a", TARGET)}${disk("b", TARGET)}`,
			/^0.toml:9:\d+: disk b: disk a \(0.toml:5:\d+\) is LUN 0 of iqn.2026-11.org.example:shop already/,
		],
		[
			`${LISTEN}${disk("a", TARGET)}${disk("b", `${TARGET}lun = 1\ninitiators = []`)}`,
			/^0.toml:12:1: disk b: disk a .* is of the same target, which has the same initiators for all of its disks/,
		],
		[
			`${LISTEN}${disk("a", `${TARGET}chap = { user = "a", ${SECRET} }\n`)}${disk("b", `${TARGET}lun = 1\nchap = { user = "b", ${SECRET} }`)}`,
			/disk b: disk a .* has the same chap for all of its disks/,
		],
		[disk("a", 'target = "web"'), /^0.toml:4:\d+: target "web": a name such as iqn/],
		[disk("a", 'target = "iqn.2026-13.org.example:web"'), /^0.toml:4:\d+: target /],
		[disk("a", 'initiators = ["iqn.2026-11.org.example:a b"]'), /^0.toml:4:\d+: initiators /],
		[disk("a", "lun = 16384"), /^0.toml:4:\d+: lun "?16384/],
		[disk("a", 'clients = ["uid:7"]'), /^0.toml:4:\d+: clients "uid:7": an address or a range/],
		[disk("a", 'chap = { user = "a" }'), /^0.toml:4:\d+: chap: secret_file is missing/],
		[disk("a", `chap = { ${SECRET} }`), /^0.toml:4:\d+: chap: user is missing/],
		[disk("a", `chap = { user = "a", ${SECRET}, mutual_user = "b" }`), /chap: mutual_secret_file is missing/],
		[
			disk("a", `chap = { user = "a", ${SECRET}, mutual_user = "b", mutual_${SECRET} }`),
			/chap: each direction needs a secret of its own/,
		],
		[disk("a", 'chap = { user = "a", secret_file = "a" }'), /secret_file "a": an absolute path/],
		[disk("a", 'clients = ["192.0.2.0/33"]'), /clients "192.0.2.0\/33": an address or a range is allowed/],
		['[iscsi]\nlisten = ["3260"]', /^0.toml:2:11: listen "3260": unix:PATH, or .* such as 127.0.0.1:3260 or/],
		['[iscsi]\nlisten = ["unix:rel"]', /^0.toml:2:11: listen "unix:rel": an absolute path is allowed/],
		[
			'[iscsi]\nlisten = ["127.0.0.1:3260", "[::1]:3260", "127.0.0.1:3260"]',
			/^0.toml:2:\d+: iscsi.listen "127.0.0.1:3260": iscsi.listen has it already$/,
		],
		[
			'[iscsi]\nlisten = ["0.0.0.0:3260", "[::]:3260", "127.0.0.1:3260"]',
			/^0.toml:2:\d+: iscsi.listen "127.0.0.1:3260": iscsi.listen has 0.0.0.0:3260 already$/,
		],
		[
			'[nbd]\nlisten = ["[::1]:3260", "127.0.0.1:3261"]\n[iscsi]\nlisten = ["0.0.0.0:3260", "[::]:3260"]',
			/^0.toml:4:\d+: iscsi.listen "\[::\]:3260": nbd.listen has \[::1\]:3260 already$/,
		],
		[
			'[nbd]\nlisten = ["127.0.0.1:3260"]\n[iscsi]\nlisten = ["127.0.0.1:3260"]',
			/^0.toml:4:11: iscsi.listen "127.0.0.1:3260": nbd.listen has it already/,
		],
	];
	for (const [text, told] of cases) {
		const found = read(text);
		t.match(Array.isArray(found) ? found.join("\n") : "nothing is wrong", told, text);
	}
	t.match(
		good(read(disk("a", ""))).warnings.map(({ message }) => message),
		[/:3:\d+: disk a: no initiator can connect to it: \[iscsi\] listen is missing/],
	);
});

t.test("what is written out reads back, and a change says what it takes", async (t) => {
	const before = good(read(`${LISTEN}${disk("a", "initiators = []\n")}`));
	t.match(dumpOf(before), '[iscsi]\nlisten = [ "0.0.0.0:3260", "[::]:3260" ]');
	t.same(good(read(dumpOf(before))).disks[0]?.exports, before.disks[0]?.exports);
	const after = good(read(`${LISTEN}${disk("a", 'lun = 1\nclients = ["::1"]\n')}`));
	const [step] = differenceOf(before, after).steps;
	t.match(step, { kind: "reexport" });
	t.same(step?.kind === "reexport" && step.changes.map(({ key, effort }) => `${key} ${effort}`), [
		"iscsi.lun export",
		"iscsi.initiators live",
		"iscsi.clients live",
	]);
	const named = good(
		read(`${LISTEN}${disk("a", 'target = "iqn.2026-11.org.example.san:a"\ninitiators = []\n')}`),
	);
	t.same(differenceOf(before, named).steps, [], "the name that it has anyway");
});

t.test("names", async (t) => {
	t.equal(readIscsiName("target", "IQN.2026-11.ORG.example:Web"), "iqn.2026-11.org.example:web");
	t.equal(readIscsiName("target", "eui.02004567A425678D"), "eui.02004567a425678d");
	t.equal(readIscsiName("target", "naa.52004567ba64678d"), "naa.52004567ba64678d");
	t.equal(readIscsiName("target", "iqn.2001-04.com.example:büro"), "iqn.2001-04.com.example:büro");
	for (const wrong of ["", "iqn.", "iqn.2026-00.a", "eui.1", "naa.5", "iqn.2026-11.a:", "iqn.2026-11.a/b:c"])
		t.throws(() => readIscsiName("target", wrong), wrong);
	t.throws(() => readIscsiName("target", `iqn.2026-11.a:${"b".repeat(210)}`));
	t.equal(derivedTarget("san", "web"), "iqn.2026-11.local.san:web");
	t.equal(derivedTarget("San.example.org", "a_b"), "iqn.2026-11.org.example.san:a-b");
	t.equal(derivedTarget("", "web"), "iqn.2026-11.local:web");
});
