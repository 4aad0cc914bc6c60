/**
 * Disks whose file is not what its name leads to any more, as the opener tells: somebody has put another file in its place, and may think
 * that it is served, or has removed it, and may not know that it is in use. Told as events; shown with the disk and in the status. Made by `assembly.ts`, filled by `process.ts`.
 */

import type { Replacement } from "../opener/messages.js";
import type { EventLog } from "./event-log.js";
import type { Steward } from "./steward.js";

export class Replaced {
	/** By path: whether nothing is there. */
	#paths: ReadonlyMap<string, boolean> = new Map();

	constructor(
		readonly events: EventLog,
		readonly stewards: () => readonly Steward[],
	) {}

	/** All there are now. */
	take(files: readonly Replacement[]): void {
		const before = this.#paths;
		this.#paths = new Map(files.map(({ path, isGone }) => [path, isGone]));
		for (const steward of this.stewards()) {
			const text = this.textOf(steward);
			const { name, disk } = steward.disk;
			if (text === undefined || before.get(disk.storage.name) === this.#paths.get(disk.storage.name))
				continue;
			this.events.add({ kind: "fault", severity: "warning", disk: name, message: text });
		}
	}

	/** What is to be told of the disk, if it is one of them. */
	textOf({ state, disk: { disk } }: Pick<Steward, "state" | "disk">): string | undefined {
		const { storage } = disk;
		const isServed = state === "open" || state === "fenced";
		const isGone = storage.kind === "file" ? this.#paths.get(storage.path) : undefined;
		if (storage.kind !== "file" || !isServed || isGone === undefined) return undefined;
		if (isGone)
			return `there is no file at ${storage.path} any more; the disk still serves the one that was there, which may be lost when it is closed: copy what is served, by an initiator`;
		return `the file at ${storage.path} is another one now; the disk still serves the old one; close and open it to take the new one`;
	}
}
