/** Disks of disks in a configuration. Mirrors lib/spec/assembly.ts. */

import t from "tap";
import { differenceOf } from "../../lib/spec/difference.js";
import { diffText, dumpOf } from "../../lib/spec/dump.js";
import { good, read, refuses } from "./readings.js";

const file = (name: string, more = ""): string => `[disk.${name}]\nfile = "/srv/${name}.img"\n${more}`;
const of = (name: string, ...parts: string[]): string =>
	`[disk.${name}]\nlinear = ${JSON.stringify(parts)}\n`;
const named = (text: string, name: string) => good(read(text)).disks.find((disk) => disk.name === name);

t.test("a disk has the specs of what it is made of, and these what it says", async (t) => {
	const text = `${of("both", "a", "inner")}durability = "flush"\n${of("inner", "b")}${file("a", "limit = { iops = 5 }\n")}${file("b", "read_only = true\n")}${file("c")}`;
	const config = good(read(text));
	const spec = (name: string) => config.disks.find((disk) => disk.name === name)?.disk;
	const { limit, ...a } = spec("a")!;
	t.match(limit, { iops: 5 });
	t.strictSame(spec("both")?.storage, {
		kind: "linear",
		name: "linear:a,inner",
		members: [a, spec("inner")],
	});
	t.strictSame(spec("inner")?.storage, { kind: "linear", name: "linear:b", members: [spec("b")] });
	t.match([a.durability, spec("b")?.durability, spec("c")?.durability], ["flush", "flush", "ack"]);
	t.match([spec("both")?.readOnly, spec("inner")?.readOnly, a.readOnly], [true, true, false]);
	t.strictSame(
		config.disks.map(({ partOf }) => partOf),
		[undefined, "both", "both", "inner", undefined],
	);
	t.strictSame(differenceOf(config, good(read(text))).steps, []);
	t.strictSame(differenceOf(config, good(read(dumpOf(config)))).steps, [], "also from what dump writes");
	t.equal(named(`${of("both", "a")}read_only = true\n${file("a")}`, "a")?.disk.readOnly, true);
});

t.test("what can't be is refused, where it is written", async (t) => {
	refuses(t, of("both", "a"), '2:11: disk both: linear: disk "a": there is none of this name');
	refuses(t, `${of("both", "a", "a")}${file("a")}`, "2:15: disk both: linear: disk a is in it twice");
	refuses(t, of("both", "both"), "2:11: disk both: linear: it would be a part of itself (both in both)");
	refuses(
		t,
		`${of("one", "two")}${of("two", "one")}`,
		"2:11: disk one: linear: it would be a part of itself (one in two in one)",
		"4:11: disk two: linear: it would be a part of itself (two in one in two)",
	);
	refuses(
		t,
		`${file("a")}${of("one", "a")}${of("two", "a")}`,
		"6:11: disk two: linear: disk a is a part of disk one (0.toml:4:1) already",
	);
	refuses(
		t,
		`${of("both", "a")}${file("a")}[disk.a.nbd]\n`,
		"2:11: disk both: linear: disk a (0.toml:5:9) is served itself, and would be written to beside the whole",
	);
	refuses(t, `${of("both", "a")}file = "/b"\n${file("a")}`, "2:1: disk both: it has a file already");
	refuses(t, of("both"), "2:1: linear: 0 disks are given; 1 to 64 are allowed");
	const deep = Array.from({ length: 9 }, (_, i) => of(`d${i}`, `d${i + 1}`)).join("");
	refuses(
		t,
		`${deep}${file("d9")}`,
		"18:11: disk d8: linear: it is in 8 others, one in the other; 7 are allowed",
	);
});

t.test("a mirror writes to its disks, also if it is read only itself", async (t) => {
	const mirror = (more = "") => `[disk.both]\nmirror = ["a", "b"]\n${more}`;
	const text = `${of("long", "both", "c")}read_only = true\n${mirror()}${file("a")}${file("b")}${file("c")}`;
	const isReadOnly = ["long", "both", "a", "c"].map((name) => named(text, name)?.disk.readOnly);
	t.strictSame(isReadOnly, [true, true, false, true]);
	refuses(
		t,
		`${mirror()}${file("a")}${file("b", "read_only = true\n")}`,
		"2:16: disk both: mirror: disk b is read only, and a mirror writes to each",
	);
	refuses(
		t,
		`${mirror()}${file("a")}${of("b", "c")}${file("c", "read_only = true\n")}`,
		"2:16: disk both: mirror: disk b is read only, and a mirror writes to each",
	);
});

