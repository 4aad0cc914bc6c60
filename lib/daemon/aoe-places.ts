/**
 * Where a disk is exported as an AoE blade: its address on each of its links, by the names that the kernel has for those. Worked out for
 * `aoe-exporter.ts`.
 */

import { interfaceOf } from "../link/exclusive.js";
import { linkKey } from "../link/open.js";
import type { AoeExportSpec, NetifSpec } from "../spec/spec.js";

/** Where a blade is served: one of its links. */
export interface Place {
	readonly netif: NetifSpec;
	readonly linkKey: string;
	/** As the kernel calls it. */
	readonly interfaceName: string;
	/** Address and interface. */
	readonly key: string;
}

export class Places {
	/** By the name that is given. Asking is dear; within a turn of the loop, in which thousands may be added, the answer is the same. */
	readonly #interfaceNames = new Map<string, string>();

	/** One link may be given by two names: it is served on once, and called by the first. */
	of({ shelf, slot, netifs }: AoeExportSpec): Place[] {
		const places = new Map<string, Place>();
		for (const netif of netifs) {
			const interfaceName = this.#interfaceName(netif);
			const key = linkKey(netif, interfaceName);
			if (!places.has(key))
				places.set(key, { netif, linkKey: key, interfaceName, key: `${shelf}.${slot} ${interfaceName}` });
		}
		return [...places.values()];
	}

	#interfaceName(netif: NetifSpec): string {
		const known = this.#interfaceNames.get(netif.name);
		if (known !== undefined) return known;
		if (this.#interfaceNames.size === 0) setImmediate(() => this.#interfaceNames.clear());
		const name = interfaceOf(netif);
		this.#interfaceNames.set(netif.name, name);
		return name;
	}
}
