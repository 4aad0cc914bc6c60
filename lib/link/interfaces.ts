/**
 * The network interfaces of this machine: which there are, what they are like, and word of every change. Asked by the
 * command line (globs), by `following.ts` (MTU, MAC address, up or down) and nobody on the hot path.
 */

import { OperatorError } from "../errors.js";
import { EVENT_FAILED, type InterfaceInfo, isNativeError, type MonitorHandle, native } from "../native.js";

export type { InterfaceInfo } from "../native.js";

/** Changes that are handed on before the event loop gets its turn. */
const CHANGES_PER_TURN = 64;

/** The kernel's names of all interfaces in this network namespace. */
export function interfaceNames(): string[] {
	return native.interfaceNames();
}

/** The kernel's name of the interface with this index. */
export function interfaceName(index: number): string | undefined {
	return native.interfaceName(index);
}

/**
 * What an interface is like now; undefined if there is none of that name (the kernel's or an alternative one) or index. May
 * have to wait for others who change interfaces: once frames are served, ask by `askInterface`. Throws an OperatorError if the
 * kernel can't be asked, such as for want of a descriptor.
 */
export function interfaceInfo(which: string | number): InterfaceInfo | undefined {
	try {
		return native.interfaceInfo(which);
	} catch (error) {
		if (!isNativeError(error)) throw error;
		throw new OperatorError(`${which}: can't ask the kernel about this network interface (${error.message})`);
	}
}

/** The same, asked by another thread. Rejects with a NativeError if the kernel can't be asked. */
export function askInterface(which: string | number): Promise<InterfaceInfo | undefined> {
	return native.interfaceAsk(which);
}

/** Told of an interface that was added or changed, or is gone; null: changes were lost, so ask for what you care about. */
export type InterfaceListener = (change: InterfaceInfo | null) => void;

/** Tells listeners what the kernel says of changes. One netlink socket for all listeners of a thread, open while there is one. */
class InterfaceMonitor {
	readonly #listeners = new Set<InterfaceListener>();
	#handle: MonitorHandle | null = null;
	#lost = false;
	readonly #changed = (events: number): void => {
		if ((events & EVENT_FAILED) !== 0) this.#lost = true;
		for (let changes = 0; changes < CHANGES_PER_TURN && this.#handle !== null; changes++) {
			const change = native.monitorNext(this.#handle);
			if (change === undefined) {
				this.#drained();
				return;
			}
			if (change === null) this.#lost = true;
			else this.#tell(change);
		}
	};

	/** Once the kernel has had to drop changes it says so, and drops all that follow until what it has kept has been read. */
	#drained(): void {
		if (this.#lost) this.#tell(null);
		this.#lost = false;
	}

	#tell(change: InterfaceInfo | null): void {
		for (const listener of this.#listeners) listener(change);
	}

	/** Calls `listener` with every change, until the function returned is called. */
	watch(listener: InterfaceListener): () => void {
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
