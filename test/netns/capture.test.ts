/**
 * `vblade capture` between two namespaces: both directions, whoever the frames are to, with VLAN tags, and no other frames; read back by
 * tcpdump, which is what people read it with.
 */

import { readFileSync, statSync } from "node:fs";
import path from "node:path";
import t, { type Test } from "tap";
import { scratchDirectory, until } from "../support/cleanup.js";
import { configFrame } from "../support/frames.js";
import { LIMIT_MS } from "../support/limit.js";
import { namespacesMissing } from "../support/netns.js";
import { vbladeCommand } from "../support/paths.js";
import { type Program, run } from "../support/process.js";
import { CLIENT_MAC, SERVER_MAC, Stage } from "./stage.js";

const skip = namespacesMissing() ?? false;

function stageFor(t: Test): Stage {
	const stage = new Stage(vbladeCommand());
	t.teardown(() => stage.close());
	return stage;
}

async function startCapture(stage: Stage, ...words: string[]): Promise<Program> {
	const capture = stage.startOpposite("capture", ...words);
	await capture.waitFor(/^vblade: capturing on/m, LIMIT_MS);
	return capture;
}

/** What tcpdump makes of a file, a line for each frame; without what servers send to all of their own accord. */
async function decoded(file: string): Promise<string[]> {
	const { code, stdout, stderr } = await run(["tcpdump", "-ner", file], LIMIT_MS);
	if (code !== 0) throw new Error(stderr);
	return stdout.split("\n").filter((line) => line !== "" && !/> (?:Broadcast|ff:ff:ff:ff:ff:ff)/.test(line));
}

t.test("a conversation, both ways, until it is ended", { skip }, async (t) => {
	const stage = stageFor(t);
	await stage.serve();
	const file = path.join(scratchDirectory(), "a.pcap");
	const capture = await startCapture(stage, "lan0", file);
	t.equal((await stage.ask()).length, 1);
	const port = await stage.port();
	// None of AoE's.
	const other = configFrame(stage.header(), 0);
	other.writeUInt16BE(0x88b5, 12);
	port.send(other);
	await stage.identify();
	const last = port.received.at(-1) ?? Buffer.alloc(0);
	await until("all is in the file", () => readFileSync(file).includes(last), LIMIT_MS);
	t.strictSame(await capture.stop("SIGINT"), { code: 0, signal: null });
	t.match(capture.stderr, /^vblade: \d+ frames captured, 0 dropped$/m);
	const lines = await decoded(file);
	t.equal(lines.length, 4);
	t.match(lines[0], new RegExp(`${CLIENT_MAC} > ${SERVER_MAC}.*AoE length \\d+, .*none`));
	t.match(lines[1], new RegExp(`${SERVER_MAC} > ${CLIENT_MAC}.*Response`));
	t.match(lines[3], /length 548/, "with its data");
	t.equal(statSync(file).mode & 0o777, 0o600, "what is on disks is its owner's to read");
	const seconds = readFileSync(file).readUInt32LE(24);
	t.ok(Math.abs(seconds - Date.now() / 1000) < 60, `the time is that of the machine, not ${seconds}`);
});

t.test("so many frames, to standard output", { skip }, async (t) => {
	const stage = stageFor(t);
	await stage.serve();
	// What tcpdump says of itself comes in pieces, which would stand within the lines of vblade.
	const pipe = ["sh", "-c", '"$0" "$@" | tcpdump -ner - 2>/dev/null'];
	const capture = stage.lan.client.start([...pipe, ...vbladeCommand(), "capture", "-c", "3", "lan0", "-"]);
	await capture.waitFor(/^vblade: capturing on/m, LIMIT_MS);
	for (let times = 0; times < 3; times++) await stage.ask();
	t.match(await capture.finished(LIMIT_MS), { code: 0 });
	t.match(capture.stderr, /^vblade: 3 frames captured, 0 dropped$/m);
	const lines = capture.stdout.split("\n");
	t.equal(lines.filter((line) => line.includes("AoE length")).length, 3);
});

t.test("a VLAN tag is where it was, arriving or leaving", { skip }, async (t) => {
	const stage = stageFor(t);
	const folder = scratchDirectory();
	const files = ["in.pcap", "out.pcap"].map((name) => path.join(folder, name));
	const [arriving = "", leaving = ""] = files;
	const captures = [
		stage.start("capture", "-c", "1", "lan0", arriving),
		stage.startOpposite("capture", "-c", "1", "lan0", leaving),
	];
	for (const capture of captures) await capture.waitFor(/^vblade: capturing on/m, LIMIT_MS);
	const plain = configFrame(stage.header(), 0);
	const tag = Buffer.from([0x81, 0x00, 0x60, 0x2a]);
	const port = await stage.port();
	port.send(Buffer.concat([plain.subarray(0, 12), tag, plain.subarray(12)]));
	for (const capture of captures) t.match(await capture.finished(LIMIT_MS), { code: 0 });
	for (const file of files) t.match((await decoded(file))[0], /802\.1Q.*vlan 42, p 3.*AoE/);
});

t.test("a server of this machine is told of, for not all that it sends may be seen", { skip }, async (t) => {
	const stage = stageFor(t);
	await stage.serve();
	const words = ["capture", "--seconds", "0.1", "lan0", "-"];
	const [here, there] = [stage.start(...words), stage.startOpposite(...words)];
	for (const capture of [here, there]) t.match(await capture.finished(LIMIT_MS), { code: 0 });
	t.match(here.stderr, /lan0 is used by an AoE server of this machine/);
	t.notMatch(there.stderr, /is used by/);
});

t.test("ends after a time; when the interface is gone; when it can't write", { skip }, async (t) => {
	const stage = stageFor(t);
	const file = path.join(scratchDirectory(), "b.pcap");
	const short = await startCapture(stage, "--seconds", "0.1", "lan0", file);
	t.match(await short.finished(LIMIT_MS), { code: 0 });
	t.strictSame(await decoded(file), []);
	const full = stage.startOpposite("capture", "lan0", "/dev/full");
	t.match(await full.finished(LIMIT_MS), { code: 1 });
	t.match(full.stderr, /\/dev\/full: can't be written \(ENOSPC\)/);
	const gone = await startCapture(stage, "lan0", file);
	stage.lan.cut("lan0");
	t.match(await gone.finished(LIMIT_MS), { code: 1 });
	t.match(gone.stderr, /lan0: the interface is gone/);
	const none = stage.startOpposite("capture", "lan7", file);
	t.match(await none.finished(LIMIT_MS), { code: 2 });
	t.match(none.stderr, /"lan7": there is no such network interface; there are/);
});
