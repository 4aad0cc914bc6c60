/**
 * What is agreed on of each operational key (RFC 7143, 13): one table of keys, and how ours and the initiator's become one. Used by
 * `login.ts`, and for the one key that may change later by `text.ts`.
 */

import { unreachable } from "../errors.js";
import { IRRELEVANT, NOT_UNDERSTOOD, numberOf, REJECT } from "./keys.js";
import {
	BURST_BYTES_MAX,
	defaultParameters,
	FIRST_BURST_BYTES_MAX,
	OUTSTANDING_R2T_MAX,
	type Parameters,
	PROTOCOL_LEVEL,
	RECEIVED_BYTES_MAX,
} from "./parameters.js";

type FieldOf<Value> = {
	[Name in keyof Parameters]: Parameters[Name] extends Value ? Name : never;
}[keyof Parameters];

/** `field` null: only one value is right for us, and it need not be kept. */
type Rule =
	| { readonly kind: "or" | "and"; readonly field: FieldOf<boolean> | null; readonly ours: boolean }
	| {
			readonly kind: "least" | "most";
			readonly field: FieldOf<number> | null;
			readonly ours: number;
			/** What may be offered. */
			readonly from: number;
			readonly to: number;
	  }
	/** The first of theirs that is ours. */
	| { readonly kind: "list"; readonly field: FieldOf<boolean> | null; readonly ours: readonly string[] }
	/** It is told, and not answered. */
	| { readonly kind: "told"; readonly field: FieldOf<number>; readonly from: number; readonly to: number }
	| { readonly kind: "answer"; readonly value: string };

interface Row {
	readonly rule: Rule;
	/** Of the session: only its first connection speaks of it ("LO"). */
	readonly isSession: boolean;
	/** Nothing that a discovery session needs ("irrelevant when SessionType=Discovery"). */
	readonly isNormal: boolean;
}

const LENGTH_MIN = 512;
const LENGTH_MAX = 2 ** 24 - 1;
const MAX_RECEIVED = "MaxRecvDataSegmentLength";

const session = (rule: Rule): Row => ({ rule, isSession: true, isNormal: true });
/** (open-iscsi does not go on with a target that does not say which level of recovery its discovery session has.) */
const anySession = (rule: Rule): Row => ({ rule, isSession: true, isNormal: false });
const connection = (rule: Rule): Row => ({ rule, isSession: false, isNormal: false });
const digest = (field: "headerDigest" | "dataDigest"): Row =>
	connection({ kind: "list", field, ours: ["CRC32C", "None"] });
const length = (field: "maxBurstLength" | "firstBurstLength", ours: number): Row =>
	session({ kind: "least", field, ours, from: LENGTH_MIN, to: LENGTH_MAX });

const ROWS: ReadonlyMap<string, Row> = new Map([
	["HeaderDigest", digest("headerDigest")],
	["DataDigest", digest("dataDigest")],
	["MaxConnections", session({ kind: "least", field: null, ours: 1, from: 1, to: 65_535 })],
	["InitialR2T", session({ kind: "or", field: "initialR2T", ours: false })],
	["ImmediateData", session({ kind: "and", field: "immediateData", ours: true })],
	[
		MAX_RECEIVED,
		connection({ kind: "told", field: "maxRecvDataSegmentLength", from: LENGTH_MIN, to: LENGTH_MAX }),
	],
	["MaxBurstLength", length("maxBurstLength", BURST_BYTES_MAX)],
	["FirstBurstLength", length("firstBurstLength", FIRST_BURST_BYTES_MAX)],
	["DefaultTime2Wait", anySession({ kind: "most", field: "defaultTime2Wait", ours: 0, from: 0, to: 3600 })],
	// (A session does not outlive its connection: nothing is recovered.)
	[
		"DefaultTime2Retain",
		anySession({ kind: "least", field: "defaultTime2Retain", ours: 0, from: 0, to: 3600 }),
	],
	[
		"MaxOutstandingR2T",
		session({ kind: "least", field: "maxOutstandingR2T", ours: OUTSTANDING_R2T_MAX, from: 1, to: 65_535 }),
	],
	["DataPDUInOrder", session({ kind: "or", field: null, ours: true })],
	["DataSequenceInOrder", session({ kind: "or", field: null, ours: true })],
	["ErrorRecoveryLevel", anySession({ kind: "least", field: null, ours: 0, from: 0, to: 2 })],
	["TaskReporting", session({ kind: "list", field: null, ours: ["ResponseFence", "RFC3720"] })],
	[
		"iSCSIProtocolLevel",
		session({ kind: "least", field: "protocolLevel", ours: PROTOCOL_LEVEL, from: 0, to: 31 }),
	],
	// What there was before RFC 7143 (13.25), and offers of nobody but a target, or at another time.
	["IFMarker", connection({ kind: "answer", value: "No" })],
	["OFMarker", connection({ kind: "answer", value: "No" })],
	...["IFMarkInt", "OFMarkInt", "TargetAlias", "TargetAddress", "TargetPortalGroupTag", "SendTargets"].map(
		(key): [string, Row] => [key, connection({ kind: "answer", value: REJECT })],
	),
]);

