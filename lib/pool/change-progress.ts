/** How far a change of a volume has come: what `volume-change.ts` tells `volume-device.ts`. */

/** What became of a change. */
export const Progress = {
	done: 0,
	/** It goes on when there is room in a record. */
	needsRoom: 1,
	/** It goes on by itself. */
	fetching: 2,
} as const;
export type Progress = (typeof Progress)[keyof typeof Progress];
