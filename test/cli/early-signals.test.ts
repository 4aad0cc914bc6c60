/**
 * Signals that come before anything is served, from the first moment on in which this program can hear them: it ends with status 0 and
 * leaves nothing, neither a socket nor a process; what asks for something else than the end is no end.
 */

import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import t, { type Test } from "tap";
import { DaemonTree, diskToml } from "../daemon/tree-bench.js";
import { scratchDirectory, until } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import { isLong } from "../support/long.js";
import { vbladeCommand } from "../support/paths.js";
import { Program, sendSignal } from "../support/process.js";

const directory = scratchDirectory();
let started = 0;

/** Node itself listens to SIGINT and SIGTERM sooner, to end by them. */
function hears(pid: number, ours = pid): boolean {
	try {
		const [, caught = "0"] =
			/^SigCgt:\s*([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1")) ?? [];
		// Between fork and exec it is its parent still.
		const isItself =
			pid === ours || /\0(worker|control)\0$/.test(readFileSync(`/proc/${pid}/cmdline`, "latin1"));
		return isItself && (BigInt(`0x${caught}`) & 1n) === 1n;
	} catch {
		return false;
	}
}

function childrenOf(pid: number): number[] {
	try {
		return readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1").split(" ").filter(Boolean).map(Number);
	} catch {
		return [];
	}
}

/** Whether anything of its group is left. */
function isLeft(pid: number): boolean {
	try {
		process.kill(-pid, 0);
		return true;
	} catch {
		return false;
	}
}

async function endsInOrder(t: Test, program: Program, signal: NodeJS.Signals, socket: string): Promise<void> {
	sendSignal(program.pid, signal);
	t.match(await program.finished(LIMIT_MS), { code: 0, signal: null }, `${signal}: ${program.output}`);
	t.notOk(existsSync(socket), "no socket is left");
	await until("no process is left", () => !isLeft(program.pid), LIMIT_MS);
}

/** Looked at more often than `until` does: what is looked for may not last. */
async function asSoonAs(condition: () => boolean): Promise<void> {
	const endMs = Date.now() + LIMIT_MS;
	while (!condition() && Date.now() < endMs) await new Promise((resolve) => setTimeout(resolve, 1));
}

function daemonTree(t: Test): DaemonTree {
	const tree = new DaemonTree();
	tree.configure(diskToml("web", 'memory = "1M"', "9.0", `unix:${tree.frames}`));
	tree.program = new Program(tree.command);
	t.teardown(() => tree.program.stop("SIGKILL"));
	return tree;
}

for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const)
	t.test(`classic, ${signal}`, async (t) => {
		const socket = path.join(directory, `${started++}.sock`);
		for (const isThen of [(pid: number) => hears(pid), () => existsSync(socket)]) {
			const vblade = new Program([...vbladeCommand(), "9", "0", `unix:${socket}`, "mem:1M"]);
			t.teardown(() => vblade.stop("SIGKILL"));
			await asSoonAs(() => isThen(vblade.pid));
			await endsInOrder(t, vblade, signal, socket);
		}
	});

for (const signal of ["SIGTERM", "SIGINT"] as const)
	t.test(`the daemon, ${signal}`, async (t) => {
		const moments: ((tree: DaemonTree) => boolean)[] = [
			(tree) => hears(tree.program.pid),
			(tree) => existsSync(tree.path("state/lock")),
			({ program: { pid } }) => hears(pid) && childrenOf(pid).length > 0,
			({ program: { pid } }) => childrenOf(pid).some((child) => hears(child, pid)),
		];
		// Each has every second moment, in a usual run.
		const some = moments.filter((_, at) => isLong || at % 2 === (signal === "SIGINT" ? 0 : 1));
		for (const isThen of some) {
			const tree = daemonTree(t);
			await asSoonAs(() => isThen(tree));
			await endsInOrder(t, tree.program, signal, tree.socket);
		}
	});

t.test(
	"before the first moment in which it hears signals, the daemon ends by them, and leaves nothing either",
	async (t) => {
		const isExecuted = ({ program: { pid } }: DaemonTree): boolean =>
			readFileSync(`/proc/${pid}/cmdline`, "latin1").includes("\0daemon\0");
		for (const isThen of [() => true, isExecuted]) {
			const tree = daemonTree(t);
			await asSoonAs(() => isThen(tree));
			sendSignal(tree.program.pid, "SIGTERM");
			const { code, signal } = await tree.program.finished(LIMIT_MS);
			// It may have been quick.
			t.ok(code === 0 || signal === "SIGTERM", `${code} ${signal}`);
			t.notOk(existsSync(tree.socket), "no socket is left");
			await until("no process is left", () => !isLeft(tree.program.pid), LIMIT_MS);
		}
	},
);

t.test("what does not ask for the end of the daemon, or asks it of its children alone", async (t) => {
	const tree = daemonTree(t);
	const { pid } = tree.program;
	await asSoonAs(() => hears(pid));
	for (const signal of ["SIGHUP", "SIGUSR1"] as const) sendSignal(pid, signal);
	const told = new Set<number>();
	while (told.size < 2) {
		await asSoonAs(() => childrenOf(pid).some((child) => hears(child, pid) && !told.has(child)));
		for (const child of childrenOf(pid).filter((child) => hears(child, pid))) {
			told.add(child);
			for (const signal of ["SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1"] as const) sendSignal(child, signal);
		}
	}
	await tree.program.waitFor(/^vblade: ready: 1 disk$/m, LIMIT_MS);
	t.notMatch(tree.program.output, /Debugger listening|is started again/);
	t.strictSame(await tree.stop(), { code: 0, signal: null });
});
