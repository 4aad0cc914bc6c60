/**
 * Whether what was changed in a pool is there for another host, too. Of a pool in an object store that is for good on its host first (`stable = "host"`)
 * a change of what there is, a volume or a snapshot, is brought to the store before it is answered, as there are few and nobody expects one to be
 * missing after a takeover. That is not waited for long: if the store is away, or slow, the answer says that the host alone has it. Used by `pools.ts`.
 */

import type { PoolAct } from "../daemon/worker-messages.js";
import { OperatorError } from "../errors.js";
import { isUnfinished } from "../pool/unfinished.js";
import type { PoolConfig } from "../spec/configuration.js";
import type { Workers } from "./seams.js";

const ONLY_HERE =
	"it is done on this host alone: the object store does not have it yet, and if this host is lost before it has, so is the change";
const UNKNOWN = "it is done, but whether the object store has it could not be learnt";

export interface Noticed {
	/** Left out: there is nothing to be known. */
	readonly notice?: string;
}

/** To be called once it is done. */
export async function noticeOf(
	workers: Pick<Workers, "pool">,
	{ path, stored }: PoolConfig,
	done: PoolAct,
): Promise<Noticed> {
	if (stored?.stable !== "host" || isOfPart(done)) return {};
	try {
		const { isOnlyHere } = await workers.pool(path, { act: "ship" });
		return isOnlyHere === false ? {} : { notice: ONLY_HERE };
	} catch (error) {
		// (Another host may have it by now, with all that was done.)
		if (!(error instanceof OperatorError)) throw error;
		return { notice: `${UNKNOWN}: ${error.message}` };
	}
}

/** One that is being filled counts when it has its name. */
function isOfPart(done: PoolAct): boolean {
	switch (done.act) {
		case "create":
		case "clone":
		case "resize":
		case "remove":
			return isUnfinished(done.name);
		default:
			return false;
	}
}
