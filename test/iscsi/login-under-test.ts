/** A login without a connection: requests go in, answers come out, by the byte. */

import { login } from "../../lib/iscsi/login.js";
import { LoginStatus } from "../../lib/iscsi/pdu.js";
import type { LoginEnd, Offers, Pause, Steps, Talk } from "../../lib/iscsi/talk.js";
import type { Chap, IscsiTarget } from "../../lib/iscsi/target.js";
import { ScsiTarget } from "../../lib/scsi/target.js";
import type { LoginWire } from "../support/iscsi/initiator-login.js";
import {
	bytesOf,
	type LoginOptions,
	loginRequest,
	type Pairs,
	type Pdu,
	pdusOf,
} from "../support/iscsi/pdus.js";

export const TARGET = "iqn.2026-11.org.example:web";
export const INITIATOR = "iqn.1993-08.org.debian:01:abc";
/** The number of the session that is made of it. */
export const SESSION = 7;
/** What a first request of a session says. */
export const FIRST: Pairs = { InitiatorName: INITIATOR, SessionType: "Normal", TargetName: TARGET };

export function targetOf(name = TARGET, chap: Chap | null = null, mayUse = true): IscsiTarget {
	const wantedUser = chap?.initiator.user ?? null;
	const scsi = new ScsiTarget(name);
	return {
		scsi,
		alias: "the web's",
		chap,
		wantedUser,
		shutsOut: () => (mayUse ? null : "it is not among those who may have that target"),
		unavailable: null,
	};
}

/** What there is for whoever asks: no session that could be gone on with. */
export function offersOf(targets: Iterable<IscsiTarget>): Offers {
	return {
		peer: "192.0.2.7:40000",
		targets: () => targets,
		find: () => undefined,
		shownNothing: () => {},
		portals: () => ["192.0.2.1:3260", "[2001:db8::1]:3260"],
		proofs: { begin: () => 0, ended: () => {} },
		session: () => ({ status: LoginStatus.noSession, why: "there is no such session" }),
	};
}

export class LoginUnderTest implements LoginWire {
	readonly targets = new Map<string, IscsiTarget>();
	/** Bytes that it waited for, at most. */
	mostWanted = 0;
	end: LoginEnd | null = null;
	readonly #steps: Steps<LoginEnd>;
	#waiting = Buffer.alloc(0);
	#sent: Buffer[] = [];
	#wanted = 0;
	readonly #answers: Pdu[] = [];

	constructor(target = targetOf(), talk: Partial<Talk> = {}) {
		this.targets.set(target.scsi.name, target);
		this.#steps = login({
			...offersOf(this.targets.values()),
			targets: () => this.targets.values(),
			find: (name) => this.targets.get(name),
			window: 128,
			send: (bytes) => void this.#sent.push(Buffer.from(bytes)),
			...talk,
		});
		this.#take(this.#steps.next());
	}

	#take(step: IteratorResult<number | Pause, LoginEnd>): void {
		if (step.done === true) this.end = step.value;
		else if (typeof step.value !== "number") this.#take(this.#steps.next(Buffer.alloc(0)));
		else {
			this.#wanted = step.value;
			this.mostWanted = Math.max(this.mostWanted, step.value);
		}
	}

	/** What is answered to these bytes. */
	bytes(bytes: Buffer): Pdu[] {
		this.#waiting = Buffer.concat([this.#waiting, bytes]);
		while (this.end === null && this.#waiting.length >= this.#wanted) {
			const given = this.#waiting.subarray(0, this.#wanted);
			this.#waiting = this.#waiting.subarray(this.#wanted);
			this.#take(this.#steps.next(given));
		}
		return pdusOf(Buffer.concat(this.#sent.splice(0)));
	}

	send(request: Pdu): void {
		this.#answers.push(...this.bytes(bytesOf(request)));
		if (this.end?.kind === "agreed") this.#answers.push(...pdusOf(Buffer.from(this.end.accept(SESSION))));
	}

	async receive(): Promise<Pdu | null> {
		return Promise.resolve(this.#answers.shift() ?? null);
	}

	/** The one answer to a request. */
	say(options: LoginOptions, text: Pairs | Buffer = {}): Pdu {
		const answers = this.bytes(bytesOf(loginRequest(options, text)));
		const [answer] = answers;
		if (answer === undefined || answers.length > 1) throw new Error(`${answers.length} answers`);
		return answer;
	}

	/** The last request of a login: what was agreed on, and the response to it. */
	finish(
		options: LoginOptions,
		text: Pairs | Buffer = {},
	): { response: Pdu; end: Extract<LoginEnd, { kind: "agreed" }> } {
		const answers = this.bytes(bytesOf(loginRequest(options, text)));
		if (answers.length > 0 || this.end?.kind !== "agreed")
			throw new Error(`not agreed: ${this.end?.kind === "refused" ? this.end.why : "it goes on"}`);
		return { response: pdusOf(Buffer.from(this.end.accept(SESSION)))[0]!, end: this.end };
	}
}
