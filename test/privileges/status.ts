/** What /proc says of a process that is to have nothing left of root, for the tests of that. */

import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

/** Whom it becomes. */
export const USER = "nobody";
/** Sets of capabilities: CAP_NET_RAW alone, and none. */
export const NET_RAW = (1n << 13n).toString(16).padStart(16, "0");
export const NONE = "0".repeat(16);

/** What /proc says of each thread: the lines of its `status`, by name. */
function threads(pid: number): Map<string, string>[] {
	// (The first one's number is the process's; those of others may be smaller, when numbers have begun anew.)
	const names = readdirSync(`/proc/${pid}/task`).sort(
		(a, b) => Number(b === `${pid}`) - Number(a === `${pid}`),
	);
	return names.flatMap((thread) => {
		const status = `/proc/${pid}/task/${thread}/status`;
		let text: string;
		try {
			text = readFileSync(status, "utf8");
		} catch {
			// It has ended meanwhile.
			return [];
		}
		const lines = text.split("\n").filter(Boolean);
		return [
			new Map(
				lines.map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]),
			),
		];
	});
}

export function numberOf(kind: "-u" | "-g" | "-G"): string {
	return execFileSync("id", [kind, USER], { encoding: "utf8" }).trim();
}

/** Every privilege of every thread that is too much, in words. */
export function excess(pid: number, mostCapabilities: string): string[] {
	const [uid, gid, groups] = [numberOf("-u"), numberOf("-g"), numberOf("-G")];
	const found = new Set<string>();
	for (const [index, status] of threads(pid).entries()) {
		const expected: Record<string, readonly string[]> = {
			Uid: [[uid, uid, uid, uid].join("\t")],
			Gid: [[gid, gid, gid, gid].join("\t")],
			Groups: [groups],
			CapInh: [NONE],
			CapPrm: [NONE, mostCapabilities],
			CapEff: [NONE, mostCapabilities],
			CapAmb: [NONE],
			NoNewPrivs: ["1"],
			Seccomp: ["2"],
			// A thread's bounding set is its own to clear, and no library does it for all. Without new privileges it is moot.
			...(index === 0 ? { CapBnd: [NONE], CapPrm: [mostCapabilities] } : {}),
		};
		for (const [name, allowed] of Object.entries(expected)) {
			const value = status.get(name) ?? "missing";
			if (!allowed.includes(value)) found.add(`${name} ${value}`);
		}
	}
	return [...found].sort();
}
