/**
 * Who has a pool that a command finds in use: found by the lock, as far as the kernel tells; a daemon is asked what it calls the pool, so that the
 * operator can ask it instead. Loaded by `open-pool.ts` when it comes to that.
 */

import { readFile, stat } from "node:fs/promises";
import path from "node:path";
import { PoolList } from "../../control/model.js";
import { type InUseError, OperatorError } from "../../errors.js";
import { HEAD_NAME } from "../../pool/folder.js";
import { oneLine } from "../../text.js";
import { AskError, DaemonClient } from "../asking/client.js";
import { SOCKET } from "../forms.js";

const LIMIT_MS = 2000;
/** A daemon's lock is held by a process of its own, or by a child of that. */
const PARENTS_MAX = 4;
const LINE_MAX = 200;

/** The same error with what can be found out; as it is, if that is nothing. */
export async function namingUser(pool: string, error: InUseError): Promise<OperatorError> {
	const pid = await holderOf(pool).catch(() => undefined);
	const daemon = await daemonOf(pid);
	if (daemon !== undefined) {
		const { pid: of, socket } = daemon;
		const name = await nameIn(socket, pool);
		const at = socket === SOCKET.default ? "" : ` --socket=${socket}`;
		const ask =
			name === undefined
				? `its socket is ${socket}`
				: `which calls it ${name}: vblade pool show${at} ${name} asks it, and so do all commands with that name in place of the path`;
		return new OperatorError(oneLine(`${pool}: is in use by the daemon, process ${of}, ${ask}`));
	}
	if (pid === undefined) return error;
	const line = (await wordsOf(pid)).join(" ").slice(0, LINE_MAX);
	return new OperatorError(oneLine(`${pool}: is in use by process ${pid}${line === "" ? "" : ` (${line})`}`));
}

/** Who has locked the file that each pool has. */
async function holderOf(pool: string): Promise<number | undefined> {
	const isFile = !(await stat(pool)).isDirectory();
	const { dev, ino } = await stat(isFile ? pool : path.join(pool, HEAD_NAME));
	const hex = (number: number): string => number.toString(16).padStart(2, "0");
	const [major, minor] = [(dev >>> 8) & 0xfff, (dev & 0xff) | ((dev >>> 12) & 0xfff00)];
	const file = `${hex(major)}:${hex(minor)}:${ino}`;
	for (const lock of (await readFile("/proc/locks", "utf8")).split("\n")) {
		const [, kind, , , pid, locked] = lock.split(/ +/);
		if (kind === "FLOCK" && locked === file && Number(pid) > 0) return Number(pid);
	}
	return undefined;
}

/** The daemon that a process is of. */
async function daemonOf(pid: number | undefined): Promise<{ pid: number; socket: string } | undefined> {
	let each = pid;
	for (let i = 0; i < PARENTS_MAX && each !== undefined; i++) {
		const words = await wordsOf(each);
		if (words.includes("daemon")) return { pid: each, socket: socketIn(words) };
		each = await parentOf(each);
	}
	return undefined;
}

function socketIn(words: readonly string[]): string {
	const at = words.findIndex((word) => word === "--socket" || word.startsWith("--socket="));
	const word = words[at];
	if (word === undefined) return SOCKET.default;
	return word === "--socket" ? (words[at + 1] ?? SOCKET.default) : word.slice("--socket=".length);
}

/** What the daemon calls it, if it says so in time. */
async function nameIn(socket: string, pool: string): Promise<string | undefined> {
	const client = new DaemonClient(socket, LIMIT_MS);
	try {
		const { pools } = await client.get("/api/v1/pools", PoolList);
		return pools.find((each) => path.resolve(each.path) === path.resolve(pool))?.name;
	} catch (error) {
		if (error instanceof AskError || error instanceof OperatorError) return undefined;
		throw error;
	} finally {
		client.close();
	}
}

async function wordsOf(pid: number): Promise<string[]> {
	const line = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
	return line.split("\0").filter((word) => word !== "");
}

async function parentOf(pid: number): Promise<number | undefined> {
	const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
	const parent = Number(/^PPid:\s*(\d+)/m.exec(status)?.[1]);
	return parent > 1 ? parent : undefined;
}
