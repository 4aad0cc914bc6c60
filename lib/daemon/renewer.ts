/** Has pools of a worker opened anew, as what they stand on is configured in another way: made by `worker.ts`, for whoever finds out that it is so. */

import type { PoolHome } from "../pool/openings.js";
import { renewPool } from "../pool/renewals.js";
import type { TellPool } from "../pool/told.js";
import { shownPoolPath } from "../spec/pool-path.js";
import type { WorkerDisks } from "./worker-disks.js";
import type { WorkerPools } from "./worker-pools.js";

/** What is open of a pool goes at once, also if control is away; which then has it served again. */
export function renewer(
	home: PoolHome & { readonly tell: TellPool },
	disks: Pick<WorkerDisks, "awaitedPools" | "lostPool">,
	pools: () => Pick<WorkerPools, "lost"> | null,
): NonNullable<PoolHome["renew"]> {
	return async (path, why, isUsed = true) => {
		disks.awaitedPools.expect(path);
		if (!(await renewPool(home, path, `${shownPoolPath(path)}: ${why}`, isUsed))) return;
		// Who has only asked has it, too, for a minute: whoever wants it next would wait for that.
		void pools()?.lost(path);
		if (!isUsed) return;
		disks.lostPool(path);
		home.tell(path, { kind: "pool-renewed", level: "info", message: why });
	};
}
