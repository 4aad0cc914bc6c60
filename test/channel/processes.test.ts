/** Channels to other processes: one that may not have more files open, one that is killed, one whose other end goes. */

import { type ChildProcess, spawn } from "node:child_process";
import { closeSync } from "node:fs";
import path from "node:path";
import t, { type Test } from "tap";
import { Asking } from "../../lib/channel/asking.js";
import { native } from "../../lib/native.js";
import { atEnd, until } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import { PROJECT } from "../support/paths.js";
import { sendSignal } from "../support/process.js";
import { descriptor, openDescriptors } from "./ends.js";

interface Other {
	readonly asking: Asking;
	readonly child: ChildProcess;
	end(): string | undefined;
}

/** A process with the other end. `before`: what starts it, by way of which command. */
function start(t: Test, before: readonly string[] = []): Other {
	const [own, other] = native.socketPair();
	// Without what tap has every Node of a test load.
	const command = [...before, "/usr/bin/env", "-u", "NODE_OPTIONS", process.execPath];
	const [file = "", ...args] = [...command, path.join(PROJECT, "build/test/channel/peer.js")];
	const child = spawn(file, args, { stdio: ["ignore", "inherit", "inherit", other] });
	const stop = atEnd(() => child.pid !== undefined && sendSignal(child.pid, "SIGKILL"));
	closeSync(other);
	let end: string | undefined;
	const ended = (why: string) => {
		end = why;
	};
	const asking = new Asking(own, { answer: () => ({ body: {} }), told() {}, ended }, { mostFiles: 8 });
	t.teardown(() => {
		asking.close();
		stop();
	});
	return { asking, child, end: () => end };
}

t.test("descriptors that the other process can't have are lost, and nothing else is", async (t) => {
	const before = openDescriptors();
	const { asking } = start(t, ["prlimit", "--nofile=64:64"]);
	let kept = 0;
	let lost = 0;
	for (let i = 0; i < 40; i++) {
		const { body } = await asking.ask({ body: { i }, files: [descriptor(), descriptor()] }, LIMIT_MS);
		kept = Number(body.kept);
		if (body.isLost) lost += 1;
	}
	t.ok(
		lost > 0 && kept > 10 && kept + 2 * lost >= 80,
		`${kept} descriptors, ${lost} messages without theirs`,
	);
	t.strictSame((await asking.ask({ body: {} }, LIMIT_MS)).body, { kept, isLost: false });
	asking.close();
	await until("all are closed here", () => openDescriptors() <= before, LIMIT_MS);
});

t.test("a process that is killed is told as an end, whatever is under way", async (t) => {
	const other = start(t);
	await other.asking.ask({ body: {} }, LIMIT_MS);
	if (other.child.pid !== undefined) sendSignal(other.child.pid, "SIGSTOP");
	const asked = Array.from({ length: 100 }, () =>
		other.asking.ask({ body: { text: "x".repeat(10_000) }, files: [descriptor()] }, LIMIT_MS),
	);
	const rejected = Promise.all(asked.map((each) => t.rejects(each, { name: "NoAnswerError" })));
	if (other.child.pid !== undefined) sendSignal(other.child.pid, "SIGKILL");
	await rejected;
	t.match(other.end(), /^ended$|^ECONNRESET$/);
});

t.test("a process hears that its other end has gone", async (t) => {
	const other = start(t);
	await other.asking.ask({ body: {} }, LIMIT_MS);
	const ended = new Promise<number | null>((resolve) => other.child.once("exit", resolve));
	other.asking.close();
	t.equal(await ended, 0);
});
