/**
 * Targets of iSCSI that are configured and not served: of disks that are fenced, or could not be opened, or whose pool is changing hosts. An initiator
 * that may have one is told to try again later, for by "there is none" it would give up for good; and so is one that uses other disks of the same target. Told by `worker-disks.ts`, asked by
 * `iscsi-exporter.ts`.
 */

import { type Clock, systemClock } from "../clock.js";
import type { Initiator } from "../iscsi/target.js";
import { Peers } from "../spec/peers.js";
import type { ExportSpec, IscsiExportSpec } from "../spec/spec.js";
import { oneLine } from "../text.js";

/** At a start: nobody is told within this time that there is no such target. */
const BEGINNING_MS = 30_000;

interface Absence {
	readonly target: string;
	readonly lun: number;
	readonly why: string;
	readonly mayUse: (initiator: Initiator) => boolean;
}

export class IscsiAbsent {
	/** By the disk's name. */
	readonly #absences = new Map<string, Absence>();

	readonly #clock: Clock;
	/** Whoever wants what is not known by then wants what there is not. */
	readonly #knownMs: number;

	constructor(clock: Clock = systemClock) {
		this.#clock = clock;
		this.#knownMs = clock.now() + BEGINNING_MS;
	}

	/** Called whenever there is something to be told to initiators, who have to be able to connect for that. */
	onTold: () => void = () => {};

	/** Target and LUN of each, and how many there are of it. */
	readonly #units = new Map<string, number>();

	/** From now on, in place of what was told of the disk. */
	tell(disk: string, exports: readonly ExportSpec[], why: string): void {
		this.forget(disk);
		if (this.#add(disk, exports, oneLine(why))) this.onTold();
	}

	/** It is being opened: nobody need be let in to be told that. One that is tried again is not there for the reason that was told. */
	expect(disk: string, exports: readonly ExportSpec[], opening: string): void {
		const { why = opening } = this.#absences.get(disk) ?? {};
		this.forget(disk);
		this.#add(disk, exports, why);
	}

	#add(disk: string, exports: readonly ExportSpec[], why: string): boolean {
		const exported = exports.find((each) => each.protocol === "iscsi");
		if (exported === undefined) return false;
		const { target, lun } = exported;
		this.#absences.set(disk, { target, lun, why, mayUse: whoMay(exported) });
		this.#count(target, lun, 1);
		return true;
	}

	#count(target: string, lun: number, by: 1 | -1): void {
		const unit = `${lun} ${target}`;
		const count = (this.#units.get(unit) ?? 0) + by;
		if (count > 0) this.#units.set(unit, count);
		else this.#units.delete(unit);
	}

	/** That LUN of a target is configured, and not served. */
	has(target: string, lun: number): boolean {
		return this.#units.has(`${lun} ${target}`);
	}

	/** A disk that was to come again where one of these exports is: undefined if there is none. */
	before(exports: readonly ExportSpec[]): string | undefined {
		const exported = exports.find((each) => each.protocol === "iscsi");
		if (exported === undefined || !this.has(exported.target, exported.lun)) return undefined;
		const isThere = ({ target, lun }: Absence) => target === exported.target && lun === exported.lun;
		return [...this.#absences].find(([, absence]) => isThere(absence))?.[0];
	}

	/** It is served, or is none any more. */
	forget(disk: string): void {
		const absence = this.#absences.get(disk);
		if (absence === undefined) return;
		this.#absences.delete(disk);
		this.#count(absence.target, absence.lun, -1);
	}

	/** Why an initiator can't log in to that target now; undefined: there is none of this name, or it is not for this initiator. */
	find(target: string, initiator: Initiator): string | undefined {
		for (const each of this.#absences.values())
			if (each.target === target) return each.mayUse(initiator) ? each.why : undefined;
		// (Which disks there are comes one by one.)
		return this.#clock.now() < this.#knownMs ? "vblade has begun just now" : undefined;
	}
}

function whoMay({ initiators, clients }: IscsiExportSpec): Absence["mayUse"] {
	const peers = clients && new Peers(clients);
	return ({ name, peer }) => (initiators?.includes(name) ?? true) && (peers?.has(peer, null) ?? true);
}
