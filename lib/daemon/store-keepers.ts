/** Time and chance of whoever keeps superblocks of pools in object stores in this process. Used by `store-pools.ts` and `replicas.ts`. */

import { randomBytes, randomInt } from "node:crypto";
import { systemClock } from "../clock.js";
import { native } from "../native.js";
import type { KeeperWorld } from "../pool/store/superblock-swaps.js";

/** `randomInt` can't do more. */
const CHANCE_MAX = 2 ** 48 - 1;

export const identifier = (byteLength: number): string => randomBytes(byteLength).toString("hex");

export const keeperWorld: KeeperWorld = {
	clock: systemClock,
	elapsed: () => native.sinceBoot(),
	now: () => Date.now() * 1000,
	chance: () => randomInt(1, CHANCE_MAX),
};
