/**
 * What the processes of a daemon give up: the same as with `--user`, and they end with the one that started them, and can't disturb
 * each other though they are of one user.
 */

import { existsSync, statSync } from "node:fs";
import path from "node:path";
import t from "tap";
import { daemonUser, findGroup } from "../../lib/privileges.js";
import { until } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import { PROJECT } from "../support/paths.js";
import { Program, run } from "../support/process.js";
import { excess, NET_RAW, NONE } from "./status.js";

const CHILD = [process.execPath, path.join(PROJECT, "build/test/privileges/child.js")];
const READY = /^pid (\d+) is ready$/m;
const skip = process.getuid?.() === 0 ? false : "only root can become another user";

async function tries(program: Program): Promise<unknown> {
	program.write("try\n");
	const [, json = ""] = await program.waitFor(/^tried (.*)$/m, LIMIT_MS);
	return JSON.parse(json);
}

const NOTHING = {
	file: "EACCES",
	program: "EACCES",
	root: "EPERM",
	parent: "EACCES",
	sibling: "EACCES",
	itself: "done",
	packets: "Operation not permitted",
};

t.test("nothing is left of root, nor a way to the processes beside it", { skip }, async (t) => {
	const control = new Program([...CHILD, "control", "0"]);
	await control.waitFor(READY, LIMIT_MS);
	t.strictSame(excess(control.pid, NONE), []);
	const worker = new Program([...CHILD, "worker", "0", String(control.pid)]);
	await worker.waitFor(READY, LIMIT_MS);
	t.strictSame(excess(worker.pid, NET_RAW), []);
	for (const { pid } of [control, worker])
		t.equal(statSync(`/proc/${pid}/fd`).uid, 0, "nobody of the same user may look into it");
	t.strictSame(await tries(worker), { ...NOTHING, packets: "done" });
	t.strictSame(await tries(control), NOTHING, "it is still there");
	for (const program of [control, worker])
		t.strictSame(excess(program.pid, program === worker ? NET_RAW : NONE), []);
	await control.stop("SIGKILL");
	await worker.stop("SIGKILL");
});

t.test("a process ends with its parent, even one that hangs", { skip }, async (t) => {
	const script = `${CHILD.map((word) => `'${word}'`).join(" ")} hang 0 & wait`;
	const parent = new Program(["sh", "-c", script]);
	const [, pid = ""] = await parent.waitFor(READY, LIMIT_MS);
	t.ok(existsSync(`/proc/${pid}`));
	// It alone: the other one is of the same group, and has its output.
	process.kill(parent.pid, "SIGKILL");
	await until("the end of the child", () => !existsSync(`/proc/${pid}`), LIMIT_MS);
	await parent.finished(LIMIT_MS);
});

t.test("one whose parent has gone already ends at once", { skip }, async (t) => {
	const { code, stdout } = await run([...CHILD, "control", "1"], LIMIT_MS);
	t.strictSame([code, stdout], [1, ""]);
});

t.test("as whom, if nobody is named", { skip }, async (t) => {
	t.match(daemonUser(undefined), /^(vblade|nobody)$/);
	t.equal(daemonUser("nobody"), "nobody");
	t.throws(() => daemonUser("root"), {
		name: "OperatorError",
		message: 'user "root": is root; name an ordinary user',
	});
	t.throws(() => daemonUser("no-such-user"), { name: "OperatorError", message: /there is no such user/ });
	t.equal(findGroup("root"), 0);
	t.equal(findGroup("no-such-group"), undefined);
});