export class Negotiation {
	readonly parameters: Parameters;

	/** `agreed`: with the first connection of the session, of which this is another one. */
	constructor(
		readonly isDiscovery: boolean,
		readonly agreed: Parameters | null,
	) {
		this.parameters = { ...(agreed ?? defaultParameters()), ...ofConnection() };
	}

	/** It is an operational key. */
	knows(key: string): boolean {
		return ROWS.has(key);
	}

	/** What is answered to offers: to some, nothing. */
	answers(offers: Iterable<readonly [string, string]>): (readonly [string, string])[] {
		const answers: (readonly [string, string])[] = [];
		for (const [key, value] of offers) {
			const answer = this.#answer(key, value);
			if (answer !== null) answers.push([key, answer]);
		}
		return answers;
	}

	#answer(key: string, value: string): string | null {
		if (isAnswer(value)) return null;
		const row = ROWS.get(key);
		if (row === undefined) return NOT_UNDERSTOOD;
		if (row.isNormal && this.isDiscovery) return IRRELEVANT;
		if (row.isSession && this.agreed !== null) return REJECT;
		const answer = this.#result(row.rule, value);
		if (key === "MaxBurstLength" || key === "FirstBurstLength") return this.#burst(key, answer);
		return answer;
	}

	/** The first burst is no longer than any, whichever is spoken of first (13.14). */
	#burst(key: string, answer: string | null): string | null {
		const { parameters } = this;
		if (parameters.firstBurstLength <= parameters.maxBurstLength) return answer;
		parameters.firstBurstLength = parameters.maxBurstLength;
		return key === "FirstBurstLength" && answer !== REJECT ? String(parameters.maxBurstLength) : answer;
	}

	#result(rule: Rule, value: string): string | null {
		switch (rule.kind) {
			case "or":
			case "and":
				return this.#boolean(rule, value);
			case "least":
			case "most": {
				const offered = numberOf(value);
				if (offered === undefined || offered < rule.from || offered > rule.to) return REJECT;
				const result = rule.kind === "least" ? Math.min(offered, rule.ours) : Math.max(offered, rule.ours);
				if (rule.field !== null) this.parameters[rule.field] = result;
				return String(result);
			}
			case "list": {
				const chosen = value.split(",").find((each) => rule.ours.includes(each));
				if (chosen === undefined) return REJECT;
				if (rule.field !== null) this.parameters[rule.field] = chosen !== "None";
				return chosen;
			}
			case "told": {
				const told = numberOf(value);
				if (told === undefined || told < rule.from || told > rule.to) return REJECT;
				this.parameters[rule.field] = told;
				return null;
			}
			case "answer":
				return rule.value;
			default:
				return unreachable(rule);
		}
	}

	#boolean({ kind, field, ours }: Extract<Rule, { kind: "or" | "and" }>, value: string): string {
		if (value !== "Yes" && value !== "No") return REJECT;
		const theirs = value === "Yes";
		const result = kind === "or" ? theirs || ours : theirs && ours;
		if (field !== null) this.parameters[field] = result;
		return result ? "Yes" : "No";
	}
}

/** What is answered to it when the login is over: one thing alone may change then. Null: nothing is. */
export function answerLater(parameters: Parameters, key: string, value: string): string | null {
	if (key === "InitiatorAlias" || isAnswer(value)) return null;
	if (key !== MAX_RECEIVED) return ROWS.has(key) ? REJECT : NOT_UNDERSTOOD;
	const told = numberOf(value);
	if (told === undefined || told < LENGTH_MIN || told > LENGTH_MAX) return REJECT;
	parameters.maxRecvDataSegmentLength = told;
	return null;
}

/** To what we have said: that is not answered. */
function isAnswer(value: string): boolean {
	return value === NOT_UNDERSTOOD || value === IRRELEVANT || value === REJECT;
}

/** What each connection has for itself, until it is spoken of. */
function ofConnection(): Pick<Parameters, "headerDigest" | "dataDigest" | "maxRecvDataSegmentLength"> {
	const { headerDigest, dataDigest, maxRecvDataSegmentLength } = defaultParameters();
	return { headerDigest, dataDigest, maxRecvDataSegmentLength };
}

/** What we tell of ourselves. */
export function toldOfUs(): readonly [string, string] {
	return [MAX_RECEIVED, String(RECEIVED_BYTES_MAX)];
}
