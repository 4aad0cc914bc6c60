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
