/**
 * Text requests once a login is over (RFC 7143, 11.10 and 11.11): which targets there are, and where (SendTargets, appendix C), and the one key
 * that may change later. One conversation of a connection at a time; both sides' texts may come in several PDUs. Used by the full feature
 * phase, which has PDUs and numbers; here are texts alone.
 */

import { turn } from "../turn.js";
import { parseText, REJECT, TEXT_BYTES_MAX } from "./keys.js";
import { answerLater } from "./negotiation.js";
import type { Parameters } from "./parameters.js";
import { Flag, NO_TAG, RejectReason } from "./pdu.js";
import type { Offers } from "./talk.js";
import type { Initiator, IscsiTarget } from "./target.js";

/** The longest answer in one PDU, whatever the initiator takes. (libiscsi takes so much, and understands none that goes on in another.) */
const ANSWER_BYTES_MAX = 256 * 1024;
/** What one target costs of a turn, whether it is told of or not. */
const TARGET_STEPS = 8;

/** A data segment of a response, its flags and tag. */
export interface TextAnswer {
	readonly text: Buffer;
	readonly flags: number;
	/** The target transfer tag: of what is to be asked for next, or none. */
	readonly ttt: number;
}

export interface TextRequest {
	readonly flags: number;
	readonly itt: number;
	readonly ttt: number;
	/** Its own copy. */
	readonly data: Buffer;
}

interface Conversation {
	readonly itt: number;
	ttt: number;
	/** What came so far of a text that goes on. */
	parts: Buffer[];
	bytes: number;
	/** What is still to be said of the answer; null: the request is not over. */
	rest: Iterator<string> | null;
	/** What of the answer did not go into the last PDU. */
	made: Buffer;
}

const NOTHING = Buffer.alloc(0);

export class Texts {
	readonly #offers: Offers;
	readonly #initiator: Initiator;
	readonly #target: IscsiTarget | null;
	readonly #parameters: Parameters;
	#current: Conversation | null = null;
	#lastTag = 0;

	/** `target` null: of a discovery session. */
	constructor(offers: Offers, initiatorName: string, target: IscsiTarget | null, parameters: Parameters) {
		this.#offers = offers;
		this.#initiator = { peer: offers.peer, name: initiatorName };
		this.#target = target;
		this.#parameters = parameters;
	}

	/** To one request; or why it is rejected, and then nothing is left of its conversation. */
	answer(request: TextRequest): TextAnswer | RejectReason {
		const answer = this.#answer(request);
		if (typeof answer === "number") this.#current = null;
		return answer;
	}

	#answer({ flags, itt, ttt, data }: TextRequest): TextAnswer | RejectReason {
		const continues = (flags & Flag.continues) !== 0;
		const isFinal = (flags & Flag.final) !== 0;
		if (continues && isFinal) return RejectReason.protocolError;
		// (Who begins anew has given up what was before.)
		const begins = ttt === NO_TAG;
		const talk = begins ? { itt, ttt, parts: [], bytes: 0, rest: null, made: NOTHING } : this.#current;
		if (talk === null || talk.itt !== itt || talk.ttt !== ttt) return RejectReason.invalidField;
		this.#current = talk;
		if (talk.rest !== null) {
			const isAsking = data.length === 0 && !continues;
			return isAsking ? this.#next(talk, talk.rest, isFinal) : RejectReason.protocolError;
		}
		talk.parts.push(data);
		talk.bytes += data.length;
		if (talk.bytes > TEXT_BYTES_MAX) return RejectReason.protocolError;
		if (continues) return this.#goesOn(talk, NOTHING, 0);
		const pairs = parseText(Buffer.concat(talk.parts));
		if (typeof pairs === "string") return RejectReason.protocolError;
		talk.parts = [];
		talk.rest = this.#answers(pairs);
		return this.#next(talk, talk.rest, isFinal);
	}

	/** As much as goes into one PDU. */
	#next(talk: Conversation, rest: Iterator<string>, isFinal: boolean): TextAnswer {
		const most = Math.min(ANSWER_BYTES_MAX, this.#parameters.maxRecvDataSegmentLength);
		let made = "";
		let bytes = talk.made.length;
		let isEnd = false;
		while (bytes <= most && !isEnd) {
			const step = rest.next();
			isEnd = step.done === true;
			if (step.done === true) continue;
			made += step.value;
			bytes += Buffer.byteLength(step.value);
		}
		const all = Buffer.concat([talk.made, Buffer.from(made)]);
		talk.made = all.subarray(most);
		const text = all.subarray(0, most);
		if (!isEnd || talk.made.length > 0) return this.#goesOn(talk, text, Flag.continues);
		talk.rest = null;
		if (!isFinal) return this.#goesOn(talk, text, 0);
		this.#current = null;
		return { text, flags: Flag.final, ttt: NO_TAG };
	}

	#goesOn(talk: Conversation, text: Buffer, flags: number): TextAnswer {
		this.#lastTag = (this.#lastTag + 1) % NO_TAG;
		talk.ttt = this.#lastTag;
		return { text, flags, ttt: talk.ttt };
	}

	*#answers(pairs: Iterable<readonly [string, string]>): Generator<string> {
		for (const [key, value] of pairs) {
			if (key === "SendTargets") {
				yield* this.#targets(value);
				continue;
			}
			const answer = answerLater(this.#parameters, key, value);
			if (answer !== null) yield `${key}=${answer}\0`;
		}
	}

	/** Of all only in a discovery session, of its own alone in another one (appendix C). */
	*#targets(which: string): Generator<string> {
		const own = this.#target;
		const isRight = own === null ? which !== "" : which !== "All";
		if (!isRight) {
			yield `SendTargets=${REJECT}\0`;
			return;
		}
		const portals = this.#offers.portals();
		// (Nearly all have the same.)
		let [group, addresses] = [0, ""];
		let isShown = false;
		let why: string | null = null;
		for (const target of own === null ? this.#offers.targets() : [own]) {
			turn.spend(TARGET_STEPS);
			const { name, port } = target.scsi;
			const isMeant = which === "All" || which === "" || which.toLowerCase() === name;
			if (!isMeant) continue;
			const shut = target.shutsOut(this.#initiator);
			why ??= shut;
			if (shut !== null) continue;
			isShown = true;
			if (port.relative !== group) {
				group = port.relative;
				addresses = portals.map((portal) => `TargetAddress=${portal},${group}\0`).join("");
			}
			yield `TargetName=${name}\0${addresses}`;
		}
		if (!isShown && why !== null) this.#offers.shownNothing(this.#initiator, why);
	}
}
