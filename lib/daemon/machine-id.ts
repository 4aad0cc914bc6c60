/** Which machine this is, for the identities of disks that follow from what they are. Used by `disks.ts`. */

import { readFileSync } from "node:fs";
import { hostname } from "node:os";

/** What stays the same from one start to the next, so that an initiator sees the same disk again. */
export function machineId(): string {
	try {
		return readFileSync("/etc/machine-id", "utf8").trim();
	} catch {
		return hostname();
	}
}
