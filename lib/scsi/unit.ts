/**
 * A logical unit: a disk as SCSI knows it (SAM-5, 4.6.10). One for each disk, whatever targets it is in: what initiators have set on it
 * (modes, reservations), what each of them is still to be told (unit attentions), and the tasks that are under way. Found by
 * `target.ts`; asked and changed by the operations of this room.
 */

import type { Disk } from "../disk.js";
import type { Nexus } from "./nexus.js";
import { Asc } from "./protocol.js";
import type { ScsiTask } from "./task.js";

const UNITS = new WeakMap<Disk, LogicalUnit>();
/** Of one nexus; of more only the first is told, and the rest is in that. */
const ATTENTIONS_MAX = 8;

export class LogicalUnit {
	/** The only one of its disk. */
	static of(disk: Disk): LogicalUnit {
		const unit = UNITS.get(disk) ?? new LogicalUnit(disk);
		UNITS.set(disk, unit);
		return unit;
	}

	/** The medium can be taken out: INQUIRY says so, and START STOP UNIT may eject it. */
	isRemovable = false;
	/** Those that have begun and not ended. */
	readonly tasks = new Set<ScsiTask>();
	/** Whoever may ask something of it at present, by key; told of what others do to it. */
	readonly nexuses = new Map<string, Nexus>();
	/** What each nexus is still to be told, by its key. */
	readonly #attentions = new Map<string, Asc[]>();

	private constructor(readonly disk: Disk) {}

	/** An initiator has come. */
	meet(nexus: Nexus): void {
		this.nexuses.set(nexus.key, nexus);
		this.attend(nexus, Asc.powerOn);
	}

	/** All but that one are told. */
	attendOthers({ key }: Nexus, asc: Asc): void {
		for (const nexus of this.nexuses.values()) if (nexus.key !== key) this.attend(nexus, asc);
	}

	/** Whoever is behind that nexus is told once, before its next command is carried out (SAM-5, 5.14). */
	attend({ key }: Nexus, asc: Asc): void {
		const waiting = this.#attentions.get(key) ?? [];
		if (!waiting.includes(asc) && waiting.length < ATTENTIONS_MAX) waiting.push(asc);
		this.#attentions.set(key, waiting);
	}

	/** The next that it is to be told, which is forgotten with `isTold`. */
	attention({ key }: Nexus, isTold = true): Asc | undefined {
		const waiting = this.#attentions.get(key);
		if (!isTold) return waiting?.[0];
		const asc = waiting?.shift();
		if (waiting?.length === 0) this.#attentions.delete(key);
		return asc;
	}

	/** Nobody is behind that nexus any more. */
	forget({ key }: Nexus): void {
		this.nexuses.delete(key);
		this.#attentions.delete(key);
	}
}