t.test("keys that mean nothing to a disk of disks are refused, or not for it", async (t) => {
	const both = `${of("both", "a", "b")}direct = true\n${file("a")}${file("b")}`;
	refuses(t, both, "3:1: disk both: direct is for what has a file: give it to the disks that it is made of");
	const all = `[defaults]\ndirect = true\n${of("both", "a", "b")}${file("a")}${file("b")}`;
	t.equal(named(all, "a")?.disk.direct, true, "what is for all disks is for those that have a file");
	refuses(t, `${file("a")}disk_timeout = "5s"\n`, "3:1: disk a: disk_timeout is for what is a mirror");
	const mirror = (time: string) => `[disk.both]\nmirror = ["a", "b"]\ndisk_timeout = "${time}"\n`;
	t.match(named(`${mirror("5s")}${file("a")}${file("b")}`, "both")?.disk.mirroring, { timeoutMs: 5000 });
	refuses(t, `${mirror("2h")}${file("a")}${file("b")}`, '3:1: disk_timeout "2h": from 1s to 1h is allowed');
});

t.test("two disks of one server's disk, or of one part of a file, are refused if one writes", async (t) => {
	const far = (name: string, address: string, more = ""): string =>
		`[disk.${name}]\nremote = "${address}"\n${more}`;
	const both = '[disk.both]\nmirror = ["a", "b"]\n';
	refuses(
		t,
		`${both}${far("a", "nbd://host/web")}${far("b", "nbd://HOST:10809/web")}`,
		"6:1: disk b: disk a (0.toml:4:1) has the same part of nbd://HOST:10809/web, and one of them may write",
	);
	refuses(
		t,
		`${far("a", "aoe:eth0:9.0")}${far("b", "aoe:eth0:9.0")}`,
		"4:1: disk b: disk a (0.toml:2:1) has the same part of aoe:eth0:9.0, and one of them may write",
	);
	refuses(
		t,
		`${far("a", "nbd+unix:///web?socket=/run/a.sock")}${far("b", "nbd+unix:///web?socket=/run//a.sock")}`,
		"4:1: disk b: disk a (0.toml:2:1) has the same part of nbd+unix:///web?socket=/run//a.sock, and one of them may write",
	);
	const good2 = `${far("a", "nbd://host/web", "length = 8\n")}${far("b", "nbd://host/web", "offset = 8\n")}`;
	t.equal(good(read(good2)).disks.length, 2, "other parts of it");
	const readers = `${far("a", "nbd://host/web", "read_only = true\n")}${far("b", "nbd://host/web", "read_only = true\n")}`;
	t.equal(good(read(readers)).disks.length, 2, "nobody writes");
	t.equal(good(read(`${far("a", "nbd://host/web")}${far("b", "nbd://host/db")}`)).disks.length, 2);
	refuses(
		t,
		`${both}${file("a")}[disk.b]\nfile = "/srv//a.img"\n`,
		"6:1: disk b: disk a (0.toml:4:1) has the same part of /srv/a.img, and one of them may write",
	);
});

t.test("what changes in one is a change of what is made of it", async (t) => {
	const before = good(read(`${of("both", "a", "b")}${file("a")}${file("b")}`));
	const steps = (text: string) => diffText(differenceOf(before, good(read(text))));
	t.strictSame(steps(`${of("both", "a", "b")}${file("a")}[disk.b]\nfile = "/srv/other.img"\n`), [
		'disk both: linear what is in ["a","b"] is something else (closed and opened)',
		"disk b: file /srv/b.img -> /srv/other.img (closed and opened)",
	]);
	t.strictSame(steps(`${of("both", "a", "b")}${file("a", "limit = { iops = 9 }\n")}${file("b")}`), [
		"disk a: limit.iops unset -> 9 (live)",
	]);
	t.strictSame(steps(`${of("both", "a", "b")}read_only = true\n${file("a")}${file("b")}`), [
		'disk both: linear what is in ["a","b"] is something else (closed and opened)',
		"disk both: read_only false -> true (closed and opened)",
		"disk a: read_only false -> true (closed and opened)",
		"disk b: read_only false -> true (closed and opened)",
	]);
	t.strictSame(steps(`${of("both", "b")}${file("a")}${file("b")}`), [
		'disk both: linear ["a","b"] -> ["b"] (closed and opened)',
		"disk a: closed and opened",
	]);
	t.strictSame(steps(`${file("a")}${file("b")}`), [
		"disk both: removed",
		"disk a: closed and opened",
		"disk b: closed and opened",
	]);
});
