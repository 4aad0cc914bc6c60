/**
 * Which worker has a disk: decided when that is first asked, and so until the disk is removed. A pool belongs to one process, so what is on its
 * volumes is all with one worker, the same whoever comes first, also after control was started again. Used by `tree-workers.ts`.
 */

import { createHash } from "node:crypto";
import { OperatorError } from "../errors.js";
import type { DiskConfig } from "../spec/configuration.js";

export class Choice<Worker extends { readonly disks: Set<string> }> {
	readonly #workers: readonly Worker[];
	/** By name of the disk. */
	readonly #workerOf = new Map<string, Worker>();

	constructor(workers: readonly Worker[]) {
		this.#workers = workers;
	}

	of({ name, disk: { storage } }: Pick<DiskConfig, "name" | "disk">): Worker {
		if (storage.kind === "volume" && !this.#workerOf.has(name)) this.give(name, this.ofPool(storage.pool));
		return this.known(name);
	}

	/** Of all pools in that directory, that is: of the only one. */
	ofPool(folder: string): Worker {
		const chance = createHash("sha256").update(folder).digest().readUInt32BE();
		return this.#some(this.#workers[chance % this.#workers.length]);
	}

	/** The worker that has it, or else the one that has fewest, which has it from now on. */
	known(disk: string): Worker {
		const known = this.#workerOf.get(disk);
		if (known !== undefined) return known;
		const [first] = [...this.#workers].sort((one, other) => one.disks.size - other.disks.size);
		return this.give(disk, this.#some(first));
	}

	give(disk: string, worker: Worker): Worker {
		this.#workerOf.set(disk, worker);
		worker.disks.add(disk);
		return worker;
	}

	forget(disk: string): void {
		this.#workerOf.get(disk)?.disks.delete(disk);
		this.#workerOf.delete(disk);
	}

	#some(worker: Worker | undefined): Worker {
		if (worker === undefined) throw new OperatorError("there is no worker");
		return worker;
	}
}
