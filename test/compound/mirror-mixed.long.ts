// A mirror in the daemon of all kinds of disks, under a linear one: a pool's volume, a disk of another daemon by NBD, another by AoE, and disks one
// behind the other. Processes are killed, servers go and come, members are added and replaced by reloads.

import { execFileSync } from "node:child_process";
import t from "tap";
import { DaemonTree } from "../daemon/tree-bench.js";
import { until } from "../support/cleanup.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { vbladeCommand } from "../support/paths.js";
import { run } from "../support/process.js";

const MIB = 1024 * 1024;
const NBD_PORT = "127.0.0.1:10898";

interface Part {
	readonly disk: string;
	readonly mirrored: { readonly standing: string; readonly behindBytes: number } | null;
}

t.setTimeout(4 * LIMIT_MS);

if (await inNamespace(import.meta.url)) {
	const ip = (...words: string[]): unknown => execFileSync("ip", words, { timeout: LIMIT_MS });
	ip("link", "set", "lo", "up");
	ip("link", "add", "near", "type", "veth", "peer", "name", "far");
	for (const name of ["near", "far"]) ip("link", "set", name, "up", "mtu", "9000");
	const command = async (...words: string[]): Promise<string> => {
		const { code, output } = await run([...vbladeCommand(), ...words], LIMIT_MS);
		return code === 0 ? output : `${output} (status ${code})`;
	};

	const far = new DaemonTree();
	const farFile = far.file("n.img", 9 * MIB);
	far.configure(
		[
			`[nbd]\nlisten = ["${NBD_PORT}"]\n[disk.n]\nfile = "${farFile}"\n[disk.n.nbd]\n`,
			`[disk.e]\nfile = "${far.file("e.img", 9 * MIB)}"\n[disk.e.aoe]\naddress = "9.0"\nnetif = ["far"]\n`,
		].join(""),
	);
	await far.start();
	t.teardown(() => far.stop());

	const tree = new DaemonTree();
	const socket = tree.path("near.sock");
	const pool = tree.path("pool");
	await command("pool", "create", pool);
	await command("volume", "create", `${pool}/v`, "9M");
	const file = (name: string, size: number): string =>
		`[disk.${name}]\nfile = "${tree.file(`${name}.img`, size)}"\n`;
	const parts = [
		file("a", 5 * MIB),
		file("b", 4 * MIB),
		file("last", MIB),
		file("spare", 9 * MIB),
		`[pool.fast]\npath = "${pool}"\n[disk.v]\nvolume = "fast/v"\n[disk.inner]\nlinear = ["a", "b"]\n`,
		`[disk.n]\nremote = "nbd://${NBD_PORT}/n"\ninterval = "1s"\nresend = 2\n`,
		`[disk.e]\nremote = "aoe:near:9.0"\ninterval = "1s"\nresend = 2\n`,
	].join("");
	const configure = (members: readonly string[], more = ""): void =>
		tree.configure(
			[
				`[nbd]\nlisten = ["unix:${socket}"]\n`,
				`[disk.whole]\nlinear = ["safe", "last"]\n[disk.whole.nbd]\n`,
				`[disk.safe]\nmirror = ${JSON.stringify(members)}\n${more}${parts}`,
			].join(""),
		);
	configure(["v", "n", "inner", "e"]);
	await tree.start();
	t.teardown(() => tree.stop());

	const ask = (...words: string[]): Promise<string> => command(...words, "--socket", tree.socket);
	const io = async (...commands: string[]): Promise<string> => {
		const words = commands.flatMap((each) => ["-c", each]);
		return (await run(["qemu-io", "-f", "raw", ...words, `nbd+unix:///whole?socket=${socket}`], LIMIT_MS))
			.output;
	};
	const FAILED = /fail|error/i;
	const members = async (): Promise<readonly Part[]> =>
		((await tree.ask("GET", "/api/v1/disks/safe")).body.parts ?? []) as unknown as readonly Part[];
	const standing = async (disk: string): Promise<string> =>
		(await members()).find((part) => part.disk === disk)?.mirrored?.standing ?? "none";
	const stands = (disk: string, ...wanted: string[]): Promise<void> =>
		until(`${disk} is ${wanted}`, async () => wanted.includes(await standing(disk)), LIMIT_MS);
	const allInSync = (count: number): Promise<void> =>
		until(
			"all are in sync",
			async () => {
				const all = await members();
				return all.length === count && all.every(({ mirrored }) => mirrored?.standing === "inSync");
			},
			LIMIT_MS,
		);
	const written = async (of: DaemonTree, disk: string): Promise<number> =>
		((await of.ask("GET", `/api/v1/disks/${disk}`)).body.counters as unknown as { writtenBytes: number })
			.writtenBytes;

	t.test("all kinds of disks are one mirror, in a linear disk", async (t) => {
		await tree.state("whole", "open");
		await allInSync(4);
		t.notMatch(await io("write -P 1 0 9M", "flush", "read -P 1 0 9M"), FAILED);
		t.match(await ask("disk", "verify", "safe"), /8M compared: they are the same/);
		t.match(await ask("disk", "show", "inner"), /part of +disk safe/);
	});

	t.test("a worker that is killed loses nothing", async (t) => {
		const writing = io(...Array.from({ length: 200 }, (_, i) => `write -P 2 ${i * 40}k 4k`));
		await tree.kill("worker");
		await writing;
		await tree.state("whole", "open");
		await allInSync(4);
		t.match(await ask("disk", "verify", "safe"), /8M compared: they are the same/);
		t.notMatch(await io("write -P 3 0 8M", "flush", "read -P 3 0 8M", "read -P 1 8M 1M"), FAILED);
	});

	t.test("a server that is killed and is back at once is no loss", async (t) => {
		await far.kill("worker");
		t.notMatch(await io("write -P 4 1M 1M", "flush", "read -P 4 1M 1M"), FAILED);
		await allInSync(4);
	});

	t.test(
		"a server that is gone is done without; back, its disk gets what it lacks and no more",
		async (t) => {
			// So that nothing is taken for written lately.
			await tree.stop();
			await tree.start();
			await allInSync(4);
			await far.stop();
			t.notMatch(await io("write -P 5 3M 512k", "flush", "read -P 5 3M 512k"), FAILED);
			await stands("n", "behind");
			await stands("e", "behind");
			await tree.problem(/disk safe: its mirror's disk n is behind/);
			const lacking = (await members()).find(({ disk }) => disk === "n")?.mirrored?.behindBytes ?? 0;
			t.ok(lacking >= MIB / 2 && lacking <= MIB, `${lacking} bytes are missing`);
			await far.start();
			await allInSync(4);
			for (const disk of ["n", "e"]) {
				const bytes = await written(far, disk);
				t.ok(
					bytes >= MIB / 2 && bytes < 3 * MIB,
					`${disk}: ${bytes} bytes, of 8 MiB, with what the mirror knows`,
				);
			}
			t.match(await ask("disk", "verify", "safe"), /8M compared: they are the same/);
		},
	);

	t.test("one more by a reload; and another one in the place of one that is given up", async (t) => {
		configure(["v", "n", "inner", "e", "spare"]);
		await ask("reload");
		await allInSync(5);
		t.match(await ask("disk", "verify", "safe"), /8M compared: they are the same/);
		t.notMatch(await io("read -P 5 3M 512k", "read -P 1 8M 1M"), FAILED);

		await far.stop();
		t.notMatch(await io("write -P 5 3M 512k"), FAILED);
		await stands("n", "behind");
		await stands("e", "behind");
		configure(["v", "inner", "spare", "fresh"], file("fresh", 9 * MIB));
		await ask("reload");
		await stands("fresh", "inSync");
		t.notMatch(await io("write -P 6 4M 1M", "flush", "read -P 6 4M 1M", "read -P 5 3M 512k"), FAILED);
		t.match(await ask("disk", "verify", "safe"), /8M compared: they are the same/);
	});

	t.test("two names of one file are one disk", async (t) => {
		execFileSync("ln", [tree.path("a.img"), tree.path("same.img")], { timeout: LIMIT_MS });
		const twins = `[disk.twins]\nmirror = ["t1", "a"]\n[disk.t1]\nfile = "${tree.path("same.img")}"\n${file("c", MIB)}`;
		tree.configure(`${twins}[disk.a]\nfile = "${tree.path("a.img")}"\n`);
		await ask("reload");
		const reason = async (): Promise<string> =>
			String((await tree.ask("GET", "/api/v1/disks/a")).body.reason);
		await until("it is refused", async () => /one of them may write/.test(await reason()), LIMIT_MS);
		t.match(await reason(), /is the file of disk t1 \(\S+:\d+:\d+\) too/);
		t.match(
			await command("check", tree.path("vblade.toml")),
			/:\d+:\d+: disk a: .* is the file of disk t1 .*: disk twins can't be made of it/,
		);
	});
}
