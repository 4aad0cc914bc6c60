/**
 * How an initiator proves who it is, and the target, too, if it is asked: CHAP (RFC 7143, 12.1; RFC 1994). One challenge a login, random, which
 * nobody may send back; secrets are compared in constant time. Used by `security.ts`.
 */

import { createHash, getHashes, randomBytes, randomInt, timingSafeEqual } from "node:crypto";
import { quote } from "../text.js";
import { binaryOf, numberOf, type Pairs } from "./keys.js";
import { LoginStatus } from "./pdu.js";
import type { LoginRefusal } from "./talk.js";
import type { Chap, ChapAccount } from "./target.js";

/** What IANA calls them (12.1.4, and its registry "PPP Authentication Algorithms"), the strongest first. */
const ALGORITHMS: readonly { readonly number: string; readonly hash: string }[] = [
	{ number: "8", hash: "sha3-256" },
	{ number: "7", hash: "sha256" },
	{ number: "6", hash: "sha1" },
	{ number: "5", hash: "md5" },
].filter(({ hash }) => getHashes().includes(hash));
/** As long as the longest result. */
const CHALLENGE_BYTES = 32;
/** The longest challenge of another one (12.1.3). */
const CHALLENGE_BYTES_MAX = 1024;

/** The answer to a challenge: a hash of its identifier, the secret, and it. */
export function chapResponse(
	hash: string,
	identifier: number,
	secret: Uint8Array,
	challenge: Uint8Array,
): Buffer {
	return createHash(hash).update(Uint8Array.of(identifier)).update(secret).update(challenge).digest();
}

/** The name of a hash by its number in CHAP_A; undefined: it is not known here. */
export function chapHash(number: string): string | undefined {
	return ALGORITHMS.find((each) => each.number === number)?.hash;
}

/** Of the same name, with the same secret. */
export function isSameAccount(one: ChapAccount, other: ChapAccount): boolean {
	return one.user === other.user && Buffer.compare(one.secret, other.secret) === 0;
}

const failed = (why: string): LoginRefusal => ({ status: LoginStatus.authenticationFailed, why });

type Answer = readonly (readonly [string, string])[];

export class ChapProof {
	readonly #chap: Chap;
	readonly #identifier = randomInt(256);
	readonly #challenge = randomBytes(CHALLENGE_BYTES);
	#hash: string | null = null;
	#proved: ChapAccount | null = null;

	constructor(chap: Chap) {
		this.#chap = chap;
	}

	/** Who it is, and by which secret, once that is proved. */
	get proved(): ChapAccount | null {
		return this.#proved;
	}

	/** What is answered to the keys of CHAP of one request. */
	answer(pairs: Pairs): Answer | LoginRefusal {
		const offered = pairs.get("CHAP_A");
		if (offered !== undefined) return this.#begin(offered, pairs);
		const user = pairs.get("CHAP_N");
		const response = pairs.get("CHAP_R");
		if (user === undefined && response === undefined)
			return pairs.has("CHAP_I") || pairs.has("CHAP_C") ? failed("it asks for a proof, and gives none") : [];
		if (this.#hash === null) return failed("it answers a challenge that it has not got");
		if (this.#proved !== null) return failed("it proves twice who it is");
		if (user === undefined || response === undefined) return failed("its proof has no name, or nothing else");
		return this.#check(this.#hash, user, response, pairs);
	}

	#begin(offered: string, pairs: Pairs): Answer | LoginRefusal {
		if (this.#hash !== null) return failed("it begins twice to prove who it is");
		if (pairs.has("CHAP_N") || pairs.has("CHAP_R"))
			return failed("it answers a challenge that it has not got");
		const numbers = offered.split(",");
		const algorithm = ALGORITHMS.find(({ number }) => numbers.includes(number));
		if (algorithm === undefined) return failed(`none of its algorithms is known here: ${quote(offered)}`);
		this.#hash = algorithm.hash;
		return [
			["CHAP_A", algorithm.number],
			["CHAP_I", String(this.#identifier)],
			["CHAP_C", `0x${this.#challenge.toString("hex")}`],
		];
	}

	#check(hash: string, user: string, response: string, pairs: Pairs): Answer | LoginRefusal {
		const { user: wantedUser, secret } = this.#chap.initiator;
		const wanted = chapResponse(hash, this.#identifier, secret, this.#challenge);
		const given = binaryOf(response, wanted.length);
		if (given === undefined || given.length !== wanted.length) return failed("its proof is none");
		const isRight = timingSafeEqual(given, wanted);
		if (user !== wantedUser) return failed(`there is no user ${quote(user)}`);
		if (!isRight) return failed(`the secret of ${quote(user)} is another one`);
		const answer = this.#proveTarget(hash, pairs);
		if (!("why" in answer)) this.#proved = this.#chap.initiator;
		return answer;
	}

	/** To one that asks for that. */
	#proveTarget(hash: string, pairs: Pairs): Answer | LoginRefusal {
		const identifierText = pairs.get("CHAP_I");
		const challengeText = pairs.get("CHAP_C");
		if (identifierText === undefined && challengeText === undefined) return [];
		const identifier = numberOf(identifierText ?? "");
		const challenge = binaryOf(challengeText ?? "", CHALLENGE_BYTES_MAX);
		if (identifier === undefined || identifier > 255 || challenge === undefined)
			return failed("its challenge is none");
		// (Else somebody without a secret has us answer our own challenge: 12.1.3.)
		if (challenge.equals(this.#challenge)) return failed("it sends back our own challenge");
		const { target } = this.#chap;
		if (target === null)
			return failed("it wants the target to prove who it is, which has no secret for that");
		if (Buffer.compare(target.secret, this.#chap.initiator.secret) === 0)
			return failed("the secrets of both directions are the same, which no standard allows");
		const response = chapResponse(hash, identifier, target.secret, challenge);
		return [
			["CHAP_N", target.user],
			["CHAP_R", `0x${response.toString("hex")}`],
		];
	}
}
