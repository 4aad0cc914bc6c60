/** What else may go wrong than that the power is cut, and what may come of it: for `whole-life.ts`, whose pools are sound unless `fault-run.ts` says otherwise. */

import { StorageStatus } from "../../lib/errors.js";
import { CrashError } from "./crash-model.js";

export interface Trouble {
	/** Something has gone wrong: what was refused may be there now, and gone when the pool is opened again. */
	readonly hasStruck: boolean;
	/** A change has ended so. Throws a CrashError if it may not. */
	ended(status: StorageStatus): void;
	/** Something was refused with these words. Throws likewise. */
	told(message: string): void;
	/** What `act` comes to, which is tried once more if something went wrong meanwhile. */
	again<T>(act: () => Promise<T>): Promise<T>;
}

/** The disk is sound, and may be full. */
export const NO_TROUBLE: Trouble = {
	hasStruck: false,
	ended: (status) => {
		if (status !== StorageStatus.noSpace) throw new CrashError(`a change ended with ${status}`);
	},
	told: () => {},
	again: (act) => act(),
};
