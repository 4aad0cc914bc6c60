/**
 * The demo of iSCSI: a disk of the daemon is found, written to and freed, two nodes of a cluster share it by a reservation, and that is still there when everything was
 * killed with -9. The initiators are those of our own tests, so that nothing has to be installed; what to type at one of Linux is shown. Needs no privileges, and no
 * network beyond this machine. Run by `scripts/demo iscsi`.
 */

import { readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import path from "node:path";
import { scratchDirectory, until } from "../test/support/cleanup.js";
import { inquiry, read10, TEST_UNIT_READY, write10 } from "../test/support/iscsi/cdbs.js";
import { Initiator } from "../test/support/iscsi/initiator.js";
import { out } from "../test/support/iscsi/reserving.js";
import { vbladeCommand } from "../test/support/paths.js";
import { Program, run, sendSignal } from "../test/support/process.js";
import { freePort } from "./demo-daemon.js";

const LIMIT_MS = 30_000;
const MIB = 2 ** 20;
const BLOCK = 512;
const TARGET = "iqn.2026-11.org.example:web";
/** What is written at once, and how often. */
const PIECE_BYTES = MIB;
const PIECES = 32;
const CONFLICT = 0x18;

const bold = process.stdout.isTTY ? (text: string) => `\x1b[1m${text}\x1b[0m` : (text: string) => text;
let steps = 0;

function step(text: string): void {
	console.log(bold(`${++steps}. ${text}`));
}

function show(text: string): void {
	for (const line of text.trimEnd().split("\n")) console.log(`      ${line}`);
}

const folder = scratchDirectory();
const file = (name: string): string => path.join(folder, name);
const port = await freePort();

function showSpace(): void {
	const { size, blocks } = statSync(file("web.img"));
	show(`the file is ${size / MIB} MiB long and takes ${((blocks * 512) / MIB).toFixed(1)} MiB`);
}

async function serve(): Promise<Program> {
	const options = ["--config", file("vblade.toml"), "--socket", file("vblade.sock")];
	const daemon = new Program([...vbladeCommand(), "daemon", ...options]);
	const [ready] = await daemon.waitFor(/^vblade: ready: .*$/m, LIMIT_MS);
	show(`$ vblade daemon --config vblade.toml\n${ready}`);
	return daemon;
}

async function say(...words: string[]): Promise<string> {
	const { code, output } = await run(
		[...vbladeCommand(), ...words, "--socket", file("vblade.sock")],
		LIMIT_MS,
	);
	if (code !== 0) throw new Error(`vblade ${words.join(" ")}: ${output}`);
	return output;
}

/** Logged in as a node of that name, and told what there was to tell. */
async function node(name: string): Promise<Initiator> {
	let found: Initiator | undefined;
	const isIn = async (): Promise<boolean> => {
		const one = new Initiator(connect(port, "127.0.0.1"));
		const wishes = { name: `iqn.2026-11.org.example.${name}:1`, target: TARGET };
		const status = await one.login(wishes).then(
			(login) => login.status,
			() => -1,
		);
		if (status === 0) found = one;
		else one.close();
		return found !== undefined;
	};
	await until(`${name} is let in`, isIn, LIMIT_MS);
	const one = found!;
	await until(
		"it is ready",
		async () => (await one.command({ cdb: TEST_UNIT_READY })).status === 0,
		LIMIT_MS,
	);
	return one;
}

/** The status of a write of one block. */
async function writes(one: Initiator, name: string): Promise<number> {
	const command = { cdb: write10(0, 1), write: Buffer.alloc(BLOCK, name), immediate: BLOCK };
	const { status } = await one.command(command);
	const words = status === 0 ? "done" : status === CONFLICT ? "RESERVATION CONFLICT" : `status ${status}`;
	show(`${name}: WRITE: ${words}`);
	return status;
}

function expect(isSo: boolean, what: string): void {
	if (!isSo) throw new Error(`not so: ${what}`);
}

async function used(one: Initiator): Promise<void> {
	step("It is used: found, asked what it is, written to, and what is not needed any more is given back");
	const { data } = await one.command({ cdb: inquiry(), read: 96 });
	show(`INQUIRY: "${data.toString("latin1", 8, 16).trim()}", "${data.toString("latin1", 16, 32).trim()}"`);
	for (let piece = 0; piece < PIECES; piece++) {
		const cdb = write10((piece * PIECE_BYTES) / BLOCK, PIECE_BYTES / BLOCK);
		const { status } = await one.command({ cdb, write: Buffer.alloc(PIECE_BYTES, 1 + piece) });
		expect(status === 0, "it is written");
	}
	show(`${PIECES} MiB are written`);
	showSpace();
	const read = await one.command({ cdb: read10((5 * PIECE_BYTES) / BLOCK, 8), read: 8 * BLOCK });
	expect(read.data.equals(Buffer.alloc(8 * BLOCK, 6)), "what was written is read");
	const list = Buffer.alloc(24);
	list.set([0, 22, 0, 16]);
	list.writeUInt32BE((PIECES * PIECE_BYTES) / BLOCK, 16);
	const unmap = await one.command({ cdb: [0x42, 0, 0, 0, 0, 0, 0, 0, 24, 0], write: list, immediate: 24 });
	expect(unmap.status === 0, "it is unmapped");
	show("UNMAP of all that");
	showSpace();
}

/** The daemon, all of it, as nothing else would end it. */
async function killAll(daemon: Program): Promise<Program> {
	const children = readFileSync(`/proc/${daemon.pid}/task/${daemon.pid}/children`, "latin1");
	const pids = [daemon.pid, ...children.trim().split(" ").map(Number)];
	show(`$ kill -9 ${pids.join(" ")}`);
	for (const pid of pids) sendSignal(pid, "SIGKILL");
	await daemon.stop("SIGKILL", LIMIT_MS);
	return serve();
}

async function story(): Promise<void> {
	step("A disk over iSCSI: a sparse file, three lines of configuration");
	writeFileSync(file("web.img"), "");
	truncateSync(file("web.img"), 256 * MIB);
	const config = [
		`[daemon]\nstate = "${file("state")}"\n`,
		`[iscsi]\nlisten = ["127.0.0.1:${port}"]\n`,
		`[disk.web]\nfile = "${file("web.img")}"\niscsi = { target = "${TARGET}" }\n`,
	].join("\n");
	writeFileSync(file("vblade.toml"), config);
	show(`$ cat vblade.toml\n${config}`);
	let daemon = await serve();
	showSpace();
	show(
		`at Linux: iscsiadm -m discovery -t sendtargets -p 127.0.0.1:${port}; iscsiadm -m node -T ${TARGET} --login`,
	);

	const [one, two] = [await node("one"), await node("two")];
	await used(one);

	step("Two nodes of a cluster: one reserves the disk, to be kept whatever happens (APTPL)");
	expect((await out(one, 0, 0, [0, 7], 1)) === 0, "it is registered");
	expect((await out(one, 0, 1, [7, 0])) === 0, "it is reserved");
	show("one: PERSISTENT RESERVE OUT: REGISTER, RESERVE (write exclusive)");
	expect((await writes(two, "two")) === CONFLICT, "the other one may not write");
	expect((await writes(one, "one")) === 0, "who has it may");
	show(`$ vblade disk show web\n${await say("disk", "show", "web")}`);
	one.close();
	two.close();

	step("Everything is killed with -9, and started again: the reservation is there");
	daemon = await killAll(daemon);
	const [again, other] = [await node("one"), await node("two")];
	expect((await writes(other, "two")) === CONFLICT, "the other one may still not write");
	expect((await writes(again, "one")) === 0, "who has it may still");

	step("The end: vblade is asked to stop, and everything is cleaned up");
	again.close();
	other.close();
	const { code } = await daemon.stop("SIGTERM", LIMIT_MS);
	expect(code === 0, `vblade daemon ends with 0, not with ${code}:\n${daemon.output}`);
}

const started = performance.now();
try {
	await story();
	console.log(bold(`The demo went well. ${((performance.now() - started) / 1000).toFixed(1)} s.`));
} catch (error) {
	console.error(`The demo failed: ${error instanceof Error ? error.message : String(error)}`);
	process.exit(1);
}
