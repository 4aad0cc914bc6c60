/** What the name of a disk stands for: one that is on its way, open, or being closed. Kept by `disks.ts`; others wait for it, or look at it. */

import { type CloseEnd, endWithin } from "../block/close.js";
import type { Disk } from "../disk.js";
import type { OperatorError } from "../errors.js";
import type { DiskSpec } from "../spec/spec.js";

/** How closing ends: of a disk that is open, or of one that is `opening` still. If that ever ends, what it holds is given back then. */
export type DiskEnd = CloseEnd | "opening";

/** A disk that is on its way, or open: what its name stands for until it is closed. */
export interface Opening {
	readonly name: string;
	readonly spec: DiskSpec;
	/** Throws an OperatorError if the disk can't be opened, or if that is called off. */
	readonly opened: Promise<Disk>;
	/** Whoever waits for it waits no longer; should it be opened after all, it is closed. */
	callOff(error: OperatorError): void;
}

/** The same, for those who look at it. */
export interface HeldDisk {
	readonly name: string;
	readonly spec: DiskSpec;
	/** null: it is being opened. */
	readonly disk: Disk | null;
	readonly isLeaving: boolean;
}

const nothing = (): void => {};

/** A name that is taken: by a disk, by one that is being opened, or by one that is being closed. */
export class Entry implements Opening, HeldDisk {
	readonly name: string;
	disk: Disk | null = null;
	/** Nobody wants it any more. */
	isLeaving = false;
	readonly opened: Promise<Disk>;
	/** Resolves when opening has ended, and what was called off has been given back. Never rejects. */
	readonly settled: Promise<void>;
	/** Until it is there: thousands are kept for as long as they are served. */
	#giveUp: (error: OperatorError) => void = nothing;
	#closing: Promise<DiskEnd> | null = null;

	constructor(
		public spec: DiskSpec,
		open: (signal: AbortSignal) => Promise<Disk>,
	) {
		this.name = spec.name;
		const beginning = new AbortController();
		const arriving = this.#arrive(open(beginning.signal));
		this.settled = arriving.then(nothing, nothing);
		this.opened = new Promise((resolve, reject) => {
			arriving.then(resolve, reject);
			this.#giveUp = (error) => {
				reject(error);
				// One that waits its turn to be opened never is.
				beginning.abort(error);
			};
		});
	}

	async #arrive(opening: Promise<Disk>): Promise<Disk> {
		const disk = await opening;
		this.#giveUp = nothing;
		// In one step: whoever closes it finds it either open, or still to come.
		if (this.isLeaving) await disk.close();
		else this.disk = disk;
		return disk;
	}

	callOff(error: OperatorError): void {
		if (this.disk !== null) return;
		this.isLeaving = true;
		this.#giveUp(error);
	}

	/** Gives back what it holds, when those `others` that are leaving have done so, and it is `letGo`, which is waited for as long again at most. */
	async close(others: readonly Entry[], limitMs: number, letGo: Promise<void>): Promise<DiskEnd> {
		this.#closing ??= this.#close(others, limitMs, letGo);
		return this.#closing;
	}

	async #close(others: readonly Entry[], limitMs: number, letGo: Promise<void>): Promise<DiskEnd> {
		const leaving = others.flatMap((other) => other.#closing ?? []);
		await endWithin(Promise.all([...leaving, letGo]), limitMs);
		if (this.disk !== null) return this.disk.close(limitMs);
		return (await endWithin(this.settled, limitMs)) === "abandoned" ? "opening" : "closed";
	}
}
