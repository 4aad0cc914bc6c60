// A machine that has no thread left for vblade: for a moment, for long, or from the beginning. What could not be begun waits
// and is done when it can be; it is no error of the disk's, least of all a sync that failed. The limit is RLIMIT_NPROC of a
// user of the test's own, which a test can have everywhere; a cgroup's pids.max fails the same calls with the same errno, in
// the kernel's fork for our threads as for those of io_uring.
import { chmodSync, chownSync, closeSync, openSync, writeFileSync, writeSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import t, { type Test } from "tap";
import { Initiator } from "../../lib/client/initiator.js";
import type { RemoteDisk } from "../../lib/client/remote-disk.js";
import { UnixLink } from "../../lib/link/unix.js";
import { Pump } from "../../lib/pump.js";
import { scratchDirectory, until } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import { asOrdinaryUser } from "../support/ordinary-user.js";
import { vbladeCommand } from "../support/paths.js";
import { Program } from "../support/process.js";
import { type Engine, failure, filled, MIB, PAGE_SECTORS, within } from "./stage.js";

const skip = process.getuid?.() === 0 ? false : "needs root, to become another user";
/** Users that nobody is: each server has one of its own. */
const FIRST_USER = 1_000_000 + (process.pid % 100_000) * 16;
const FILE_BYTES = 16 * MIB;
const PAGES = 32;

/** Processes and threads that a server's user may have: more than Node needs. A neighbour takes as many. */
const LIMIT = 40;
const NEIGHBOUR = `
	pids=
	trap 'kill -9 $pids; exit' TERM
	for n in $(seq ${LIMIT}); do sleep 100 & pids="$pids $!"; done
	echo full
	wait`;
/** Run by Node before vblade: it has the threads that it can't do without, and waits until there are no more. */
const WAIT = `
	import { existsSync } from "node:fs";
	import { stat } from "node:fs/promises";
	import { fileURLToPath } from "node:url";
	await stat("/");
	console.log("ready");
	const go = fileURLToPath(new URL("go", import.meta.url));
	while (!existsSync(go)) await new Promise((resolve) => setTimeout(resolve, 10));`;

/** The server looks once a second for threads. */
const SOME_LOOKS_MS = 1500;

let users = 0;

interface Stage {
	readonly server: Program;
	readonly disk: RemoteDisk;
	/** Takes all threads that there are. What it returns gives them back. */
	takeAll(): Promise<() => Promise<unknown>>;
}

/** A server of a new file, as a user of its own, and a client. All threads are gone before it begins, if that is wanted. */
async function open(
	t: Test,
	engine: Engine,
	options: readonly string[],
	late?: "late",
): Promise<Stage & { giveBack?: () => Promise<unknown> }> {
	const user = FIRST_USER + users++;
	const directory = scratchDirectory();
	const file = path.join(directory, "disk.img");
	const fd = openSync(file, "w");
	writeSync(fd, new Uint8Array(1), 0, 1, FILE_BYTES - 1);
	closeSync(fd);
	chownSync(file, user, user);
	chownSync(directory, user, user);
	chmodSync(directory, 0o755);
	const socket = path.join(directory, "socket");
	const takeAll = async () => {
		const neighbour = new Program(asOrdinaryUser(["sh", "-c", NEIGHBOUR], user));
		t.teardown(() => neighbour.stop("SIGTERM"));
		await neighbour.waitFor(/full/, LIMIT_MS);
		return () => neighbour.stop("SIGTERM");
	};
	const vblade = [...vbladeCommand(), ...options, "9", "0", `unix:${socket}`, file];
	const hook = path.join(directory, "hook.mjs");
	writeFileSync(hook, late === undefined ? "" : WAIT);
	const env = { VBLADE_ENGINE: engine, NODE_OPTIONS: `--import=${hook}` };
	const limit = ["prlimit", `--nproc=${LIMIT}:${LIMIT}`];
	const server = new Program(asOrdinaryUser([...limit, ...vblade], user), { env });
	t.teardown(() => server.stop("SIGKILL"));
	let giveBack: (() => Promise<unknown>) | undefined;
	if (late !== undefined) {
		await server.waitFor(/ready/, LIMIT_MS);
		giveBack = await takeAll();
		writeFileSync(path.join(directory, "go"), "");
	}
	// (The log has no thread either, to say that it serves.)
	if (late === undefined) await server.waitFor(/^pid \d+: e9\.0/m, LIMIT_MS);
	const link = await connected(socket);
	const initiator = new Initiator(link, { deadlineMs: 60_000 });
	t.teardown(() => initiator.close());
	const disk = await initiator.open(9, 0);
	return { server, disk, takeAll, ...(giveBack && { giveBack }) };
}

/** A socket has its name before anybody listens there. */
async function connected(socket: string): Promise<UnixLink> {
	let link: UnixLink | undefined;
	const listens = async (): Promise<boolean> => {
		const options = { pump: new Pump(), log: () => {}, framesInFlight: 128 };
		link = await UnixLink.connect(socket, options).catch(() => undefined);
		return link !== undefined;
	};
	await until("somebody listens", listens, LIMIT_MS);
	return link!;
}

/** Everything at once that has to wait for a disk. Holds what has failed. */
async function everything(disk: RemoteDisk, round: number): Promise<unknown[]> {
	const pages = Array.from({ length: PAGES }, (_, page) => page * PAGE_SECTORS);
	const far = FILE_BYTES / 2 / 512 + round * PAGES * PAGE_SECTORS;
	const ended = await Promise.all([
		...pages.map((lba) => failure(disk.write(lba, filled(PAGE_SECTORS, round)))),
		...pages.map((lba) => failure(disk.read(far + lba, PAGE_SECTORS))),
		failure(disk.flush()),
	]);
	return ended.filter((found) => found !== undefined);
}

function lines(server: Program, pattern: RegExp): string[] {
	return server.stderr.split("\n").filter((line) => pattern.test(line));
}

const LACK = /no thread can be had/;
const SUPPLY = /can be had again/;

for (const engine of ["auto", "threads"] as const)
	for (const durability of ["ack", "flush"] as const)
		t.test(`no more threads, engine ${engine}, durability ${durability}`, { skip }, async (t) => {
			const { server, disk, takeAll } = await open(t, engine, [`--durability=${durability}`]);
			const giveBack = await takeAll();
			for (let round = 1; round <= 3; round++)
				t.strictSame(await within(everything(disk, round), "all of it"), [], `round ${round}: all is done`);
			t.ok(
				(await disk.read(0, PAGES * PAGE_SECTORS)).every((byte) => byte === 3),
				"what was written is there",
			);
			t.strictSame(lines(server, /failed/), [], "no disk has failed");
			await giveBack();
			t.strictSame(await everything(disk, 4), [], "nor is anything wrong afterwards");
			t.strictSame(lines(server, /failed/), []);
		});

t.test(
	"no thread from the beginning: what needs one waits for it, and that is told once",
	{ skip },
	async (t) => {
		const { server, disk, giveBack } = await open(t, "threads", [], "late");
		let done = 0;
		const work = [1, 2, 3].map((round) => everything(disk, round).finally(() => done++));
		await sleep(SOME_LOOKS_MS);
		t.equal(done, 0, "nothing was answered that could not be done");
		await giveBack?.();
		t.strictSame(
			await within(Promise.all(work), "all of it", 2 * LIMIT_MS),
			[[], [], []],
			"all is done in the end",
		);
		await server.waitFor(SUPPLY, LIMIT_MS);
		t.match(lines(server, LACK)[0] ?? "", /^vblade: error: .*\(EAGAIN\)/);
		t.equal(lines(server, LACK).length, 1, "one line when it began");
		t.equal(lines(server, SUPPLY).length, 1, "one when it was over");
		t.strictSame(lines(server, /failed/), []);
		process.kill(server.pid, "SIGUSR1");
		await until("counters", () => /requests? had to wait for a thread/.test(server.output), LIMIT_MS);
	},
);
