/**
 * The first stage of a login (RFC 7143, 12.1): by which method an initiator proves who it is, if at all. Used by `login.ts`; CHAP itself is
 * in `chap.ts`.
 */

import { quote } from "../text.js";
import { ChapProof } from "./chap.js";
import { type Pairs, REJECT } from "./keys.js";
import { LoginStatus } from "./pdu.js";
import type { LoginRefusal } from "./talk.js";
import type { Chap, ChapAccount } from "./target.js";

const CHAP_KEYS = ["CHAP_A", "CHAP_I", "CHAP_C", "CHAP_N", "CHAP_R"];

const failed = (why: string): LoginRefusal => ({ status: LoginStatus.authenticationFailed, why });

export function isOfSecurity(key: string): boolean {
	return key === "AuthMethod" || CHAP_KEYS.includes(key);
}

export class Security {
	readonly #proof: ChapProof | null;
	#hasBegun = false;

	/** Null: nothing is to be proved. */
	constructor(chap: Chap | null) {
		this.#proof = chap === null ? null : new ChapProof(chap);
	}

	/** All is proved that has to be. */
	get isDone(): boolean {
		return this.#proof === null || this.proved !== null;
	}

	/** Who it is, by CHAP; null: it has proved nothing. */
	get proved(): ChapAccount | null {
		return this.#proof?.proved ?? null;
	}

	/** A method was chosen, and the proof is on its way. */
	get hasBegun(): boolean {
		return this.#hasBegun;
	}

	/** They are a proof that is wanted. */
	isProof(pairs: Pairs): boolean {
		return this.#proof !== null && (pairs.has("CHAP_R") || pairs.has("CHAP_N"));
	}

	/** It has gone on without a proof. */
	skipped(): LoginRefusal {
		return failed("it does not prove who it is, which is wanted here");
	}

	/** What is answered to the keys of one request, of those that `isOfSecurity`. */
	answer(pairs: Pairs): readonly (readonly [string, string])[] | LoginRefusal {
		const offered = pairs.get("AuthMethod");
		const answer: [string, string][] = [];
		if (offered !== undefined) {
			const methods = offered.split(",");
			const method = this.#proof === null ? "None" : "CHAP";
			if (!methods.includes(method)) return this.#noMethod(offered);
			this.#hasBegun = true;
			answer.push(["AuthMethod", method]);
		}
		const isChap = CHAP_KEYS.some((key) => pairs.has(key));
		if (!isChap) return answer;
		if (this.#proof === null)
			return [...answer, ...CHAP_KEYS.filter((key) => pairs.has(key)).map((key) => [key, REJECT] as const)];
		if (!this.#hasBegun) return failed("it proves who it is before that was agreed on");
		const proved = this.#proof.answer(pairs);
		return "why" in proved ? proved : [...answer, ...proved];
	}

	#noMethod(offered: string): LoginRefusal {
		if (this.#proof === null)
			return failed(
				`it offers only ${quote(offered)} to prove who it is, and there is no secret for that here`,
			);
		return failed(`it offers only ${quote(offered)} to prove who it is, and CHAP is wanted here`);
	}
}
