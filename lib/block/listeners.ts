/**
 * What a device tells of itself without being asked, and those who listen. A device has a `Listeners` and speaks to it; a layer
 * is a listener of the device below and hands on (`layer.ts`); above them all listens whoever serves the disk.
 */

import type { BlockOp } from "./request.js";

/** A request that takes remarkably long. */
export interface Stall {
	readonly op: BlockOp;
	readonly offsetBytes: number;
	readonly waitedMs: number;
}

/** What a device has lost for good. It goes on as well as it can. */
export type Degradation =
	/** The storage has only so many bytes left, from its own beginning on: what lies behind them fails. */
	| { readonly kind: "shrunk"; readonly storageBytes: number }
	/** A sync has failed: every change fails from now on. */
	| { readonly kind: "syncFailed"; readonly errno: number };

/** Offsets are those of the device that is listened to. */
export interface DeviceListener {
	/** `info` is another one than before (a file has grown). */
	changed?(): void;
	/** The first request that waits too long. */
	stalled?(stall: Stall): void;
	/** None does any more: it took `waitedMs` in all, and so many requests had to wait. */
	resumed?(waitedMs: number, requestCount: number): void;
	degraded?(degradation: Degradation): void;
	/** It is another disk than it was, whatever it answers from now on: what anybody above knows of it holds no more. It may be told again. */
	replaced?(): void;
	/** Initiators that could ask another host are answered here from now on (`BlockDevice.tenure`): they are to be told. */
	answers?(): void;
	/** Another host has it from now on, and is asked from here (`Tenure.partner`). */
	moved?(): void;
}

/** Those who listen to one device. */
export class Listeners implements Required<DeviceListener> {
	#listeners: readonly DeviceListener[] = [];

	/** Returns what ends it. */
	add(listener: DeviceListener): () => void {
		this.#listeners = [...this.#listeners, listener];
		return () => {
			this.#listeners = this.#listeners.filter((other) => other !== listener);
		};
	}

	changed(): void {
		for (const listener of this.#listeners) listener.changed?.();
	}

	stalled(stall: Stall): void {
		for (const listener of this.#listeners) listener.stalled?.(stall);
	}

	resumed(waitedMs: number, requestCount: number): void {
		for (const listener of this.#listeners) listener.resumed?.(waitedMs, requestCount);
	}

	degraded(degradation: Degradation): void {
		for (const listener of this.#listeners) listener.degraded?.(degradation);
	}

	replaced(): void {
		for (const listener of this.#listeners) listener.replaced?.();
	}

	answers(): void {
		for (const listener of this.#listeners) listener.answers?.();
	}

	moved(): void {
		for (const listener of this.#listeners) listener.moved?.();
	}
}
