/**
 * The login of one connection (RFC 7143, 6.3), as a generator: it yields how many bytes it wants next, gets those, and returns what was agreed
 * on, or why nothing was. Who it is and what it wants is in the first request; then it proves that, where that is wanted (`security.ts`);
 * then keys are agreed on (`negotiation.ts`). Plain code, for it is rare; run by `connection.ts`, which has a limit for all of it.
 */

import { randomInt } from "node:crypto";
import { quote } from "../text.js";
import { Exchange, type LoginRequest, wrong } from "./exchange.js";
import { deviceNameOf, type Pairs, textOf } from "./keys.js";
import { Negotiation, toldOfUs } from "./negotiation.js";
import { LoginStatus, Stage } from "./pdu.js";
import { isOfSecurity, Security } from "./security.js";
import type { Agreed, LoginEnd, LoginRefusal, Refused, SessionIdentity, Steps, Talk } from "./talk.js";
import type { IscsiTarget } from "./target.js";

/** Who it is, and whom it wants: in its first request alone. */
const FIRST_KEYS = ["InitiatorName", "TargetName", "SessionType"];
const ALIAS_KEY = "InitiatorAlias";
/** (Who has the secret may come again.) */
const TOO_MANY_PROOFS: LoginRefusal = {
	status: LoginStatus.unavailable,
	why: "too many proofs from its address were wrong, and others wait before it",
};

/** Who has come, and for what. */
interface Party {
	readonly identity: SessionIdentity;
	/** Null: for a discovery session. */
	readonly target: IscsiTarget | null;
	readonly security: Security;
	readonly negotiation: Negotiation;
}

function nameIn({ target }: Party): string {
	return target?.scsi.name ?? "";
}

interface Answer {
	readonly text: Buffer;
	/** The stage that comes; null: the same. */
	readonly next: Stage | null;
}

/** From the first byte on. */
export function* login(talk: Talk): Steps<LoginEnd> {
	return yield* new Login(talk).run();
}

class Login {
	readonly #talk: Talk;
	readonly #exchange: Exchange;
	readonly #spokenOf = new Map<string, string>();
	#party: Party | null = null;
	#stage: Stage = Stage.security;
	#hasTold = false;
	#initiatorName: string | null = null;
	#targetName: string | null = null;
	#alias: string | null = null;

	constructor(talk: Talk) {
		this.#talk = talk;
		this.#exchange = new Exchange(talk, randomInt(2 ** 32));
	}

	*run(): Steps<LoginEnd> {
		for (;;) {
			const request = yield* this.#exchange.receive();
			if ("why" in request) return this.#refused(request);
			const party = this.#party ?? this.#identify(request.pairs);
			if ("why" in party) return this.#refused(party);
			const isProof = party.security.isProof(request.pairs);
			const crowded = isProof ? yield* this.#waitToProve(party) : null;
			const answer = crowded ?? this.#answer(request, party);
			if (isProof && crowded === null) this.#talk.proofs.ended(nameIn(party), !("why" in answer));
			if ("why" in answer) return this.#refused(answer);
			const last = yield* this.#exchange.respond(answer.text, answer.next);
			if (!Buffer.isBuffer(last)) return this.#refused(last);
			if (answer.next === Stage.full) return this.#agreed(party, last);
			this.#talk.send(last);
		}
	}

