/** How a disk stands over NBD, and who was refused by TLS, as a worker tells it. Types only; made by `nbd-exporter.ts`. */

export interface NbdClientState {
	/** `192.0.2.7:4711`, `unix:pid 12 uid 1000` */
	readonly peer: string;
	/** Whom it has proved to be, by TLS: `cn:backup`, `psk:alice`; null: it has not. */
	readonly identity: string | null;
	/** `TLSv1.3 TLS_AES_256_GCM_SHA384`; null: it speaks no TLS. */
	readonly encryption: string | null;
	/** What it reads, if that is what the volume was; null: the disk. */
	readonly past: string | null;
	readonly readOnly: boolean;
	/** ISO 8601 */
	readonly since: string;
	readonly underWay: number;
	readonly reads: number;
	readonly readBytes: number;
	readonly writes: number;
	readonly writtenBytes: number;
	readonly errors: number;
}

export interface NbdState {
	/** What clients ask for. */
	readonly name: string;
	readonly description: string;
	/** How often somebody asked for it who may not have it. */
	readonly refused: number;
	readonly clientCount: number;
	/** Some of them. */
	readonly clients: readonly NbdClientState[];
}

/** Handshakes of TLS that came to nothing, and clients that were refused behind it. */
export interface TlsRefusals {
	readonly count: number;
	/** The last ones, the latest first. */
	readonly latest: readonly TlsRefusal[];
}

export interface TlsRefusal {
	/** ISO 8601 */
	readonly at: string;
	readonly peer: string;
	readonly why: string;
}
