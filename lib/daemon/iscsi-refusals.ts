/** Logins that came to nothing, and why: counted by reason, and the last ones as they were. Used by `iscsi-exporter.ts`. */

import type { LoginStatus } from "../iscsi/pdu.js";
import type { Refused } from "../iscsi/talk.js";
import { oneLine } from "../text.js";
import {
	type IscsiReport,
	LOGIN_REFUSALS,
	type LoginRefusalReason,
	type LoginRefused,
} from "./iscsi-state.js";
import { reasonOf } from "./iscsi-words.js";

/** So many are told of, the last ones. */
const TOLD = 8;

export class IscsiRefusals {
	readonly #counts = Object.fromEntries(LOGIN_REFUSALS.map((reason) => [reason, 0])) as Record<
		LoginRefusalReason,
		number
	>;
	readonly #latest: LoginRefused[] = [];

	count(peer: string, status: LoginStatus, { why, initiatorName, targetName }: Refused): void {
		const reason = reasonOf(status);
		this.#counts[reason] += 1;
		const at = new Date().toISOString();
		const who = { at, peer, initiator: initiatorName, target: targetName };
		this.#latest.unshift({ ...who, reason, why: oneLine(why) });
		this.#latest.splice(TOLD);
	}

	get total(): number {
		return Object.values(this.#counts).reduce((sum, each) => sum + each, 0);
	}

	get report(): Pick<IscsiReport, "refusals" | "latest"> {
		return { refusals: { ...this.#counts }, latest: [...this.#latest] };
	}
}
