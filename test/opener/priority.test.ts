// Control that is started again stands back for a while, and for no longer; whoever has its number afterwards is left alone.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import t from "tap";
import { native } from "../../lib/native.js";
import { SCHED_IDLE, standBack } from "../../lib/opener/priority.js";
import { VirtualClock } from "../../lib/testing/virtual-clock.js";

const PID = 7;

/** Threads of a process, and what is done to them. */
function scheduling(threads: readonly number[], mayGiveBack = true) {
	const said: [number, number][] = [];
	return {
		said,
		mayGiveBack: () => mayGiveBack,
		own: () => 3,
		threadsOf: () => threads,
		set: (thread: number, policy: number) => {
			if (thread < 0) throw new Error("ESRCH");
			said.push([thread, policy]);
		},
	};
}

t.test("all of it stands back, and is as the others again", async (t) => {
	for (const isThere of [true, false]) {
		const clock = new VirtualClock();
		const system = scheduling([PID, -1, 8]);
		standBack(PID, () => isThere, clock, system);
		t.strictSame(system.said.splice(0), [
			[PID, SCHED_IDLE],
			[8, SCHED_IDLE],
		]);
		clock.pass(60_000);
		const given = [
			[PID, 3],
			[8, 3],
		];
		t.strictSame(system.said, isThere ? given : []);
	}
});

t.test("what could not be given back is not taken", async (t) => {
	const clock = new VirtualClock();
	const system = scheduling([PID], false);
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
	const now = (): number[] => [...new Set(threads.map((thread) => native.schedulingOf(thread)))];
	standBack(pid, () => true, clock);
	t.strictSame(now(), [SCHED_IDLE]);
	clock.pass(60_000);
	t.strictSame(now(), [native.schedulingOf(process.pid)]);
	child.kill("SIGKILL");
	await ended;
	standBack(pid, () => true, new VirtualClock());
	t.throws(() => native.schedulingOf(pid), { message: "No such process" });
	t.throws(() => native.schedule(pid, SCHED_IDLE), { message: "No such process" });
});
