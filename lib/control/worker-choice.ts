/**
 * Which worker has a disk: decided when that is first asked, and so until the disk is removed. What belongs to one process (`belongings.ts`), a
 * pool, a `unix:` link or NBD, has a home among the workers, and so have all disks that are on it, the same whoever comes first, also after control
 * was started again. Used by `tree-workers.ts`.
 */

import { createHash } from "node:crypto";
import { OperatorError } from "../errors.js";
import {
	type Belonging,
	belongingsOf,
	type Group,
	groupsOf,
	type PlacedDisk,
	poolBelonging,
	sharedOf,
} from "./belongings.js";

export class Choice<Worker extends { readonly index: number; readonly disks: Set<string> }> {
	readonly #workers: readonly Worker[];
	/** By name of the disk. */
	readonly #workerOf = new Map<string, Worker>();
	readonly #homes = new Map<Belonging, Worker>();

	constructor(workers: readonly Worker[]) {
		this.#workers = workers;
	}

	/** These are all disks that there shall be. What is served stays where it is. */
	arrange(disks: readonly PlacedDisk[]): void {
		if (this.#workers.length === 1) return;
		const shared = sharedOf(disks);
		// One that a single disk is at goes with it. A pool may be open for who only asks about it.
		for (const each of this.#homes.keys())
			if (!isLasting(each) && !shared.has(each)) this.#homes.delete(each);
		for (const disk of disks) {
			const worker = this.#workerOf.get(disk.name);
			// What a new disk of disks is made of can be opened elsewhere: it goes where it must be for another reason.
			const isFixed = (each: Belonging) => isLasting(each) || (shared.has(each) && !isOfDisks(each));
			const belongings = belongingsOf(disk).filter(isFixed);
			if (worker !== undefined) this.#settle(belongings, worker);
		}
		for (const group of groupsOf(disks)) {
			const home = this.#homeOf(group);
			this.#settle(group.belongings, home);
			for (const disk of group.disks) if (!this.#workerOf.has(disk)) this.give(disk, home);
		}
	}

	/** What has no home yet is at home there. */
	#settle(belongings: Iterable<Belonging>, home: Worker): void {
		for (const each of belongings) if (!this.#homes.has(each)) this.#homes.set(each, home);
	}

	#homeOf(group: Group): Worker {
		const belongings = [...group.belongings];
		const homes = belongings.map((each) => this.#homes.get(each));
		const known = group.disks.map((disk) => this.#workerOf.get(disk));
		const home = [...homes, ...known].find((each) => each !== undefined);
		return home ?? this.#unserved(belongings.filter((each) => each.startsWith("pool ")).sort()[0]);
	}

	/** Of all that this pool has, that is: of the only one. Else the one that has fewest. */
	#unserved(pool: Belonging | undefined): Worker {
		if (pool === undefined) return this.#idlest();
		const chance = createHash("sha256").update(pool).digest().readUInt32BE();
		return this.#some(this.#workers[chance % this.#workers.length]);
	}

	/** Throws an OperatorError if what the disk is on is at home with different workers. */
	of(disk: PlacedDisk): Worker {
		/** The first of those that are at home there. */
		const homes = new Map<Worker, Belonging>();
		for (const each of belongingsOf(disk)) {
			const home = this.#homes.get(each);
			if (home !== undefined && !homes.has(home)) homes.set(home, each);
		}
		const [home, other] = homes.keys();
		if (home === undefined) return this.known(disk.name);
		if (other === undefined) return home;
		const told = [...homes].map(([{ index }, each]) => `worker ${index} has ${each}`);
		throw new OperatorError(`${told.join(", ")}: one has both when vblade is started again`);
	}

	ofPool(folder: string): Worker {
		const pool = poolBelonging(folder);
		const home = this.#homes.get(pool) ?? this.#unserved(pool);
		this.#homes.set(pool, home);
		return home;
	}

	hasPool(folder: string, worker: Worker): boolean {
		return this.#homes.get(poolBelonging(folder)) === worker;
	}

	/** The worker that has it, or else the one that has fewest, which has it from now on. */
	known(disk: string): Worker {
		return this.#workerOf.get(disk) ?? this.give(disk, this.#idlest());
	}

	/** Another worker may have it open. */
	isElsewhere(disk: string, worker: Worker): boolean {
		return (this.#workerOf.get(disk) ?? worker) !== worker;
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

	#idlest(): Worker {
		return this.#some([...this.#workers].sort((one, other) => one.disks.size - other.disks.size)[0]);
	}

	#some(worker: Worker | undefined): Worker {
		if (worker === undefined) throw new OperatorError("there is no worker");
		return worker;
	}
}

/** Also while no disk is at it. */
function isLasting(each: Belonging): boolean {
	return !each.startsWith("unix:") && !isOfDisks(each);
}

function isOfDisks(each: Belonging): boolean {
	return each.startsWith("disk ");
}
