/**
 * Disks whose file is not what its name leads to any more, as the opener tells: somebody has put another file in its place, and may think
 * that it is served. Told as events; shown with the disk and in the status. Made by `assembly.ts`, filled by `process.ts`.
 */

import type { EventLog } from "./event-log.js";
import type { Steward } from "./steward.js";

export class Replaced {
	#paths: ReadonlySet<string> = new Set();

	constructor(
		readonly events: EventLog,
		readonly stewards: () => readonly Steward[],
	) {}

	/** All there are now. */
	take(paths: readonly string[]): void {
		const before = this.#paths;
		this.#paths = new Set(paths);
		for (const steward of this.stewards()) {
			const text = this.textOf(steward);
			const { name, disk } = steward.disk;
			if (text === undefined || before.has(disk.storage.name)) continue;
			this.events.add({ kind: "fault", severity: "warning", disk: name, message: text });
		}
	}

	/** What is to be told of the disk, if it is one of them. */
	textOf({ state, disk: { disk } }: Pick<Steward, "state" | "disk">): string | undefined {
		const { storage } = disk;
		const isServed = state === "open" || state === "fenced";
		if (storage.kind !== "file" || !isServed || !this.#paths.has(storage.path)) return undefined;
		return `the file at ${storage.path} is another one now; the disk still serves the old one; close and open it to take the new one`;
	}
}
