/**
 * A logical unit: a disk as SCSI knows it (SAM-5, 4.6.10). One for each disk, whatever targets it is in: what initiators have set on it
 * (modes, reservations), and what it has with each nexus (`task-set.ts`). Found by `target.ts`; asked and changed by the operations of
 * this room.
 */

import type { Partner } from "../block/device.js";
import type { Disk } from "../disk.js";
import { Coming } from "./coming.js";
import { CopyResults } from "./copy-results.js";
import { type KeptUnit, NOTHING_KEPT } from "./kept.js";
import { MediumState } from "./medium-state.js";
import { Modes } from "./mode-pages.js";
import type { Nexus } from "./nexus.js";
import { Asc } from "./protocol.js";
import { Reservations } from "./reservations.js";
import { Sanitization, type Sanitizing } from "./sanitization.js";
import type { ScsiTask, TaskUnit } from "./task.js";
import { TaskSet } from "./task-set.js";
import { Told } from "./told.js";

const UNITS = new WeakMap<Disk, LogicalUnit>();

export class LogicalUnit implements TaskUnit {
	/** The only one of its disk. */
	static of(disk: Disk): LogicalUnit {
		const unit = UNITS.get(disk) ?? new LogicalUnit(disk);
		UNITS.set(disk, unit);
		return unit;
	}

	/** The medium can be taken out: INQUIRY says so, and START STOP UNIT may eject it. */
	isRemovable = false;
	/** Whoever may ask something of it at present, by key; told of what others do to it. */
	readonly nexuses = new Map<string, Nexus>();
	/** What initiators have set. */
	readonly modes = new Modes();
	/** Whether the medium can be used. */
	readonly medium = new MediumState();
	readonly reservations: Reservations;
	/** Of copies that were begun here. */
	readonly copies = new CopyResults();
	readonly sanitization: Sanitization;
	readonly #told: Told;
	readonly #sets = new Map<Nexus, TaskSet>();

	private constructor(readonly disk: Disk) {
		this.reservations = new Reservations(disk);
		this.#told = new Told(disk);
		this.sanitization = new Sanitization(disk, (kept) => this.reservations.keepSanitizing(kept));
	}

	/** The other host that serves it, if there is one. */
	get partner(): Partner | undefined {
		return this.disk.device.tenure?.partner;
	}

	/** What initiators know of it may not be so any more: they are told. */
	look(): void {
		for (const asc of this.#told.changes())
			for (const nexus of this.nexuses.values()) this.attend(nexus, asc);
	}

	/** Nobody may change the medium. */
	get isWriteProtected(): boolean {
		return this.modes.writeProtected || this.disk.device.info.readOnly;
	}

	/** What it has with whoever is behind that nexus. */
	with(nexus: Nexus): TaskSet {
		let set = this.#sets.get(nexus);
		if (set === undefined) {
			set = new TaskSet();
			this.#sets.set(nexus, set);
		}
		return set;
	}

	/** An initiator has come. */
	meet(nexus: Nexus): void {
		this.nexuses.set(nexus.key, nexus);
		this.attend(nexus, Asc.powerOn);
	}

	/** A task is under way on it, until it ends, in the set that is returned. */
	begin(task: ScsiTask): TaskSet {
		const set = this.with(task.nexus);
		task.unit = this;
		task.set = set;
		set.enter(task);
		this.disk.underWay += 1;
		return set;
	}

	/** Whoever is behind that nexus is told once, before its next command is carried out (SAM-5, 5.14). */
	attend(nexus: Nexus, asc: Asc): void {
		this.with(nexus).attend(asc);
	}

	/** All but that one are told. */
	attendOthers({ key }: Nexus, asc: Asc): void {
		for (const nexus of this.nexuses.values()) if (nexus.key !== key) this.attend(nexus, asc);
	}

	/** The next that it is to be told, which is forgotten with `isTold`. */
	attention(nexus: Nexus, isTold = true): Asc | undefined {
		return this.#sets.get(nexus)?.attention(isTold);
	}

	/**
	 * A reset (SAM-5, 6.3.3): as after power on, but for what is persistent, and for whether the medium is there. Everybody is told, whoever has asked
	 * for it too. Resolves when nothing is under way any more of what was then.
	 */
	async reset(): Promise<void> {
		const sets = [...this.#sets.values()];
		for (const nexus of this.nexuses.values()) this.attend(nexus, Asc.reset);
		await Promise.all(sets.map((set) => set.abortAll()));
		this.reservations.legacy = null;
		this.medium.allow();
		this.modes.reset();
	}

	/** All that is under way ends, and those who asked are told; but for what waits until it can be decided. */
	async endTasks(): Promise<void> {
		const begun = (set: TaskSet) => set.tasks.filter(({ work }) => !(work instanceof Coming));
		await Promise.all([...this.#sets.values()].map((set) => set.abort(begun(set), true)));
	}

	/**
	 * Another host has what is stored now, and what is reserved of it: that is not known here. What was reserved by RESERVE of SPC-2 is over, and whoever had
	 * it is told.
	 */
	leaveReservations(): void {
		const { legacy } = this.reservations;
		if (legacy !== null) this.attend(legacy, Asc.reset);
		this.reservations.legacy = null;
		this.reservations.restore(NOTHING_KEPT);
	}

	/** What was kept, before anybody is answered: also by another host, whose disk it was until now. */
	restore(kept: KeptUnit): void {
		for (const key of this.reservations.restore(kept, this.disk.device.tenure?.isHandedOver)) {
			const nexus = this.nexuses.get(key);
			if (nexus !== undefined) this.attend(nexus, Asc.registrationsPreempted);
		}
		this.sanitization.restore(kept.sanitizing);
	}

	/** For a task, which is not waited for: all others are told that they are over. Resolves as `Sanitization.run`. */
	sanitize(how: Sanitizing, task: ScsiTask): Promise<boolean | null> {
		return this.sanitization.run(how, async () => {
			const sets = [...this.#sets.values()];
			const others = (set: TaskSet) => set.tasks.filter((other) => other !== task);
			await Promise.all(sets.map((set) => set.abort(others(set), true)));
		});
	}

	/** Nobody is behind that nexus any more. */
	forget(nexus: Nexus): void {
		this.medium.prevent(nexus, false);
		this.copies.forget(nexus);
		if (this.reservations.legacy === nexus) this.reservations.legacy = null;
		if (this.nexuses.get(nexus.key) === nexus) this.nexuses.delete(nexus.key);
		this.#sets.delete(nexus);
	}
}
