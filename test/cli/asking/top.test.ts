/**
 * `vblade top`: the screen, what keys do to it, and that the terminal is as it was however it ends. The lines are tested by themselves, the
 * program on a terminal of its own with a control process whose workers are fakes.
 */

import { readFileSync } from "node:fs";
import t, { type Test } from "tap";
import { TopView } from "../../../lib/cli/asking/top-view.js";
import type { Disk, DiskList, DiskSummary, Status } from "../../../lib/control/model.js";
import { Stage, settle } from "../../control/stage.js";
import { pause, until } from "../../support/cleanup.js";
import { LIMIT_MS } from "../../support/limit.js";
import { builtVblade, PROJECT, sourceFile } from "../../support/paths.js";
import { Program } from "../../support/process.js";

const ENTER = "\x1b[?1049h";
const LEAVE = "\x1b[?1049l";

async function answers(t: Test): Promise<{ status: Status; list: DiskList; disk: Disk }> {
	const stage = new Stage();
	await stage.start(t);
	await settle();
	const body = async (address: string) => (await stage.ask("GET", `/api/v1/${address}`)).body;
	return { status: await body("status"), list: await body("disks"), disk: await body("disks/web") };
}

const press = (view: TopView, ...names: string[]) =>
	names.map((name) => view.press({ name, text: name.length === 1 ? name : "" }));

t.test("what fits is shown, and no more", async (t) => {
	const { status, list } = await answers(t);
	const [first] = list.disks as [DiskSummary];
	const view = new TopView("reads");
	const rows = view.rows(10);
	t.equal(rows, 5);
	const disks = Array.from({ length: rows }, (_, at) => ({ ...first, name: `disk${at}` }));
	view.update(status, { disks, total: 4096, next: "5" }, undefined);
	const lines = view.lines(40, 10);
	t.equal(lines.length, 10);
	t.ok(lines.every(({ text }) => text.length <= 40));
	t.match(lines[4], { text: /^> disk0 /, isMarked: true });
	press(view, "down", "down");
	t.match(view.lines(80, 10)[6], { isMarked: true });
	press(view, "pagedown");
	t.equal(view.offset, 3, "scrolled as far as the mark wants");
	press(view, "end");
	t.equal(view.offset, 4091);
	press(view, "home");
	t.equal(view.offset, 0);
	for (const height of [0, 1, 2, 5]) t.ok(view.lines(3, height).length <= Math.max(1, height));
});

t.test("keys: order, filter, details, end", async (t) => {
	const { status, list, disk } = await answers(t);
	const view = new TopView("reads");
	view.rows(24);
	view.update(status, list, undefined);
	for (const [key, sort] of [
		["w", "writes"],
		["l", "latency"],
		["e", "errors"],
		["n", "name"],
		["r", "reads"],
	] as const) {
		press(view, key);
		t.equal(view.sort, sort);
	}
	press(view, "/", "q", "w", "backspace", "x");
	t.match(view.lines(80, 24)[2], { text: "filter: qx_" });
	press(view, "return");
	t.equal(view.search, "qx");
	press(view, "/", "escape");
	t.equal(view.search, "");
	press(view, "return");
	t.equal(view.shown, "web");
	view.update(status, undefined, disk);
	t.match(view.lines(80, 24)[4], { text: /^name +web$/ });
	press(view, "escape");
	t.equal(view.shown, undefined);
	view.fail("it does not answer");
	t.match(view.lines(80, 24)[2], { text: "it does not answer" });
	t.strictSame(press(view, "x", "q"), [false, true]);
});

/** Started on a terminal; "pid" is top's. */
async function onTerminal(
	t: Test,
	...more: string[]
): Promise<{ terminal: Program; pid: number; stage: Stage }> {
	const stage = new Stage();
	await stage.start(t);
	await settle();
	const top = [
		process.execPath,
		builtVblade(PROJECT),
		"top",
		`--socket=${stage.socketPath}`,
		"-d0.1",
		...more,
	];
	const terminal = new Program(["python3", sourceFile("test/support/terminal.py"), ...top], {
		env: { TERM: "xterm" },
	});
	t.teardown(() => terminal.stop("SIGKILL"));
	const [, pid] = await terminal.waitFor(/^pid ([0-9]+)$/m, LIMIT_MS);
	terminal.write("read\n");
	return { terminal, pid: Number(pid), stage };
}

