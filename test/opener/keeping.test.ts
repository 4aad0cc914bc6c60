// The state directory: files are replaced as a whole, one after the other.
import { execFileSync } from "node:child_process";
import {
	linkSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	renameSync,
	rmSync,
	statSync,
	truncateSync,
	writeFileSync,
} from "node:fs";
import path from "node:path";
import t from "tap";
import { DamagedError, OperatorError } from "../../lib/errors.js";
import { Keeping } from "../../lib/opener/keeping.js";

const bytes = (text: string): Uint8Array => Buffer.from(text);

t.test("what is kept is there again", async (t) => {
	const folder = path.join(t.testdir(), "a/state");
	const keeping = await Keeping.in(folder);
	t.equal(statSync(folder).mode & 0o777, 0o700, "nobody else looks into it");
	t.equal(await keeping.kept("disks.json"), undefined);
	await keeping.keep("disks.json", bytes("{}"));
	await keeping.keep("history-000", Uint8Array.of(0, 255));
	keeping.release();
	const again = await Keeping.in(folder);
	t.equal(String(await again.kept("disks.json")), "{}");
	t.strictSame([...((await again.kept("history-000")) ?? [])], [0, 255]);
	t.equal(statSync(path.join(folder, "disks.json")).mode & 0o777, 0o600);
});

t.test("the last of many wins, and nothing is left beside them", async (t) => {
	const folder = t.testdir();
	const keeping = await Keeping.in(folder);
	await Promise.all(
		Array.from({ length: 50 }, (_, i) => keeping.keep("disks.json", bytes(`${i}`.repeat(1000)))),
	);
	t.equal(readFileSync(path.join(folder, "disks.json"), "utf8"), "49".repeat(1000));
	t.strictSame(readdirSync(folder), ["disks.json", "disks.json.before", "lock"]);
	t.equal(
		readFileSync(path.join(folder, "disks.json.before"), "utf8"),
		"48".repeat(1000),
		"and the one before",
	);
});

t.test("what can't be kept leaves what was there, and the next is tried", async (t) => {
	const folder = t.testdir();
	const keeping = await Keeping.in(folder);
	await keeping.keep("disks.json", bytes("before"));
	mkdirSync(path.join(folder, "disks.json.new"));
	await t.rejects(
		keeping.keep("disks.json", bytes("after")),
		OperatorError,
		"told who asked, no end of the opener",
	);
	t.equal(readFileSync(path.join(folder, "disks.json"), "utf8"), "before");
	mkdirSync(path.join(folder, "wish.json"));
	await t.rejects(keeping.kept("wish.json"), DamagedError);
	await keeping.keep("runtime.toml", bytes("[disk.a]"));
	t.equal(readFileSync(path.join(folder, "runtime.toml"), "utf8"), "[disk.a]");
});

t.test("all that is kept has a limit, over restarts too", async (t) => {
	const folder = t.testdir();
	const keeping = await Keeping.in(folder, 1000);
	await keeping.keep("history-000", new Uint8Array(600));
	await t.rejects(keeping.keep("history-001", new Uint8Array(600)), /no more than 1000 bytes/);
	await keeping.keep("history-000", new Uint8Array(900));
	keeping.release();
	await t.rejects((await Keeping.in(folder, 1000)).keep("history-001", new Uint8Array(101)), OperatorError);
	await keeping.keep("history-001", new Uint8Array(100));
});

t.test("no state directory", async (t) => {
	const folder = t.testdir({ file: "" });
	writeFileSync(path.join(folder, "file"), "");
	await t.rejects(Keeping.in(path.join(folder, "file")), OperatorError);
	await t.rejects(Keeping.in(path.join(folder, "file/below")), OperatorError);
});

t.test("one daemon has it at a time", async (t) => {
	const folder = t.testdir();
	const keeping = await Keeping.in(folder);
	await t.rejects(Keeping.in(folder), { name: "OperatorError", message: /another daemon has it$/ });
	keeping.release();
	(await Keeping.in(folder)).release();
});

t.test("what somebody has removed is not as if it had never been", async (t) => {
	const folder = path.join(t.testdir(), "state");
	const keeping = await Keeping.in(folder);
	await keeping.keep("disks.json", bytes("{}"));
	rmSync(folder, { recursive: true });
	await t.rejects(keeping.kept("disks.json"), { message: /disks\.json: can't be read \(ENOENT\)/ });
	await t.rejects(keeping.kept("disks.json"), DamagedError);
	t.equal(await keeping.kept("wish.json"), undefined);
	mkdirSync(folder);
	await keeping.keep("disks.json", bytes("{ }"));
	t.equal(String(await keeping.kept("disks.json")), "{ }");
});

t.test("what is put aside is kept, is never as if it had not been, and can't fill the disk", async (t) => {
	const folder = t.testdir();
	const keeping = await Keeping.in(folder);
	await keeping.keep("disks.json", bytes("rubbish"));
	const aside = await keeping.setAside("disks.json");
	t.match(aside, /^disks\.json\.damaged-\d{4}-/);
	t.equal(readFileSync(path.join(folder, aside), "utf8"), "rubbish");
	await t.rejects(keeping.kept("disks.json"), DamagedError);
	keeping.release();
	const again = await Keeping.in(folder);
	await t.rejects(again.kept("disks.json"), DamagedError, "also after a restart");
	await t.rejects(again.setAside("disks.json"), /can't be put aside \(ENOENT\)/);
	for (let times = 1; times < 16; times++) {
		await again.keep("disks.json", bytes("rubbish"));
		await again.setAside("disks.json");
	}
	await again.keep("disks.json", bytes("rubbish"));
	await t.rejects(again.setAside("disks.json"), /has 16 damaged files already/);
});

t.test("a copy is left by one that was ended at any step", async (t) => {
	const folder = t.testdir({ "disks.json": "1", "disks.json.before.new": "0", "disks.json.new": "torn" });
	const file = (name: string): string => readFileSync(path.join(folder, name), "utf8");
	const keeping = await Keeping.in(folder);
	await keeping.keep("disks.json", bytes("2"));
	t.strictSame([file("disks.json"), file("disks.json.before")], ["2", "1"]);
	// The copy was made, and then it ended: both names are of one file.
	linkSync(path.join(folder, "disks.json"), path.join(folder, "x"));
	renameSync(path.join(folder, "x"), path.join(folder, "disks.json.before"));
	await keeping.keep("disks.json", bytes("3"));
	t.strictSame([file("disks.json"), file("disks.json.before")], ["3", "2"]);
	t.strictSame(readdirSync(folder), ["disks.json", "disks.json.before", "lock"]);
});

t.test("what is there in place of a file that was kept is damage, and fills nothing", async (t) => {
	const folder = t.testdir({ "disks.json": {} });
	execFileSync("mkfifo", [path.join(folder, "wish.json")]);
	writeFileSync(path.join(folder, "history-000"), "");
	truncateSync(path.join(folder, "history-000"), 2 ** 40);
	const keeping = await Keeping.in(folder);
	for (const name of ["disks.json", "wish.json", "history-000"])
		await t.rejects(keeping.kept(name), DamagedError, name);
	await keeping.setAside("disks.json");
	await keeping.keep("disks.json", bytes("{}"));
	t.equal(String(await keeping.kept("disks.json")), "{}");
});
