/**
 * One `add` of the daemon's that is under way: what it is to add, what it has got so far, and how it is called off. Others ask
 * it whether what they remove is still being added. Used by `daemon.ts`.
 */

import type { Disk } from "../disk.js";
import type { OperatorError } from "../errors.js";
import type { ExportSpec, Spec } from "../spec/spec.js";
import type { DiskEnd, Opening } from "./disks.js";

export type AddedSpec = Pick<Spec, "disks" | "exports" | "links">;

export class Adding {
	/** What has to be taken away if it fails. */
	readonly disks: Opening[] = [];
	readonly exports: ExportSpec[] = [];
	/** Resolves when all is served, or all has been given back. Never rejects. */
	ended: Promise<void> = Promise.resolve();
	#opening: Opening | null = null;
	#calledOff: OperatorError | null = null;

	constructor(readonly spec: AddedSpec) {}

	adds(disk: string): boolean {
		return this.spec.disks.some(({ name }) => name === disk);
	}

	/** It adds this disk, or exports of it. */
	concerns(disk: string): boolean {
		return this.adds(disk) || this.spec.exports.some((each) => each.disk === disk);
	}

	/** It fails for this reason, as soon as that can be, unless it has failed already. */
	callOff(why: OperatorError): void {
		this.#calledOff ??= why;
		this.#opening?.callOff(why);
	}

	/** Throws why it has been called off. */
	refuseIfCalledOff(): void {
		if (this.#calledOff !== null) throw this.#calledOff;
	}

	/** Waits for a disk of it. Throws if it can't be opened, or if it is called off. */
	async opens(opening: Opening): Promise<Disk> {
		this.#opening = opening;
		try {
			const opened = await opening.opened;
			this.disks.push(opening);
			return opened;
		} finally {
			this.#opening = null;
		}
	}
}

/** Of several: what is still to come to an end. */
export function worstOf(ends: readonly DiskEnd[]): DiskEnd {
	return (["abandoned", "opening"] as const).find((end) => ends.includes(end)) ?? "closed";
}
