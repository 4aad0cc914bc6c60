// A mirror in the daemon: a disk of it that is missing, comes back and gets what it lacks, is compared and overwritten, while it serves.

import { closeSync, openSync, renameSync, writeSync } from "node:fs";
import t from "tap";
import { DaemonTree } from "../daemon/tree-bench.js";
import { asked } from "../support/asked.js";
import { until } from "../support/cleanup.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { run } from "../support/process.js";

const MIB = 1024 * 1024;

if (await inNamespace(import.meta.url)) {
	const tree = new DaemonTree();
	const near = tree.path("near.sock");
	const [a, b] = [tree.file("a.img", 9 * MIB), tree.file("b.img", 9 * MIB)];
	const both = (more = ""): string =>
		[
			`[nbd]\nlisten = ["unix:${near}"]\n[disk.both]\nmirror = ["a", "b"]\n${more}[disk.both.nbd]\n`,
			`[disk.a]\nfile = "${a}"\n[disk.b]\nfile = "${b}"\n`,
		].join("");
	tree.configure(both());
	await tree.start();
	t.teardown(() => tree.stop());
	const io = async (...commands: string[]): Promise<string> => {
		const words = commands.flatMap((command) => ["-c", command]);
		return (await run(["qemu-io", "-f", "raw", ...words, `nbd+unix:///both?socket=${near}`], LIMIT_MS))
			.output;
	};
	const FAILED = /fail|error/i;
	const ask = (...words: string[]): Promise<string> => asked(tree.socket, ...words);
	const standings = async (): Promise<string> => {
		const { parts } = (await tree.ask("GET", "/api/v1/disks/both")).body;
		const all = (parts ?? []) as readonly { mirrored: { standing: string } | null }[];
		return all.map(({ mirrored }) => mirrored?.standing ?? "-").join(" ");
	};
	const inSync = (): Promise<void> =>
		until("both are in sync", async () => (await standings()) === "inSync inSync", LIMIT_MS);

	t.test("a new one is made, and written to", async (t) => {
		await tree.state("both", "open");
		t.notMatch(await io("write -P 7 0 8M", "flush", "read -P 7 0 8M"), FAILED);
		await inSync();
		t.match(
			await ask("disk", "show", "both"),
			/mirrored on +disk a: in sync.*\n.*mirrored on +disk b: in sync/,
		);
		t.match(await ask("disk", "verify", "both"), /8M compared: they are the same/);
		const text = String((await tree.ask("GET", "/metrics")).body.text);
		t.match(text, /^vblade_mirror_state\{disk="both",part="a",state="inSync"\} 1$/m);
		t.match(text, /^vblade_mirror_lag_seconds\{disk="both",part="b"\} 0$/m);
		t.match(text, /^vblade_mirror_lag_bytes\{disk="both",part="b"\} 0$/m);
	});

	t.test("what differs is found, and made like one of them", async (t) => {
		await tree.stop();
		const file = openSync(b, "r+");
		writeSync(file, Buffer.alloc(4096, 1), 0, 4096, 4 * MIB);
		closeSync(file);
		await tree.start();
		await inSync();
		const found = await ask("disk", "verify", "both");
		t.match(found, /8M compared: 4K differ in 1 range$/m);
		t.match(found, /byte 4194304, 4096 bytes: disk b differs from disk a$/m);
		t.match(
			await ask("disk", "verify", "both", "--repair"),
			/4K differ in 1 range$/m,
			"neither is a majority",
		);
		t.match(await ask("disk", "verify", "both", "--from=a"), /4K differ in 1 range, 4K were written again/);
		t.match(await ask("disk", "verify", "both"), /8M compared: they are the same/);
		t.match(await ask("disk", "verify", "a"), /disk "a": is no mirror/);
		t.match(await ask("disk", "resync", "both", "nobody"), /disk nobody is none of its mirror/);
	});

	t.test("one that is missing is not done without, unless that is said; it gets what it lacks", async (t) => {
		await tree.stop();
		renameSync(b, `${b}.away`);
		await tree.start();
		await until(
			"it says why",
			async () => /b/.test(String((await tree.ask("GET", "/api/v1/disks/both")).body.reason)),
			LIMIT_MS,
		);
		tree.configure(both("degraded = true\n"));
		await ask("reload");
		await tree.state("both", "open");
		t.equal(await standings(), "inSync absent");
		await tree.problem(/disk both: its mirror's disk b is absent/);
		const text = String((await tree.ask("GET", "/metrics")).body.text);
		t.match(text, /^vblade_mirror_state\{disk="both",part="b",state="absent"\} 1$/m);
		t.match(text, /^vblade_mirror_lag_seconds\{disk="both",part="b"\} (?!0$)[0-9.]+$/m);
		t.notMatch(await io("write -P 8 1M 1M", "flush"), FAILED);
		renameSync(`${b}.away`, b);
		await inSync();
		t.match(await ask("disk", "verify", "both"), /8M compared: they are the same/);
		t.notMatch(await io("read -P 8 1M 1M", "read -P 7 2M 6M"), FAILED);
	});
}
