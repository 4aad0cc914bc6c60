/**
 * A session: an initiator's port and one target, on one connection (RFC 7143, 4.4). Made by `sessions.ts` when a login is agreed on; told
 * by `commands.ts` what its commands come to.
 */

import type { Departures } from "../departures.js";
import { Nexus } from "../scsi/nexus.js";
import { SenseKey } from "../scsi/protocol.js";
import type { Sense } from "../scsi/sense.js";
import { ScsiTarget } from "../scsi/target.js";
import type { Agreed, SessionIdentity } from "./talk.js";
import type { IscsiTarget } from "./target.js";
import { SessionUse } from "./use.js";

/** Sense keys: 0..15; what has ended with another status than a check condition counts as 0. */
const SENSE_KEYS = 16;

/** What a session has its data by. */
export interface SessionConnection {
	readonly peer: string;
	/** Commands and requests that have begun and not ended. */
	readonly underWay: number;
	/** Ends it: what has not begun never does. Resolves when nothing of it can change a disk any more. */
	end(why: string): Promise<void>;
}

export class Session {
	readonly identity: SessionIdentity;
	readonly tsih: number;
	/** Null: a discovery session. */
	readonly of: IscsiTarget | null;
	readonly target: ScsiTarget;
	readonly nexus: Nexus;
	readonly use: SessionUse;
	/** For people; null: it has not said. */
	readonly alias: string | null;
	/** Whom it has proved to be; null: nobody. */
	readonly user: string | null;
	readonly hasHeaderDigest: boolean;
	readonly hasDataDigest: boolean;
	/** Commands that failed, by sense key. */
	readonly failures = new Float64Array(SENSE_KEYS);
	readonly #totals: Float64Array;

	constructor(
		{ identity, target, initiatorAlias, proved, parameters }: Agreed,
		tsih: number,
		readonly connection: SessionConnection,
		departures: Departures | null,
		totals: Float64Array,
	) {
		this.identity = identity;
		this.tsih = tsih;
		this.of = target;
		// (A discovery session has one without units, which nobody asks anything.)
		this.target = target?.scsi ?? new ScsiTarget("");
		this.alias = initiatorAlias;
		this.user = proved?.user ?? null;
		this.hasHeaderDigest = parameters.headerDigest;
		this.hasDataDigest = parameters.dataDigest;
		const { initiatorName, isid } = identity;
		this.nexus = new Nexus({ device: initiatorName, port: `${initiatorName},i,0x${isid}` }, this.target.port);
		this.use = new SessionUse(this.target, departures);
		this.#totals = totals;
	}

	/** A command did. */
	failed(sense: Sense | null): void {
		const key = sense?.key ?? 0;
		this.failures[key]! += 1;
		this.#totals[key]! += 1;
		// (What is told to each that logs in is counted by its sense, and no error of whoever is told.)
		if (key !== SenseKey.unitAttention) this.use.counts.failed();
	}
}
