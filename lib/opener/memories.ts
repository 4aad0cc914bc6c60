/**
 * The memory of disks in memory: made here and kept, so that a worker that was killed finds it again with all that was acknowledged. It is
 * given up when the configuration names the disk no more, or with another size; and with the opener. Nothing here looks into it.
 * Used by `answers.ts`.
 */

import { closeSync } from "node:fs";
import { native } from "../native.js";

interface Kept {
	readonly sizeBytes: number;
	readonly descriptor: number;
}

export class Memories {
	readonly #kept = new Map<string, Kept>();

	/** A descriptor for somebody else. Throws a NativeError if there is no memory. */
	descriptorOf(name: string, sizeBytes: number): number {
		const kept = this.#kept.get(name);
		if (kept?.sizeBytes === sizeBytes) return native.duplicate(kept.descriptor);
		const descriptor = native.memoryMake(sizeBytes);
		if (kept !== undefined) closeSync(kept.descriptor);
		this.#kept.set(name, { sizeBytes, descriptor });
		return native.duplicate(descriptor);
	}

	/** Gives up those that nobody can want any more. */
	retain(isNamed: (name: string) => boolean): void {
		for (const [name, { descriptor }] of this.#kept) {
			if (isNamed(name)) continue;
			closeSync(descriptor);
			this.#kept.delete(name);
		}
	}
}
