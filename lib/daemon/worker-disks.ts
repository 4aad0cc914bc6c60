/**
 * The disks of a worker, as control speaks of them: one name for a disk with all its exports. Turns what is asked into what the daemon
 * can do, one thing at a time for each disk. Used by `worker.ts`.
 */

import { OperatorError } from "../errors.js";
import type { ExportSpec } from "../spec/spec.js";
import { quote } from "../text.js";
import type { Daemon } from "./daemon.js";
import type { DiskEnd } from "./disks.js";
import type { WorkerDisk } from "./worker-messages.js";

export class WorkerDisks {
	readonly #daemon: Daemon;
	readonly #disks = new Map<string, WorkerDisk>();
	/** What each disk is being asked for, until that is done. */
	readonly #busy = new Map<string, Promise<unknown>>();

	constructor(daemon: Daemon) {
		this.#daemon = daemon;
	}

	get names(): string[] {
		return [...this.#disks.keys()];
	}

	/** What is served, and as what. */
	get serving(): { name: string; fingerprint: string; fenced: boolean }[] {
		return [...this.#disks.values()].map(({ disk: { name }, fingerprint, fenced }) => ({
			name,
			fingerprint,
			fenced,
		}));
	}

	/** Throws an OperatorError if it can't be opened or served; then nothing of it is there. */
	add(added: WorkerDisk): Promise<void> {
		const { disk, exports, links, fenced } = added;
		return this.#afterwards(disk.name, async () => {
			const isOpen = this.#disks.has(disk.name);
			await this.#daemon.add({ disks: isOpen ? [] : [disk], exports: fenced ? [] : exports, links });
			this.#disks.set(disk.name, added);
		});
	}

	/** Throws an OperatorError if it has to be removed and added instead. */
	change(changed: Pick<WorkerDisk, "disk" | "exports" | "fingerprint">): Promise<void> {
		const { name } = changed.disk;
		return this.#afterwards(name, async () => {
			const before = this.#get(name);
			if (namesOf(before.exports) !== namesOf(changed.exports))
				throw new OperatorError(`disk ${quote(name)}: is exported in other ways`);
			this.#daemon.changeDisk(changed.disk);
			if (!before.fenced) for (const each of changed.exports) this.#daemon.change(each);
			this.#disks.set(name, { ...before, ...changed });
		});
	}

	/** Its exports are removed, when what is under way is answered; it stays open. */
	withdraw(name: string): Promise<void> {
		return this.#afterwards(name, async () => {
			const disk = this.#get(name);
			if (!disk.fenced) await Promise.all(disk.exports.map((each) => this.#daemon.removeExport(each.name)));
			this.#disks.set(name, { ...disk, exports: [], fingerprint: "" });
		});
	}

	/** At once, even while it is being added. Throws an OperatorError if there is none of this name. */
	async remove(name: string, limitMs?: number): Promise<DiskEnd> {
		const end = await this.#daemon.removeDisk(name, limitMs);
		this.#disks.delete(name);
		return end;
	}

	/** Cuts its initiators off, at once, or serves them again. */
	fence(name: string, fenced: boolean): Promise<void> {
		return this.#afterwards(name, async () => {
			const disk = this.#get(name);
			if (disk.fenced === fenced) return;
			const { exports, links } = disk;
			if (fenced) await Promise.all(exports.map((each) => this.#daemon.fenceExport(each.name)));
			else await this.#daemon.add({ disks: [], exports, links });
			this.#disks.set(name, { ...disk, fenced });
		});
	}

	#get(name: string): WorkerDisk {
		const disk = this.#disks.get(name);
		if (disk === undefined) throw new OperatorError(`disk ${quote(name)}: there is none of this name`);
		return disk;
	}

	async #afterwards(name: string, act: () => Promise<void>): Promise<void> {
		const acted = (this.#busy.get(name) ?? Promise.resolve()).then(act);
		const settled = acted.catch(() => {});
		this.#busy.set(name, settled);
		try {
			await acted;
		} finally {
			if (this.#busy.get(name) === settled) this.#busy.delete(name);
		}
	}
}

function namesOf(exports: readonly ExportSpec[]): string {
	return exports.map(({ name }) => name).join("\n");
}
