/**
 * What tests and the demo leave behind is nothing: everything that outlives a process (namespaces, other processes,
 * scratch directories) is given back here, at the normal end, after an exception and on SIGINT, SIGTERM and SIGHUP.
 * SIGKILL can't be caught; for that, `netns.ts` sweeps at the next start and `process.ts` lets the kernel kill children.
 */

import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

type Undo = () => void;

const undos: Undo[] = [];
let armed = false;

/** Calls `undo` when this process ends, latest first, unless the returned function has been called before: it does it now. */
export function atEnd(undo: Undo): Undo {
	arm();
	undos.push(undo);
	return () => {
		const at = undos.indexOf(undo);
		if (at === -1) return;
		undos.splice(at, 1);
		undo();
	};
}

function arm(): void {
	if (armed) return;
	armed = true;
	process.on("exit", undoAll);
	for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
		process.once(signal, () => {
			undoAll();
			process.kill(process.pid, signal);
		});
	}
}

function undoAll(): void {
	for (let undo = undos.pop(); undo; undo = undos.pop()) {
		try {
			undo();
		} catch (error) {
			process.stderr.write(`clean-up: ${String(error)}\n`);
		}
	}
}

/** A new directory that is gone at the end. Its path has no spaces. */
export function scratchDirectory(): string {
	for (const left of leftBehind(tmpdir(), /^vb(\d+)-/)) {
		try {
			rmSync(left, { recursive: true, force: true });
		} catch {
			// Another test process is at it too.
		}
	}
	const directory = mkdtempSync(path.join(tmpdir(), `vb${process.pid}-`));
	atEnd(() => rmSync(directory, { recursive: true, force: true }));
	return directory;
}

/**
 * What processes that were killed have left in `directory`: everything whose name matches, with the pid of a process that
 * is no more as the first group.
 */
export function leftBehind(directory: string, name: RegExp): string[] {
	if (!existsSync(directory)) return [];
	return readdirSync(directory)
		.filter((entry) => {
			const [, pid] = name.exec(entry) ?? [];
			return pid !== undefined && !existsSync(`/proc/${pid}`);
		})
		.map((entry) => path.join(directory, entry));
}

const ASKED_FIRST_MS = 20;
const ASKED_LAST_MS = 100;

/**
 * Asks `condition` until it is true; throws if that takes more than `limitMs`. The longer it takes, the more seldom it asks, from 20 ms to
 * 100: what is asked is mostly a server, which should do other things than answer.
 */
export async function until(
	what: string,
	condition: () => boolean | Promise<boolean>,
	limitMs: number,
): Promise<void> {
	const end = Date.now() + limitMs;
	for (let waitMs = ASKED_FIRST_MS; !(await condition()); waitMs = Math.min(ASKED_LAST_MS, waitMs * 1.2)) {
		if (Date.now() > end) throw new Error(`${what}: not within ${limitMs} ms`);
		await pause(waitMs);
	}
}

/** Waits. For what has no event to wait for: that something does not happen. */
export function pause(ms: number): Promise<void> {
	return new Promise((resolve) => setTimeout(resolve, ms));
}
