/**
 * A target of iSCSI as it is served: its disks by LUN, who may log in to it, and what they have to prove. Made by `iscsi-exporter.ts`, when the
 * first disk of it comes; asked by logins.
 */

import { hostname } from "node:os";
import type { Disk } from "../disk.js";
import type { Chap, Initiator, IscsiTarget } from "../iscsi/target.js";
import { hostNumber } from "../scsi/port-group.js";
import { ScsiTarget } from "../scsi/target.js";
import { LogicalUnit } from "../scsi/unit.js";
import { Peers } from "../spec/peers.js";
import type { ChapSpec, IscsiExportSpec } from "../spec/spec.js";
import type { IscsiSecrets } from "./iscsi-secrets.js";

/** A disk, as it is served at present. */
interface Unit {
	spec: IscsiExportSpec;
	initiators: ReadonlySet<string> | undefined;
	clients: Peers | undefined;
	readonly unit: LogicalUnit;
}

export class ExportedTarget implements IscsiTarget {
	readonly scsi: ScsiTarget;
	/** Initiators show it to people: nothing that the name does not say. */
	readonly alias = "";
	/** How often somebody wanted it who may not have it. */
	refused = 0;
	readonly #secrets: IscsiSecrets;
	/** By name of the export. */
	readonly #units = new Map<string, Unit>();

	/** `isAwaited`: what is not served of it is to come, or to come again. */
	constructor(name: string, secrets: IscsiSecrets, isAwaited: (lun: number) => boolean) {
		this.scsi = new ScsiTarget(name);
		this.scsi.isAwaited = isAwaited;
		this.#secrets = secrets;
	}

	get name(): string {
		return this.scsi.name;
	}

	/** Its disks, by the names that the operator has given them. */
	get disks(): readonly string[] {
		return [...this.#units.values()].map(({ spec }) => spec.disk);
	}

	get isEmpty(): boolean {
		return this.#units.size === 0;
	}

	has(exportName: string): boolean {
		return this.#units.has(exportName);
	}

	add(spec: IscsiExportSpec, disk: Disk): void {
		const unit = LogicalUnit.of(disk);
		unit.isRemovable = spec.removable;
		this.#units.set(spec.name, { spec, unit, ...whoMay(spec) });
		if (unit.partner !== undefined) this.scsi.portNumber = hostNumber(hostname());
		this.scsi.add(spec.lun, unit);
	}

	change(spec: IscsiExportSpec): void {
		const unit = this.#units.get(spec.name);
		if (unit !== undefined) Object.assign(unit, { spec, ...whoMay(spec) });
	}

	/** Tasks under way on it go on. */
	remove(exportName: string): void {
		const unit = this.#units.get(exportName);
		if (unit === undefined) return;
		this.#units.delete(exportName);
		this.scsi.remove(unit.spec.lun);
	}

	/** All of its disks say the same, but for a moment while that is changed: whom one of them keeps out stays out. */
	shutsOut({ name, peer }: Initiator): string | null {
		for (const { initiators, clients } of this.#units.values()) {
			if (initiators?.has(name) === false)
				return "its name is not among the initiators that may have that target";
			if (clients?.has(peer, null) === false)
				return "its address is not among those that may have that target";
		}
		return null;
	}

	get chap(): Chap | null {
		const chap = this.#chap();
		return typeof chap === "string" ? null : chap;
	}

	/** (Without a secret nobody logs in.) */
	get unavailable(): string | null {
		const chap = this.#chap();
		return typeof chap === "string" ? chap : null;
	}

	get wantedUser(): string | null {
		return this.#chapSpec()?.user ?? null;
	}

	#chap(): Chap | string | null {
		const spec = this.#chapSpec();
		return spec === null ? null : this.#secrets.chapOf(spec);
	}

	#chapSpec(): ChapSpec | null {
		for (const { spec } of this.#units.values()) if (spec.chap !== undefined) return spec.chap;
		return null;
	}
}

function whoMay({ initiators, clients }: IscsiExportSpec): Pick<Unit, "initiators" | "clients"> {
	return { initiators: initiators && new Set(initiators), clients: clients && new Peers(clients) };
}
