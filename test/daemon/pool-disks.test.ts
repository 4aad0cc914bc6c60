// A pool on disks of the daemon, a file and a linear one: it is made, served over AoE and NBD, one more disk is added and another one emptied while it
// is written to, processes are killed, and all is there.
import { closeSync, openSync, writeSync } from "node:fs";
import t from "tap";
import type { RemoteDisk } from "../../lib/client/remote-disk.js";
import { until } from "../support/cleanup.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { vbladeCommand } from "../support/paths.js";
import { run, sendSignal } from "../support/process.js";
import { DaemonTree, diskToml } from "./tree-bench.js";

const MIB = 1024 * 1024;
/** Room for a file of the log and a little. */
const SMALL = 73 * MIB;
const SECTORS = 8;

if (await inNamespace(import.meta.url)) {
	const tree = new DaemonTree();
	const near = tree.path("nbd.sock");
	const files = {
		a: tree.file("a.img", 137 * MIB),
		b: tree.file("b.img", SMALL),
		c: tree.file("c.img", 201 * MIB),
	};
	const configure = (disks: string): void =>
		tree.configure(
			[
				`workers = 2\n[nbd]\nlisten = ["unix:${near}"]\n[pool.far]\ndisks = [${disks}]\n`,
				diskToml("web", 'volume = "far/web"', "9.0", `unix:${tree.frames}`),
				'[disk.mail]\nvolume = "far/mail"\n[disk.mail.nbd]\n',
				`[disk.a]\nfile = "${files.a}"\n[disk.b]\nfile = "${files.b}"\n`,
				`[disk.both]\nlinear = ["b"]\n[disk.c]\nfile = "${files.c}"\n`,
			].join("\n"),
		);
	configure('"a", "both"');
	await tree.start();
	t.teardown(() => tree.stop());
	const say = async (...words: string[]): Promise<{ status: number | null; text: string }> => {
		const { code, output } = await run([...vbladeCommand(), ...words, "--socket", tree.socket], LIMIT_MS);
		return { status: code, text: output };
	};
	const done = async (...words: string[]): Promise<string> => {
		const { status, text } = await say(...words);
		t.equal(status, 0, text);
		return text;
	};
	const io = async (...commands: string[]): Promise<string> => {
		const words = commands.flatMap((command) => ["-c", command]);
		return (await run(["qemu-io", "-f", "raw", ...words, `nbd+unix:///mail?socket=${near}`], LIMIT_MS))
			.output;
	};
	const FAILED = /fail|error/i;
	const page = (fill: number): Uint8Array => new Uint8Array(512 * SECTORS).fill(fill);
	const isThere = async (disk: RemoteDisk, lba: number, fill: number): Promise<boolean> =>
		Buffer.from(await disk.read(lba, SECTORS)).equals(page(fill));
	const parts = async (): Promise<string[]> => {
		const { disks } = (await tree.ask("GET", "/api/v1/pools/far")).body;
		return ((disks ?? []) as readonly { disk: string; state: string }[]).map(
			({ disk, state }) => `${disk} ${state}`,
		);
	};

	const partsAre = (...wanted: string[]): Promise<void> =>
		until(
			`its disks are ${wanted}`,
			async () => JSON.stringify((await parts()).sort()) === JSON.stringify(wanted.sort()),
			LIMIT_MS,
		);

	t.test("one is made on its disks, which have to be empty, and served", async (t) => {
		await tree.state("a", "open");
		await tree.state("both", "open");
		t.match((await say("pool", "create", "far", "--size", "1G")).text, /--size: is for pools at a path/);
		t.match(
			await done("pool", "create", "far"),
			/^disk +a: 0 of 128M\ndisk +both: (0|64M) of 64M$|^disk +a: 64M/m,
		);
		t.match((await say("pool", "create", "far")).text, /there is a pool, and it is open/);
		for (const name of ["web", "mail"]) await done("volume", "create", `far/${name}`, "64M");
		await tree.state("web", "open");
		await tree.state("mail", "open");
		const disk = await tree.open(9, 0);
		await disk.write(0, page(1));
		t.notMatch(await io("write -P 7 0 1M", "flush", "read -P 7 0 1M"), FAILED);
		const { worker } = await tree.state("web", "open");
		for (const name of ["a", "b", "both", "mail"]) t.equal((await tree.state(name, "open")).worker, worker);
	});

	t.test("whatever is killed, what was acknowledged is there", async (t) => {
		const disk = await tree.open(9, 0);
		await disk.write(80, page(2));
		await tree.kill("worker", Number((await tree.state("web", "open")).worker));
		await tree.state("web", "open");
		const again = await tree.open(9, 0);
		t.ok(await isThere(again, 0, 1));
		t.ok(await isThere(again, 80, 2));
		await tree.kill("control");
		t.notMatch(await io("read -P 7 0 1M"), FAILED);
	});

	t.test(
		"a reload that names one fewer has it emptied, and then closed; one more, it is a part",
		async (t) => {
			t.match(
				(await tree.ask("DELETE", "/api/v1/disks/a", undefined, { "if-match": "*" })).body.detail,
				/disk "a": pool far names it/,
			);
			configure('"both"');
			t.ok(await tree.reload());
			await partsAre("both in use");
			t.ok(await isThere(await tree.open(9, 0), 0, 1), "it is served on");
			configure('"both", "a"');
			t.ok(await tree.reload());
			await tree.state("a", "open");
			await partsAre("both in use", "a in use");
		},
	);

	t.test("one more is added, and one is emptied and taken away, while it is written to", async (t) => {
		t.match(
			(await say("pool", "add", "far", "c")).text,
			/disk "c": is none of pool far; name it in its disks/,
		);
		const file = openSync(files.c, "r+");
		writeSync(file, "something", 5000);
		closeSync(file);
		configure('"a", "both", "c"');
		t.ok(await tree.reload());
		await tree.state("c", "open");
		await tree.problem(/pool far: disk c: has data on it; force overwrites it/);
		t.match((await say("pool", "add", "far", "c")).text, /disk c: has data on it/);
		const disk = await tree.open(9, 0);
		let [value, isOver] = [3, false];
		const load = (async () => {
			for (; !isOver; value++) {
				await disk.write((value % 64) * SECTORS, page(value));
				if (!(await isThere(disk, (value % 64) * SECTORS, value))) t.fail(`write ${value} is not there`);
			}
		})();
		t.match(await done("pool", "add", "far", "c", "--force"), /^disk +c: 0 of 192M$/m);
		t.notMatch(await done("pool", "remove", "far", "both"), /^disk +both:/m);
		isOver = true;
		await load;
		await partsAre("a in use", "c in use");
		t.notMatch(await io("read -P 7 0 1M", "write -P 8 1M 1M", "flush"), FAILED);
		await tree.stop();
		await tree.start();
		await tree.state("web", "open");
		const again = await tree.open(9, 0);
		for (let back = 1; back <= 64 && value - back >= 3; back++)
			t.ok(await isThere(again, ((value - back) % 64) * SECTORS, value - back), `write ${value - back}`);
		t.notMatch(await io("read -P 7 0 1M", "read -P 8 1M 1M"), FAILED);
	});

	t.test("all processes are killed while one is emptied, which goes on afterwards", async (t) => {
		const { disks } = (await tree.ask("GET", "/api/v1/pools/far")).body;
		const [used] = (disks as unknown as readonly { disk: string; usedBytes: number }[]).filter(
			({ usedBytes }) => usedBytes > 0,
		);
		const leaving = used?.disk ?? "";
		const asked = await tree.ask("POST", "/api/v1/pools/far/empty", { disk: leaving });
		t.equal(asked.status, 202);
		const pids = (await tree.processes()).map(({ pid }) => pid);
		for (const pid of pids) if (pid !== null) sendSignal(pid, "SIGKILL");
		await tree.program.stop("SIGKILL", LIMIT_MS);
		await tree.start();
		await tree.state("web", "open");
		await until("it is emptied", async () => (await parts()).length === 1, LIMIT_MS);
		t.notMatch(await io("read -P 7 0 1M", "read -P 8 1M 1M"), FAILED);
	});

	t.test("what is missing is said, and waited for", async (t) => {
		const [part = ""] = await parts();
		const name = part.split(" ")[0] ?? "";
		await tree.stop();
		configure('"both"');
		await tree.start();
		t.match(await tree.state("web", "failed"), { reason: /far: is no pool/ });
		configure(`"both", "${name}"`);
		t.ok(await tree.reload());
		await tree.state("web", "open");
		t.notMatch(await io("read -P 7 0 1M"), FAILED);
	});
}
