/**
 * The network interfaces of this machine: which there are, what they are like, and word of every change. Asked by the
 * command line (globs), by `packet.ts` (MTU, MAC address, up or down) and nobody on the hot path.
 */

import { type InterfaceInfo, type MonitorHandle, native } from "../native.js";

export type { InterfaceInfo } from "../native.js";

/** Names of all interfaces in this network namespace. */
export function interfaceNames(): string[] {
	return native.interfaceNames();
}

/** What an interface is like now; undefined if there is none of that name. */
export function interfaceInfo(name: string): InterfaceInfo | undefined {
	return native.interfaceInfo(name);
}

/**
 * Tells listeners that some interface was added, removed or changed; they look for themselves. One netlink socket for all
 * listeners of a thread, open while there is one.
 */
class InterfaceMonitor {
	readonly #listeners = new Set<() => void>();
	#handle: MonitorHandle | null = null;
	readonly #changed = (): void => {
		if (this.#handle !== null) native.monitorDrain(this.#handle);
		for (const listener of this.#listeners) listener();
	};

	/** Calls `listener` after changes, until the function returned is called. */
	watch(listener: () => void): () => void {
		this.#listeners.add(listener);
		this.#handle ??= native.monitorOpen(this.#changed);
		return () => {
			this.#listeners.delete(listener);
			if (this.#listeners.size > 0 || this.#handle === null) return;
			native.monitorClose(this.#handle);
			this.#handle = null;
		};
	}
}

export const interfaceMonitor = new InterfaceMonitor();
