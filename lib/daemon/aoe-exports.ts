/**
 * Disks that are exported as AoE blades, found by the name of an export, by its disk, or by the address that it takes. Kept by
 * `aoe-exporter.ts`.
 */

import type { Blade } from "../aoe/blade.js";
import { invariant } from "../errors.js";
import type { AoeExportSpec } from "../spec/spec.js";
import type { Place } from "./aoe-places.js";
import type { Outlet } from "./outlets.js";

export interface AoeExport {
	spec: AoeExportSpec;
	readonly places: readonly Place[];
	readonly outlets: Outlet[];
	/** What gives back the addresses that no other process of this machine may have. */
	readonly addresses: (() => void)[];
	/** Once it has its disk. */
	blade: Blade | null;
	/** Takes no more requests, and is removed when those under way are answered. */
	isLeaving: boolean;
}

export class AoeExports {
	readonly #byName = new Map<string, AoeExport>();
	readonly #byDisk = new Map<string, Set<AoeExport>>();
	/** By the key of each place that is taken. */
	readonly #byPlace = new Map<string, AoeExport>();

	all(): Iterable<AoeExport> {
		return this.#byName.values();
	}

	find(name: string): AoeExport | undefined {
		return this.#byName.get(name);
	}

	/** One that is there. */
	get(name: string): AoeExport {
		const exported = this.find(name);
		invariant(exported !== undefined, `no export ${name}`);
		return exported;
	}

	/** What has taken the place of that key. */
	at(place: string): AoeExport | undefined {
		return this.#byPlace.get(place);
	}

	of(disk: string): Iterable<AoeExport> {
		return this.#byDisk.get(disk) ?? [];
	}

	put(exported: AoeExport): void {
		const { name, disk } = exported.spec;
		this.#byName.set(name, exported);
		this.#byDisk.set(disk, (this.#byDisk.get(disk) ?? new Set()).add(exported));
		for (const { key } of exported.places) this.#byPlace.set(key, exported);
	}

	remove(exported: AoeExport): void {
		const { name, disk } = exported.spec;
		this.#byName.delete(name);
		const ofDisk = this.#byDisk.get(disk);
		ofDisk?.delete(exported);
		if (ofDisk?.size === 0) this.#byDisk.delete(disk);
		for (const { key } of exported.places) if (this.#byPlace.get(key) === exported) this.#byPlace.delete(key);
	}
}
