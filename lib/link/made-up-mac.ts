/** The address of a link that has no interface to take one from. Used by `unix.ts` and, for both ends of a tunnel process, by `gre.ts` and `lib/gre/`. */

import { createHash } from "node:crypto";

/** A locally administered address (IEEE 802, 8.4) that follows from `seed`. */
export function madeUpMac(seed: string): number {
	const digest = createHash("sha256").update(seed).digest();
	digest[0] = ((digest[0] ?? 0) & 0xfc) | 0x02;
	return digest.readUIntBE(0, 6);
}
