/**
 * The demo: the story of vblade's README, for real. A disk of 4 GiB is exported; a Linux kernel on the other end of a virtual
 * cable finds it with its own AoE driver, makes a file system and uses it. Where there can be no kernel client (not root, or
 * user-mode Linux is missing) our own initiator plays its part over a Unix socket, and says so. Then a mirror
 * loses a disk and has it back, and in the end the daemon serves two disks and has a page. Run by `scripts/demo`.
 *
 * Leaves nothing behind, whatever happens. Exits with 0 if all went well.
 */

import { statSync } from "node:fs";
import path from "node:path";
import { Initiator } from "../lib/client/initiator.js";
import { UnixLink } from "../lib/link/unix.js";
import { Pump } from "../lib/pump.js";
import { formatMac } from "../lib/wire/mac.js";
import { scratchDirectory } from "../test/support/cleanup.js";
import { Lan, type Namespace } from "../test/support/netns.js";
import { sourceFile, vbladeCommand } from "../test/support/paths.js";
import { Program, run } from "../test/support/process.js";
import { runGuest, umlMissing } from "../test/support/uml.js";
import { showDaemon } from "./demo-daemon.js";
import { showMirror } from "./demo-mirror.js";

const MTU = 9000;
const START_LIMIT_MS = 10_000;
const STORY_LIMIT_MS = 90_000;
const BENCH_LIMIT_MS = 30_000;
/** Where our own initiator writes when it plays the client: a sector in the middle of the disk. */
const SECTOR = 4_000_000;
const SECTOR_BYTES = 512;

const bold = process.stdout.isTTY ? (text: string) => `\x1b[1m${text}\x1b[0m` : (text: string) => text;
let steps = 0;

function step(text: string): void {
	console.log(bold(`${++steps}. ${text}`));
}

function show(text: string): void {
	for (const line of text.trimEnd().split("\n")) console.log(`      ${line}`);
}

/** A file that looks like 4 GiB and is empty. */
async function makeDisk(): Promise<string> {
	step("A disk: a sparse file of 4 GiB");
	const file = path.join(scratchDirectory(), "disk.img");
	show(`$ sparsefile 4G ${file}`);
	const { code, output } = await run([sourceFile("scripts/sparsefile"), "4G", file], START_LIMIT_MS);
	if (code !== 0) throw new Error(output);
	showSpace(file);
	return file;
}

function showSpace(file: string): void {
	const { size, blocks } = statSync(file);
	show(`it is ${size / 2 ** 30} GiB long and takes ${((blocks * 512) / 2 ** 20).toFixed(1)} MiB`);
}

/** Starts vblade as a user would. */
async function serve(netif: string, file: string, namespace: Namespace | undefined): Promise<Program> {
	step("The server");
	show(`$ vblade 9 0 ${netif} ${file}`);
	const command = [...vbladeCommand(), "9", "0", netif, file];
	const vblade = new Program(command, { namespace: namespace?.name });
	const [line] = await vblade.waitFor(/^pid \d+: .*$/m, START_LIMIT_MS);
	show(line);
	return vblade;
}

async function tellThroughput(netif: string, namespace: Namespace | undefined): Promise<void> {
	step("How fast is it? Our own initiator, on the same link");
	for (const options of [[], ["--write"]]) {
		const args = ["bench", "--seconds=1", ...options, netif, "9", "0"];
		show(`$ vblade ${args.join(" ")}`);
		const command = [...vbladeCommand(), ...args];
		const { code, stdout, output } = await run(command, BENCH_LIMIT_MS, { namespace: namespace?.name });
		if (code !== 0) throw new Error(`vblade bench: ${output}`);
		show(stdout);
	}
}

/** The client is a Linux kernel. */
async function withKernel(): Promise<void> {
	step("A private network: two network namespaces and a virtual cable between them");
	const lan = new Lan({ mtu: MTU });
	show(`${lan.server.name}/lan0 (${lan.server.mac("lan0")}) <===> ${lan.client.name}/lan0, MTU ${MTU}`);
	const file = await makeDisk();
	const vblade = await serve("lan0", file, lan.server);

	step("The client: a Linux kernel with its own AoE driver (user-mode Linux), on the other end of the cable");
	await runGuest({
		namespace: lan.client,
		interfaceNames: ["lan0"],
		mtu: MTU,
		script: "demo.sh",
		variables: { disk: "e9.0" },
		limitMs: STORY_LIMIT_MS,
		onLine: (line) => {
			if (line.startsWith("> ")) show(line.slice(2));
		},
	});

	step("The file that was exported now holds a file system, and is still mostly hole");
	showSpace(file);
	show(`$ debugfs -R "cat test.txt" ${path.basename(file)}`);
	const { stdout } = await run(["debugfs", "-R", "cat test.txt", file], START_LIMIT_MS);
	show(stdout);
	if (stdout.trim() !== "hooray") throw new Error("that is not what was written");

	await tellThroughput("lan0", lan.client);
	await stop(vblade);
	lan.remove();
}

/** The client is our own initiator; no privilege needed. */
async function withInitiator(missing: string): Promise<void> {
	console.log(`There can be no Linux kernel as the client: ${missing}.`);
	console.log("So our own initiator plays the client, over a Unix socket.");
	const file = await makeDisk();
	const socket = path.join(path.dirname(file), "link.sock");
	const vblade = await serve(`unix:${socket}`, file, undefined);

	step("The client: our own initiator");
	const link = await UnixLink.connect(socket, { pump: new Pump(), framesInFlight: 16, log: show });
	const initiator = new Initiator(link);
	const [blade] = await initiator.discover({ shelf: 9, slot: 0 });
	if (!blade) throw new Error("e9.0 did not answer");
	show(`found e${blade.shelf}.${blade.slot} at ${formatMac(blade.mac)}`);
	const disk = await initiator.open(9, 0);
	show(`it is a "${disk.identity.model}" of ${disk.sectorCount} sectors`);
	const sector = new Uint8Array(SECTOR_BYTES);
	new TextEncoder().encodeInto("hooray", sector);
	await disk.write(SECTOR, sector);
	await disk.flush();
	show(`wrote "hooray" to sector ${SECTOR}`);
	const text = new TextDecoder().decode((await disk.read(SECTOR, 1)).subarray(0, 6));
	show(`read "${text}" from sector ${SECTOR}`);
	if (text !== "hooray") throw new Error("that is not what was written");
	initiator.close();
	await link.close();

	await tellThroughput(`unix:${socket}`, undefined);
	await stop(vblade);
}

async function stop(vblade: Program): Promise<void> {
	step("The end: vblade is asked to stop, and everything is cleaned up");
	const { code } = await vblade.stop("SIGTERM");
	if (code !== 0) throw new Error(`vblade ended with status ${code}:\n${vblade.output}`);
}

const started = performance.now();
try {
	const missing = umlMissing();
	if (missing === undefined) await withKernel();
	else await withInitiator(missing);
	step("Two copies: a mirror of a file here and a disk of another server, which is killed and comes back");
	await showMirror(show);
	step("Many disks: the daemon, with a configuration file, and a page to look at");
	await showDaemon(show);
	const seconds = ((performance.now() - started) / 1000).toFixed(1);
	console.log(
		bold(`The demo went well: ${missing ? "our initiator" : "a Linux kernel"} used the disk. ${seconds} s.`),
	);
} catch (error) {
	console.error(`The demo failed: ${error instanceof Error ? error.message : String(error)}`);
	process.exit(1);
}