	/** Where others from the same address have proved something wrong to that target. */
	*#waitToProve(party: Party): Steps<LoginRefusal | null> {
		const pauseMs = this.#talk.proofs.begin(nameIn(party));
		if (pauseMs === null) return TOO_MANY_PROOFS;
		if (pauseMs > 0) yield { pauseMs };
		return null;
	}

	#refused({ status, why }: LoginRefusal): Refused {
		// (Who has begun with something else than a login would not know what that is.)
		const isKnown = this.#exchange.head !== null;
		if (isKnown) this.#talk.send(this.#exchange.refusal(status));
		return { kind: "refused", status, why, initiatorName: this.#initiatorName, targetName: this.#targetName };
	}

	#agreed({ identity, target, security, negotiation }: Party, last: Buffer): Agreed {
		const exchange = this.#exchange;
		return {
			kind: "agreed",
			identity,
			target,
			initiatorAlias: this.#alias,
			proved: security.proved,
			parameters: negotiation.parameters,
			cmdSN: exchange.cmdSN,
			statSN: exchange.statSN,
			accept: (tsih) => exchange.accepted(last, tsih),
			refuse: (status) => exchange.refusal(status),
		};
	}

	/** By the first request. */
	#identify(pairs: Pairs): Party | LoginRefusal {
		const name = pairs.get("InitiatorName");
		const type = pairs.get("SessionType") ?? "Normal";
		this.#targetName = pairs.get("TargetName") ?? null;
		if (name === undefined) return missing("InitiatorName");
		const initiatorName = deviceNameOf(name);
		if (initiatorName === undefined) return wrong(`it calls itself ${quote(name)}, which is no name`);
		this.#initiatorName = initiatorName;
		if (type !== "Normal" && type !== "Discovery")
			return { status: LoginStatus.unsupportedType, why: `there are no sessions of the type ${quote(type)}` };
		const { isid, tsih, cid } = this.#exchange.head!;
		const identity = { initiatorName, isid, tsih, cid };
		return type === "Normal" ? this.#normal(identity) : this.#discovery(identity);
	}

	#discovery(identity: SessionIdentity): Party | LoginRefusal {
		if (identity.tsih !== 0)
			return { status: LoginStatus.noSession, why: "there is no such discovery session" };
		// (What it is shown is what it may have by its name and address; it proves itself where it logs in.)
		return { identity, target: null, security: new Security(null), negotiation: new Negotiation(true, null) };
	}

	#normal(identity: SessionIdentity): Party | LoginRefusal {
		const text = this.#targetName;
		if (text === null) return missing("TargetName");
		const name = deviceNameOf(text);
		const initiator = { peer: this.#talk.peer, name: identity.initiatorName };
		const target = name === undefined ? undefined : this.#talk.find(name, initiator);
		if (target === undefined)
			return { status: LoginStatus.notFound, why: `there is no target ${quote(text)}` };
		if ("why" in target) return target;
		const why = target.shutsOut(initiator);
		if (why !== null) return { status: LoginStatus.forbidden, why };
		if (target.unavailable !== null) return { status: LoginStatus.unavailable, why: target.unavailable };
		const agreed = identity.tsih === 0 ? null : this.#talk.session(identity, target);
		if (agreed !== null && "why" in agreed) return agreed;
		return {
			identity,
			target,
			security: new Security(target.chap),
			negotiation: new Negotiation(false, agreed),
		};
	}

	/** What is said to one request. */
	#answer({ stage, next, pairs }: LoginRequest, party: Party): Answer | LoginRefusal {
		const { security, target } = party;
		const isFirst = this.#party === null;
		this.#party = party;
		if (isFirst) this.#stage = stage;
		if (stage !== this.#stage) return wrong("it is in another stage than was agreed on");
		const isUnproved = !security.isDone;
		if (stage !== Stage.security && isUnproved) return security.skipped();
		const said: (readonly [string, string])[] = [];
		if (isFirst && target !== null) {
			said.push(["TargetPortalGroupTag", String(target.scsi.port.relative)]);
			if (target.alias !== "") said.push(["TargetAlias", target.alias]);
		}
		const answers = this.#spoken(pairs, isFirst) ?? this.#keys(stage, pairs, party);
		if ("why" in answers) return answers;
		said.push(...answers);
		if (next === null) return { text: textOf(said), next };
		if (stage === Stage.security && !security.isDone) {
			if (!security.hasBegun) return security.skipped();
			// (It is asked for its proof first.)
			return { text: textOf(said), next: null };
		}
		this.#stage = next;
		return { text: textOf(said), next };
	}

	/**
	 * Nothing is spoken of twice, and what belongs to the first request of nowhere else (6.3). Null: that is so; or it says once more who it is,
	 * as libiscsi does when it has offered a proof that nobody wants.
	 */
	#spoken(pairs: Pairs, isFirst: boolean): LoginRefusal | null {
		for (const [key, value] of pairs) {
			const isOfFirst = FIRST_KEYS.includes(key);
			const before = this.#spokenOf.get(key);
			this.#spokenOf.set(key, value);
			if (before !== undefined && !(isOfFirst && before === value)) return wrong(`it speaks twice of ${key}`);
			if (before === undefined && isOfFirst && !isFirst) return wrong(`it speaks too late of ${key}`);
		}
		this.#alias ??= pairs.get(ALIAS_KEY) ?? null;
		return null;
	}

	#keys(stage: Stage, pairs: Pairs, party: Party): readonly (readonly [string, string])[] | LoginRefusal {
		const { security, negotiation } = party;
		const others = [...pairs].filter(([key]) => !FIRST_KEYS.includes(key) && key !== ALIAS_KEY);
		if (stage === Stage.security) {
			const early = others.find(([key]) => !isOfSecurity(key) && negotiation.knows(key));
			if (early !== undefined) return wrong(`it speaks too early of ${early[0]}`);
			const proved = security.answer(pairs);
			if ("why" in proved) return proved;
			const unknown = others.filter(([key]) => !isOfSecurity(key));
			return [...proved, ...negotiation.answers(unknown)];
		}
		const late = others.find(([key]) => isOfSecurity(key));
		if (late !== undefined) return wrong(`it speaks too late of ${late[0]}`);
		const told = this.#hasTold ? [] : [toldOfUs()];
		this.#hasTold = true;
		return [...negotiation.answers(others), ...told];
	}
}

function missing(key: string): LoginRefusal {
	return { status: LoginStatus.missingParameter, why: `it does not say its ${key}` };
}
