/** The checks of `vblade doctor`, in the order in which they are told. What each looks at is in its file. */

import type { Check } from "./check.js";
import { clock } from "./clock.js";
import { drops } from "./drops.js";
import { frames } from "./frames.js";
import { hardware, interfaces } from "./interfaces.js";
import { limits } from "./limits.js";
import { peer } from "./peer.js";
import { pools } from "./pools.js";
import { kernel, privileges } from "./privileges.js";
import { rivals } from "./rivals.js";
import { serving } from "./serving.js";
import { space } from "./space.js";

export const CHECKS: readonly Check[] = [
	serving,
	privileges,
	kernel,
	limits,
	interfaces,
	hardware,
	drops,
	rivals,
	frames,
	peer,
	space,
	pools,
	clock,
];
