/** How a disk stands over iSCSI, and who could not log in, as a worker tells it. Types only; made by `iscsi-exporter.ts`. */

export interface IscsiSessionState {
	/** `192.0.2.7:4711` */
	readonly peer: string;
	/** The name that it says it has. */
	readonly initiator: string;
	/** What it proved to be, by CHAP; null: nothing. */
	readonly user: string | null;
	/** Twelve hexadecimal digits. */
	readonly isid: string;
	readonly headerDigest: boolean;
	readonly dataDigest: boolean;
	/** ISO 8601 */
	readonly since: string;
	readonly underWay: number;
	readonly reads: number;
	readonly readBytes: number;
	readonly writes: number;
	readonly writtenBytes: number;
	readonly errors: number;
}

export interface IscsiState {
	readonly target: string;
	readonly lun: number;
	readonly removable: boolean;
	/** How often somebody wanted its target who may not have it. */
	readonly refused: number;
	/** Why nobody can log in now; null: they can. */
	readonly unavailable: string | null;
	/** With its target, whatever they do with the disk. */
	readonly sessionCount: number;
	/** Some of them. */
	readonly sessions: readonly IscsiSessionState[];
}

/** What a login may come to nothing for, for metrics: the statuses of RFC 7143, 11.13.5, in fewer words. */
export const LOGIN_REFUSALS = [
	"authentication",
	"forbidden",
	"not-found",
	"unavailable",
	"crowded",
	"protocol",
] as const;
export type LoginRefusalReason = (typeof LOGIN_REFUSALS)[number];

export interface LoginRefused {
	/** ISO 8601 */
	readonly at: string;
	readonly peer: string;
	/** As far as it has said. */
	readonly initiator: string | null;
	readonly target: string | null;
	readonly reason: LoginRefusalReason;
	readonly why: string;
}

/** Of all of a worker. */
export interface IscsiReport {
	readonly refusals: Readonly<Record<LoginRefusalReason, number>>;
	/** The last ones, the latest first. */
	readonly latest: readonly LoginRefused[];
	/** Commands that ended with sense data, by key: `illegal request`. */
	readonly errors: Readonly<Record<string, number>>;
	/** PDUs that came with a wrong digest. */
	readonly headerDigestErrors: number;
	readonly dataDigestErrors: number;
}
