// The daemon where the machine gives less than it needs: descriptors, room for its state, a reader for its log, time to run. Disks are served
// on, people are told, and when there is enough again all is well.
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import t from "tap";
import { SECTOR_BYTES } from "../../lib/wire/sector.js";
import { pause, until } from "../support/cleanup.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { variants } from "../support/long.js";
import { run, sendSignal } from "../support/process.js";
import { DaemonTree, diskToml } from "./tree-bench.js";

function treeOf(disks: number, script?: string): DaemonTree {
	const tree = new DaemonTree();
	if (script !== undefined) tree.vblade = ["sh", "-c", script, "sh", ...tree.vblade];
	const toml = Array.from({ length: disks }, (_, slot) =>
		diskToml(`d${slot}`, `file = "${tree.file(`d${slot}.img`)}"`, `9.${slot}`, `unix:${tree.frames}`),
	);
	tree.configure(toml.join(""));
	return tree;
}

async function serves(tree: DaemonTree): Promise<void> {
	const disk = await tree.open(9, 0);
	await disk.write(3, new Uint8Array(SECTOR_BYTES).fill(7));
	await disk.read(3, 1);
}

if (await inNamespace(import.meta.url)) {
	// They wait, mostly.
	t.jobs = 3;

	t.test(
		"few descriptors: it is told, what can be served is, and callers take none that others need",
		async (t) => {
			const tree = treeOf(130, 'ulimit -n 256; exec "$@"');
			await tree.start();
			t.teardown(() => tree.stop());
			const warning = /warn: a process may have 256 descriptors open, and a worker wants some 324/;
			await tree.program.waitFor(warning, LIMIT_MS);
			t.notMatch(tree.program.output, /bug in vblade/);
			await serves(tree);
			const pids = (await tree.processes()).map(({ pid }) => pid);
			const sockets = Array.from({ length: 400 }, () => net.connect(tree.socket).on("error", () => {}));
			await pause(200);
			for (const socket of sockets) socket.destroy();
			await until("it answers again", () => tree.processes().then(Boolean, () => false), LIMIT_MS);
			tree.configure(diskToml("d129", `file = "${tree.path("d129.img")}"`, "9.129", `unix:${tree.frames}`));
			await tree.reload();
			await tree.state("d129", "open");
			t.strictSame(
				(await tree.processes()).map(({ pid }) => pid),
				pids,
				"nobody has ended",
			);
		},
	);

	t.test("so few that it can't be started: one line, and status 2", async (t) => {
		for (const most of variants([24, 64, 112, 200], 0, 3)) {
			const { command } = treeOf(1, `ulimit -n ${most}; exec "$@"`);
			const { code, output } = await run(command, LIMIT_MS);
			t.match(output, /^vblade: .*\(ulimit -n.*\n$/, `with ${most}, one line`);
			t.equal(code, 2);
		}
	});

	t.test("no room for the state: told, and kept when there is some", { buffered: true }, async (t) => {
		const tree = treeOf(1);
		mkdirSync(tree.path("state"));
		execFileSync("mount", ["-t", "tmpfs", "-o", "size=256k", "tmpfs", tree.path("state")], {
			timeout: LIMIT_MS,
		});
		await tree.start();
		t.teardown(async () => {
			await tree.stop();
			execFileSync("umount", [tree.path("state")], { timeout: LIMIT_MS });
		});
		const remount = (how: string): void =>
			void execFileSync("mount", ["-o", `remount,bind,${how}`, tree.path("state")], {
				timeout: LIMIT_MS,
			});
		const fill = (): void => {
			try {
				writeFileSync(tree.path("state/fill"), new Uint8Array(2 ** 20));
			} catch {
				// As much as there is room for.
			}
		};
		const isKept = (text: string) =>
			until("it is kept", () => JSON.stringify(tree.kept()).includes(text), LIMIT_MS);
		fill();
		await tree.setConfigString(9, 0, "full");
		await tree.problem(/ENOSPC/);
		await serves(tree);
		rmSync(tree.path("state/fill"));
		await isKept("full");
		await tree.problem(/^$/);
		await tree.stop();
		remount("ro");
		await tree.start();
		await tree.setConfigString(9, 0, "read-only");
		await tree.problem(/EROFS/);
		remount("rw");
		await isKept("read-only");
	});

	t.test(
		"no room for the socket: disks are served, and commands can ask when there is some",
		{ buffered: true },
		async (t) => {
			const tree = treeOf(1);
			const inodes = (how: string): void =>
				void execFileSync("mount", ["-t", "tmpfs", "-o", how, "tmpfs", tree.path("run")], {
					timeout: LIMIT_MS,
				});
			inodes("nr_inodes=1");
			await tree.start();
			t.teardown(async () => {
				await tree.stop();
				execFileSync("umount", [tree.path("run")], { timeout: LIMIT_MS });
			});
			await serves(tree);
			t.match(
				tree.program.output,
				/error: unix:.*vblade\.sock: can't listen there \(ENOSPC at .*\): .*tried again/,
			);
			inodes("remount,nr_inodes=16");
			await until("it answers", () => tree.processes().then(Boolean, () => false), LIMIT_MS);
			await tree.program.waitFor(/commands can ask there now/, LIMIT_MS);
			t.equal((await tree.state("d0", "open")).state, "open");
		},
	);

	t.test("a log that nobody reads", { buffered: true }, async (t) => {
		const tree = treeOf(1, '"$@" 2>&1 | sleep 600');
		const started = tree.start();
		started.catch(() => {});
		await until("it answers", () => tree.processes().then(Boolean, () => false), LIMIT_MS);
		await tree.state("d0", "open");
		t.teardown(() => tree.program.stop("SIGKILL"));
		const [opener, ...others] = (await tree.processes()).map(({ pid }) => pid ?? 0);
		// Each has more to say than a pipe takes.
		for (let times = 0; times < 600; times++) {
			sendSignal(opener ?? 0, "SIGUSR1");
			if (times % 60 === 0) await tree.reload();
			await pause(2);
		}
		await serves(tree);
		await tree.nothingUnderWay();
		t.equal((await tree.ask("GET", "/api/v1/status")).status, 200);
		sendSignal(others[0] ?? 0, "SIGKILL");
		await until("a worker again", async () => (await tree.pidOf("worker")) !== others[0], LIMIT_MS);
		await tree.state("d0", "open");
		sendSignal(opener ?? 0, "SIGTERM");
		const isThere = (pid: number): boolean => {
			try {
				process.kill(pid, 0);
				return true;
			} catch {
				return false;
			}
		};
		await until("its end", () => !isThere(opener ?? 0), LIMIT_MS);
	});

	t.test(
		"each stopped for a while, and all of them: nobody is taken for ended",
		{ buffered: true },
		async (t) => {
			const tree = treeOf(1);
			await tree.start();
			t.teardown(() => tree.stop());
			const pids = async (): Promise<number[]> => (await tree.processes()).map(({ pid }) => pid ?? 0);
			const before = await pids();
			for (const stopped of [...before.map((pid) => [pid]), before]) {
				for (const pid of stopped) sendSignal(pid, "SIGSTOP");
				await pause(stopped.length > 1 ? 6500 : 1500);
				for (const pid of stopped) sendSignal(pid, "SIGCONT");
				await serves(tree);
				await tree.state("d0", "open");
				t.strictSame(await pids(), before);
			}
			t.notMatch(tree.program.output, /ended|started again/);
		},
	);
}