t.test("on a terminal: drawn, and given back at the end", async (t) => {
	const { terminal } = await onTerminal(t);
	await terminal.waitFor(/> mail +open/, LIMIT_MS);
	terminal.write("type-/we\n");
	await terminal.waitFor(/filter: we_/, LIMIT_MS);
	terminal.write("enter\n");
	await terminal.waitFor(/> web +open/, LIMIT_MS);
	terminal.write("enter\n");
	await terminal.waitFor(/named by/, LIMIT_MS);
	terminal.write("type-q\n");
	t.match(await terminal.finished(LIMIT_MS), { code: 0 });
	t.ok(terminal.stdout.startsWith(ENTER));
	t.ok(terminal.stdout.endsWith(LEAVE));
});

t.test("signals and Ctrl-C give the terminal back", async (t) => {
	for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
		const { terminal, pid } = await onTerminal(t);
		await terminal.waitFor(/> mail/, LIMIT_MS);
		process.kill(pid, signal);
		t.match(await terminal.finished(LIMIT_MS), { code: 0 }, signal);
		t.ok(terminal.stdout.endsWith(LEAVE), signal);
	}
	const { terminal } = await onTerminal(t);
	await terminal.waitFor(/> mail/, LIMIT_MS);
	terminal.write("type-\x03\n");
	t.match(await terminal.finished(LIMIT_MS), { code: 0 });
	t.ok(terminal.stdout.endsWith(LEAVE));
});

t.test("stopped and gone on with", async (t) => {
	const { terminal, pid } = await onTerminal(t);
	await terminal.waitFor(/> mail/, LIMIT_MS);
	process.kill(pid, "SIGTSTP");
	await terminal.waitFor(/\?1049l$/, LIMIT_MS);
	const at = terminal.output.length;
	// A shell goes on with what has stopped, not with what is about to.
	await until(
		"it has stopped",
		() => /^State:\s+T/m.test(readFileSync(`/proc/${pid}/status`, "latin1")),
		LIMIT_MS,
	);
	process.kill(pid, "SIGCONT");
	await terminal.waitFor(/\?1049h[\s\S]*> mail/, LIMIT_MS, at);
	terminal.write("type-q\n");
	t.match(await terminal.finished(LIMIT_MS), { code: 0 });
});

t.test("a terminal that nobody reads, and one that is closed, end it all the same", async (t) => {
	const { terminal, pid } = await onTerminal(t);
	await terminal.waitFor(/> mail/, LIMIT_MS);
	terminal.write("rest\n");
	// Until the kernel takes no more.
	await pause(1000);
	process.kill(pid, "SIGTERM");
	t.match(await terminal.finished(LIMIT_MS), { code: 0 });
	const other = await onTerminal(t);
	await other.terminal.waitFor(/> mail/, LIMIT_MS);
	other.terminal.write("hangup\n");
	t.match(await other.terminal.finished(LIMIT_MS), { code: 0 });
});

t.test("an end of the daemon is told, and that it answers again", async (t) => {
	const { terminal, stage } = await onTerminal(t);
	await terminal.waitFor(/> mail/, LIMIT_MS);
	await stage.close();
	await terminal.waitFor(/is the daemon running\?/, LIMIT_MS);
	const at = terminal.output.length;
	await stage.start(t);
	await terminal.waitFor(/by reads/, LIMIT_MS, at);
	terminal.write("type-q\n");
	t.match(await terminal.finished(LIMIT_MS), { code: 0 });
});

t.test("so many, and then the end; lists where there is no screen", async (t) => {
	const { terminal } = await onTerminal(t, "-n2");
	t.match(await terminal.finished(LIMIT_MS), { code: 0 });
	const batch = await onTerminal(t, "-b", "-n1");
	t.match(await batch.terminal.finished(LIMIT_MS), { code: 0 });
	t.notMatch(batch.terminal.stdout, "\x1b");
	t.match(batch.terminal.stdout, /^NAME +STATE/m);
});
