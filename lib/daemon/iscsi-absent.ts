/**
 * Targets of iSCSI that are configured and not served: of disks that are fenced, or could not be opened, or whose pool is changing hosts. An initiator
 * that may have one is told to try again later, for by "there is none" it would give up for good. Told by `worker-disks.ts`, asked by
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

	/** From now on, in place of what was told of the disk. */
	tell(disk: string, exports: readonly ExportSpec[], why: string): void {
		this.#absences.delete(disk);
		const exported = exports.find((each) => each.protocol === "iscsi");
		if (exported === undefined) return;
		this.#absences.set(disk, { target: exported.target, why: oneLine(why), mayUse: whoMay(exported) });
		this.onTold();
	}

	/** It is being opened: nobody need be let in to be told that. */
	expect(disk: string, exports: readonly ExportSpec[]): void {
		const exported = exports.find((each) => each.protocol === "iscsi");
		if (exported === undefined) return;
		const mayUse = whoMay(exported);
		this.#absences.set(disk, { target: exported.target, why: "its disk is being opened", mayUse });
	}

	/** It is served, or is none any more. */
	forget(disk: string): void {
		this.#absences.delete(disk);
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
