/**
 * What of a member is known to be zeros, for whoever copies or compares. Asking is a request like others, and what a member says of itself is
 * worth no more than what is read from it.
 */

import type { Ledger } from "./ledger.js";
import { isGone, type Member, mayRead } from "./member.js";

/** How many bytes from `offsetBytes` on, up to `lengthBytes`, are known to be zeros. 0 if that is not known. */
export async function zeroBytes(
	ledger: Ledger,
	member: Member,
	offsetBytes: number,
	lengthBytes: number,
): Promise<number> {
	const { losses } = member;
	const { status, bytes } = await member.zeroBytes(offsetBytes, lengthBytes);
	// A disk that has lost something may say so once only: to whoever asks next.
	if (isGone(status)) ledger.lose(member, status);
	// Who has fallen out meanwhile, or may have to, may have lost what was written there.
	const counts = member.losses === losses && (member.isTarget || mayRead(member, ledger.members));
	return counts ? bytes : 0;
}
