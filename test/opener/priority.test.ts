// Control that is started again stands back for a while, and for no longer; whoever has its number afterwards is left alone.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { getPriority } from "node:os";
import t from "tap";
import { standBack } from "../../lib/opener/priority.js";
import { VirtualClock } from "../../lib/testing/virtual-clock.js";

const PID = 7;

/** Threads of a process, and what is done to them. */
function priorities(threads: readonly number[], mayGiveBack = true) {
	const said: [number, number][] = [];
	return {
		said,
		mayGiveBack: () => mayGiveBack,
		own: () => 5,
		threadsOf: () => threads,
		set: (thread: number, priority: number) => {
			if (thread < 0) throw new Error("ESRCH");
			said.push([thread, priority]);
		},
	};
}

t.test("all of it stands back, and is as the others again", async (t) => {
	for (const isThere of [true, false]) {
		const clock = new VirtualClock();
		const system = priorities([PID, -1, 8]);
		standBack(PID, () => isThere, clock, system);
		t.strictSame(system.said.splice(0), [
			[PID, 19],
			[8, 19],
		]);
		clock.pass(60_000);
		const given = [
			[PID, 5],
			[8, 5],
		];
		t.strictSame(system.said, isThere ? given : []);
	}
});

t.test("what could not be given back is not taken", async (t) => {
	const clock = new VirtualClock();
	const system = priorities([PID], false);
	standBack(PID, () => true, clock, system);
	clock.pass(60_000);
	t.strictSame(system.said, []);
});

t.test("threads of a real process", { skip: process.geteuid?.() !== 0 && "needs root" }, async (t) => {
	const clock = new VirtualClock();
	const child = spawn(process.execPath, ["-e", "process.stdin.resume(); console.log(1)"], {
		stdio: ["pipe", "pipe", "inherit"],
	});
	t.teardown(() => child.kill("SIGKILL"));
	const pid = child.pid ?? 0;
	const ended = once(child, "exit");
	await once(child.stdout, "data");
	const threads = readdirSync(`/proc/${pid}/task`).map(Number);
	t.ok(threads.length > 1);
	const now = (): number[] => [...new Set(threads.map((thread) => getPriority(thread)))];
	standBack(pid, () => true, clock);
	t.strictSame(now(), [19]);
	clock.pass(60_000);
	t.strictSame(now(), [getPriority()]);
	child.kill("SIGKILL");
	await ended;
	standBack(pid, () => true, new VirtualClock());
});
