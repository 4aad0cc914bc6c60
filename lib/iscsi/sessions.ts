/**
 * The sessions of a server, and how one takes the place of another: an initiator port that logs in once more has lost the session that it
 * had (RFC 7143, 6.3.5), and nothing of that may reach the disk once the new one has begun. Asked by `server.ts`.
 */

import type { Clock } from "../clock.js";
import type { Departures } from "../departures.js";
import type { Parameters } from "./parameters.js";
import { LoginStatus } from "./pdu.js";
import { Session, type SessionConnection } from "./session.js";
import type { Agreed, LoginRefusal, SessionIdentity } from "./talk.js";
import type { IscsiTarget } from "./target.js";

/** Until what an old session has under way is over: then the new one is refused, and its initiator tries again. */
const REINSTATEMENT_LIMIT_MS = 10_000;
const TSIH_MAX = 0xffff;

interface Entry {
	readonly session: Session;
	readonly parameters: Parameters;
}

export class Sessions {
	readonly #clock: Clock;
	readonly #departures: Departures | null;
	readonly #entries = new Map<string, Entry>();
	/** Of discovery: there may be several of one initiator port. */
	readonly #others = new Set<Session>();
	readonly #handles = new Set<number>();
	#lastHandle = 0;
	/** Commands that failed, by sense key, of all sessions that there were. */
	readonly failures = new Float64Array(16);
	/** Sessions that took the place of another. */
	reinstated = 0;

	constructor(clock: Clock, departures: Departures | null) {
		this.#clock = clock;
		this.#departures = departures;
	}

	*all(): Generator<Session> {
		for (const { session } of this.#entries.values()) yield session;
		yield* this.#others;
	}

	/** What was agreed on for a session that there is, whose connection is to be replaced; or why not. */
	agreed(identity: SessionIdentity, target: IscsiTarget): Parameters | LoginRefusal {
		const entry = this.#entries.get(keyOf(identity, target));
		if (entry === undefined || entry.session.tsih !== identity.tsih)
			return { status: LoginStatus.noSession, why: "there is no such session" };
		if (entry.session.identity.cid !== identity.cid)
			return { status: LoginStatus.tooManyConnections, why: "a session has one connection here" };
		return entry.parameters;
	}

	/** Begins a session, when an earlier one of the same port is over; or why it can't. `refusal`: why it may not by then; null: it may. */
	async begin(
		agreed: Agreed,
		connection: SessionConnection,
		refusal: () => LoginRefusal | null,
	): Promise<Session | LoginRefusal> {
		const { identity, target, parameters } = agreed;
		if (target === null) {
			const session = new Session(agreed, this.#handle(), connection, this.#departures, this.failures);
			this.#others.add(session);
			return session;
		}
		const key = keyOf(identity, target);
		for (let entry = this.#entries.get(key); entry !== undefined; entry = this.#entries.get(key)) {
			this.reinstated += 1;
			const isOver = await this.#ended(entry.session);
			if (!isOver)
				return {
					status: LoginStatus.unavailable,
					why: "what its last session had under way does not come to an end",
				};
		}
		const refused = refusal();
		if (refused !== null) return refused;
		const session = new Session(agreed, this.#handle(), connection, this.#departures, this.failures);
		this.#entries.set(key, { session, parameters });
		target.scsi.begin(session.nexus);
		return session;
	}

	/** False if that takes too long. */
	async #ended(session: Session): Promise<boolean> {
		let forget = (): void => {};
		const late = new Promise<false>((resolve) => {
			forget = this.#clock.after(REINSTATEMENT_LIMIT_MS, () => resolve(false));
		});
		const over = session.connection.end("the initiator has begun another session").then(() => true);
		const isOver = await Promise.race([over, late]);
		forget();
		return isOver;
	}

	/** Its connection is gone, and nothing of it is under way. */
	end(session: Session): void {
		this.#handles.delete(session.tsih);
		if (session.of === null) {
			this.#others.delete(session);
			return;
		}
		this.#entries.delete(keyOf(session.identity, session.of));
		session.target.end(session.nexus);
	}

	#handle(): number {
		do this.#lastHandle = (this.#lastHandle % TSIH_MAX) + 1;
		while (this.#handles.has(this.#lastHandle));
		this.#handles.add(this.#lastHandle);
		return this.#lastHandle;
	}
}

function keyOf({ initiatorName, isid }: SessionIdentity, { scsi }: IscsiTarget): string {
	return `${initiatorName} ${isid} ${scsi.name}`;
}
