// What becomes of the daemon's processes, as the opener keeps it for control; processes that hang; and how fast interfaces are.
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import t from "tap";
import { Child } from "../../lib/opener/children.js";
import { watchForHang } from "../../lib/opener/hang-watch.js";
import type { ProcessNews } from "../../lib/opener/messages.js";
import { ProcessHistory } from "../../lib/opener/process-news.js";
import { loopSecondsOf } from "../../lib/opener/processes.js";
import { speedsOf } from "../../lib/opener/speeds.js";
import { VirtualClock } from "../../lib/testing/virtual-clock.js";

t.test("ends and returns are told, and the latest kept for whoever comes later", async (t) => {
	const told: ProcessNews[] = [];
	const history = new ProcessHistory((news) => void told.push(news));
	history.started({ name: "control", pid: 1, restarts: 0 });
	t.strictSame(told, [], "a first start is no news");
	history.ended({ name: "worker 0" }, "SIGKILL");
	history.started({ name: "worker 0", pid: 7, restarts: 1 });
	t.match(told, [
		{ isEnd: true, message: "worker 0 ended (SIGKILL); it is started again" },
		{ isEnd: false, message: "worker 0 is there again, as process 7" },
	]);
	t.strictSame(history.latest, told);
	for (let times = 0; times < 1000; times++) history.ended({ name: "control" }, "status 1");
	t.equal(history.latest.length, 64);
});

t.test(
	"control that does not answer three times in a row is ended; one that is only slow is not",
	async (t) => {
		const clock = new VirtualClock();
		const killed: (string | undefined)[] = [];
		let isAlive = false;
		const kill = (why?: string) => void killed.push(why);
		const child = { kind: "control" as const, pid: 1, isAlive: async () => isAlive, kill };
		const stop = watchForHang(child, clock);
		const look = async (): Promise<void> => {
			clock.pass(10_000);
			await new Promise((resolve) => setImmediate(resolve));
		};
		for (const answers of [true, false, false, true, false, false]) {
			isAlive = answers;
			await look();
		}
		t.strictSame(killed, []);
		await look();
		t.match(killed, [/has not answered/]);
		child.pid = 2;
		for (let looks = 0; looks < 12; looks++) await look();
		t.equal(killed.length, 1, "another one that has not answered yet may still be reading its program");
		await look();
		t.match(killed, [/ 60 s/, / 240 s/], "but not for ever");
		stop();
		for (let looks = 0; looks < 9; looks++) await look();
		t.equal(killed.length, 2);
	},
);

t.test(
	"a worker is ended if its loop had processor time and did not answer, and for nothing else",
	async (t) => {
		const clock = new VirtualClock();
		const killed: (string | undefined)[] = [];
		let isAlive = true;
		let seconds = 0;
		/** Of a second question's time; the loop of one that waits for a disk, or was stopped, has next to none. */
		let used = 4;
		const child = {
			kind: "worker" as const,
			pid: 1,
			isAlive: async () => {
				seconds += used;
				return isAlive;
			},
			kill: (why?: string) => void killed.push(why),
		};
		const stop = watchForHang(child, clock, async () => seconds);
		const looks = async (count: number): Promise<void> => {
			for (let look = 0; look < count; look++) {
				clock.pass(1000);
				await new Promise((resolve) => setImmediate(resolve));
			}
		};
		await looks(5);
		t.strictSame(killed, [], "it is busy, and answers");
		isAlive = false;
		used = 0.1;
		await looks(30);
		t.strictSame(killed, [], "it waits");
		used = 4;
		await looks(1);
		isAlive = true;
		await looks(1);
		isAlive = false;
		await looks(1);
		t.strictSame(killed, [], "one question too old is none");
		await looks(1);
		t.strictSame(killed, ["its loop has been busy, and has not answered for 10 s"]);
		child.pid = 2;
		await looks(48);
		t.equal(killed.length, 1, "another one that has not answered yet may still be reading its program");
		isAlive = true;
		await looks(1);
		isAlive = false;
		await looks(1);
		t.equal(killed.length, 1, "once it has answered, it has as long as any other");
		await looks(1);
		t.equal(killed.length, 2);
		child.pid = 3;
		await looks(49);
		t.equal(killed.length, 3, "one that never answers is ended, too");
		stop();
	},
);

t.test("how long a loop has had a processor", async (t) => {
	const before = await loopSecondsOf(process.pid);
	const end = process.cpuUsage().user + 100_000;
	while (process.cpuUsage().user < end);
	t.ok((await loopSecondsOf(process.pid)) > before);
	t.equal(await loopSecondsOf(2 ** 30), 0, "one that there is not");
});

t.test("speeds as the kernel has them", async (t) => {
	const folder = t.testdir();
	for (const [name, text] of [
		["eth0", "10000\n"],
		["down", "-1\n"],
		["odd", "fast\n"],
	] as const) {
		mkdirSync(path.join(folder, name));
		writeFileSync(path.join(folder, name, "speed"), text);
	}
	t.strictSame(await speedsOf(["eth0", "down", "odd", "none"], folder), { eth0: 10e9 });
});

t.test("a process that can't even be tried to be started is tried again", async (t) => {
	const clock = new VirtualClock();
	const ends: string[] = [];
	const say = (): void => {};
	const child = new Child({
		kind: "control",
		index: 0,
		// To the kernel that is too long, which Node throws, as it does when there is no memory for another process.
		program: ["/bin/true", "x".repeat(2 ** 20)],
		log: { error: say, warn: say, info: say, verbose: say },
		asking: {},
		onStart: () => t.fail("it is not there"),
		onEnd: (_, why) => void ends.push(why),
		answer: () => ({ body: {} }),
		clock,
	});
	const before = readdirSync("/proc/self/fd").length;
	child.start();
	t.match(ends, [/can't be started \(.*E2BIG/]);
	for (let times = 0; times < 5; times++) clock.pass(5000);
	t.ok(ends.length > 2, "and again");
	t.equal(readdirSync("/proc/self/fd").length, before, "no descriptor is left");
	t.equal(child.pid, undefined);
	child.end();
	await child.ended;
});
