/** How the tests' initiator logs in: any keys, CHAP in both directions, in the stages that it is told. Used by `initiator.ts`. */

import { randomBytes } from "node:crypto";
import { chapHash, chapResponse } from "../../../lib/iscsi/chap.js";
import { binaryOf, textOf } from "../../../lib/iscsi/keys.js";
import { Field, Flag, LoginStatus, Stage } from "../../../lib/iscsi/pdu.js";
import { type LoginOptions, loginRequest, type Pairs, type Pdu, pairsOf, statusOf } from "./pdus.js";

/** What a login goes over: a `Wire`, or something in its place. */
export interface LoginWire {
	send(pdu: Pdu): void;
	receive(): Promise<Pdu | null>;
}

export interface ChapSide {
	readonly user: string;
	readonly secret: Buffer;
}

export interface LoginWishes {
	readonly name: string;
	/** Left out: a discovery session. */
	readonly target?: string;
	readonly isid?: string;
	readonly tsih?: number;
	readonly cid?: number;
	/** Of the operational stage. */
	readonly keys?: Pairs;
	/** CHAP by it; left out: no stage of security, unless `methods` are there. */
	readonly chap?: ChapSide & {
		/** CHAP_A; "7" if left out. */
		readonly algorithms?: string;
		/** What the target is asked to prove; left out: nothing. */
		readonly target?: ChapSide;
		/** In base 64 instead of 16. */
		readonly inBase64?: boolean;
	};
	readonly methods?: string;
}

export interface LoginOutcome {
	readonly status: number;
	readonly tsih: number;
	/** Whatever the target has said, from first to last. */
	readonly keys: Readonly<Record<string, string>>;
	/** The target has proved who it is; null: it was not asked to. */
	readonly isProved: boolean | null;
	readonly last: Pdu;
}

export async function logIn(wire: LoginWire, wishes: LoginWishes, cmdSN: number): Promise<LoginOutcome> {
	return new InitiatorLogin(wire, wishes, cmdSN).run();
}

class InitiatorLogin {
	readonly #wire: LoginWire;
	readonly #wishes: LoginWishes;
	readonly #ids: Omit<LoginOptions, "stage">;
	readonly #keys: Record<string, string> = {};
	#isProved: boolean | null = null;

	constructor(wire: LoginWire, wishes: LoginWishes, cmdSN: number) {
		this.#wire = wire;
		this.#wishes = wishes;
		const { isid, tsih = 0, cid = 0 } = wishes;
		this.#ids = { ...(isid !== undefined && { isid }), tsih, cid, cmdSN };
	}

	async run(): Promise<LoginOutcome> {
		const { name, target, chap, methods, keys = {} } = this.#wishes;
		let first: Pairs = { InitiatorName: name, SessionType: target === undefined ? "Discovery" : "Normal" };
		if (target !== undefined) first = { ...first, TargetName: target };
		let last: Pdu | null = null;
		if (chap !== undefined || methods !== undefined) {
			last = await this.#security(first);
			if (statusOf(last) !== LoginStatus.success || isDone(last)) return this.#outcome(last);
			first = {};
		}
		last = await this.#ask({ stage: Stage.operational, next: Stage.full }, { ...first, ...keys });
		while (statusOf(last) === LoginStatus.success && !isDone(last))
			last = await this.#ask({ stage: Stage.operational, next: Stage.full }, {});
		return this.#outcome(last);
	}

	#outcome(last: Pdu): LoginOutcome {
		return {
			status: statusOf(last),
			tsih: last.head.readUInt16BE(Field.tsih),
			keys: this.#keys,
			isProved: this.#isProved,
			last,
		};
	}

	async #security(first: Pairs): Promise<Pdu> {
		const { chap, methods } = this.#wishes;
		const next = Stage.operational;
		const stage = Stage.security;
		const offered = { ...first, AuthMethod: methods ?? "CHAP" };
		if (chap === undefined) return this.#ask({ stage, next }, offered);
		const method = await this.#ask({ stage }, offered);
		if (statusOf(method) !== LoginStatus.success) return method;
		const challenged = await this.#ask({ stage }, { CHAP_A: chap.algorithms ?? "7" });
		if (statusOf(challenged) !== LoginStatus.success) return challenged;
		const { CHAP_A = "", CHAP_I = "", CHAP_C = "" } = pairsOf(challenged.data);
		const hash = chapHash(CHAP_A)!;
		const challenge = binaryOf(CHAP_C, 1024)!;
		const text = (bytes: Buffer): string =>
			chap.inBase64 === true ? `0b${bytes.toString("base64")}` : `0x${bytes.toString("hex")}`;
		const proof: Pairs = {
			CHAP_N: chap.user,
			CHAP_R: text(chapResponse(hash, Number(CHAP_I), chap.secret, challenge)),
		};
		if (chap.target === undefined) return this.#ask({ stage, next }, proof);
		const ours = randomBytes(24);
		const proved = await this.#ask({ stage, next }, { ...proof, CHAP_I: "77", CHAP_C: text(ours) });
		const { CHAP_N, CHAP_R = "" } = pairsOf(proved.data);
		const wanted = chapResponse(hash, 77, chap.target.secret, ours);
		const given = binaryOf(CHAP_R, wanted.length);
		this.#isProved = CHAP_N === chap.target.user && given !== undefined && given.equals(wanted);
		return proved;
	}

	/** One request, and the answer with all of its text. */
	async #ask(stages: Pick<LoginOptions, "stage" | "next">, text: Pairs): Promise<Pdu> {
		this.#wire.send(loginRequest({ ...this.#ids, ...stages }, textOf(Object.entries(text))));
		const parts: Buffer[] = [];
		for (;;) {
			const answer = await this.#wire.receive();
			if (answer === null) throw new Error("the connection is over before the login is");
			parts.push(answer.data);
			if ((answer.head.readUInt8(Field.flags) & Flag.continues) !== 0) {
				this.#wire.send(loginRequest({ ...this.#ids, stage: stages.stage }));
				continue;
			}
			const data = Buffer.concat(parts);
			Object.assign(this.#keys, pairsOf(data));
			return { ...answer, data };
		}
	}
}

/** It is the last of a login that has come to its end. */
function isDone({ head }: Pdu): boolean {
	const flags = head.readUInt8(Field.flags);
	return (flags & Flag.transit) !== 0 && (flags & 3) === Stage.full;
}
