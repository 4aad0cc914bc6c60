/**
 * What is asked for of protocols on byte streams, as data: sockets, who may connect, TLS, and disks over NBD and iSCSI. A part of `spec.ts`, by which
 * it is had. Types only.
 */

/** A socket for clients of protocols on byte streams. `name` is what the operator calls it. */
export type SocketSpec =
	/** `name` is `unix:PATH`. */
	| { readonly kind: "unix"; readonly name: string; readonly path: string }
	/** `address` is a number of IPv4 or IPv6; `name` is `127.0.0.1:10809`, `[::1]:10809`. */
	| { readonly kind: "tcp"; readonly name: string; readonly address: string; readonly port: number };

/** Of an export; `descriptor`: the service manager has opened it. */
export type OwnSocketSpec = SocketSpec & { readonly descriptor?: number };

/** Who may connect, by where he is; see `lib/spec/peers.ts`. */
export type PeerRange =
	/** Of IPv4 or IPv6: an address, and how many of its first bits count. */
	| { readonly kind: "network"; readonly address: string; readonly bits: number }
	/** A user of this machine, at a unix socket. */
	| { readonly kind: "uid"; readonly uid: number }
	/** Whoever has proved by TLS to be this: `cn:backup`, `psk:alice`. */
	| { readonly kind: "identity"; readonly identity: string };

/** Whom the other end of a connection proves to be, and by what: paths of files, in PEM but for `pskFile`. */
export interface TlsSpec {
	readonly certificate?: string;
	/** Of the certificate. */
	readonly keyFile?: string;
	/** Whose certificates the other end may show. */
	readonly ca?: string;
	/** Certificate and key need not be there. */
	readonly isOptional?: boolean;
	/** Lines of a name and a key that both ends have. */
	readonly pskFile?: string;
	/** As OpenSSL names them; undefined: its own choice. */
	readonly ciphers?: string;
}

/** Of an NBD server: at least a certificate, or keys. Where there is `ca` or `pskFile`, clients have to prove who they are. */
export interface NbdTlsSpec extends TlsSpec {
	/** Clients get nothing without; else it is their choice. */
	readonly isRequired: boolean;
	/** 1..16, for all connections. */
	readonly threads: number;
}

/** Where a process listens, by protocol. */
export interface ListenSpec {
	readonly nbd: readonly SocketSpec[];
	readonly iscsi: readonly SocketSpec[];
	/** Of all of these; undefined: none. */
	readonly nbdTls?: NbdTlsSpec;
}

/** A disk over NBD: under one name, at one or more sockets. */
export interface NbdExportSpec {
	readonly protocol: "nbd";
	/** No two exports have the same. */
	readonly name: string;
	/** The disk's name. */
	readonly disk: string;
	/** What clients ask for, at most 4096 bytes; "": they ask for nothing. */
	readonly exportName: string;
	/** For people, at most 4096 bytes. */
	readonly description: string;
	/** Sockets of its own, at least one; `descriptor`: the service manager has opened it. Undefined: those of the process (`Daemon.listen`). */
	readonly listen?: readonly OwnSocketSpec[];
	/** Who may read and write; undefined: everyone. Whoever is in `readers` may only read, wherever else he is. */
	readonly clients?: readonly PeerRange[];
	readonly readers?: readonly PeerRange[];
	/** TLS at all sockets of the process; undefined: that of the process (`Daemon.listen`), if it has any. */
	readonly tls?: NbdTlsSpec;
}

/**
 * A disk over iSCSI: a logical unit of a target, which may have others. Who may log in to that, and as whom, is of the whole target: it is said alike of
 * each of its disks.
 */
export interface IscsiExportSpec {
	readonly protocol: "iscsi";
	/** No two exports have the same. */
	readonly name: string;
	/** The disk's name. */
	readonly disk: string;
	/** As initiators call it, in the form that is compared (RFC 3722): `iqn.2026-11.org.example:web`. */
	readonly target: string;
	/** 0..16383 */
	readonly lun: number;
	/** Initiators may eject it. */
	readonly removable: boolean;
	/** Sockets of its own, at least one; `descriptor`: the service manager has opened it. Undefined: those of the process (`Daemon.listen`). */
	readonly listen?: readonly OwnSocketSpec[];
	/** Who may log in, by the name that it says it has, and by where it is; undefined: everyone. */
	readonly initiators?: readonly string[];
	readonly clients?: readonly PeerRange[];
	/** Undefined: nobody has to prove anything. */
	readonly chap?: ChapSpec;
	/** What it begins with. */
	readonly kept?: KeptReservations;
}

/** What initiators have reserved persistently, as it was when that was last so (SPC-4, 5.13). */
export interface KeptReservations {
	/** The names of both ports, the relative identifier of ours, and a key of sixteen hexadecimal digits. */
	readonly registrations: readonly {
		readonly initiator: string;
		readonly target: string;
		readonly port: number;
		readonly key: string;
	}[];
	readonly type: number | null;
	/** Which of the registrations holds it; null if all do, or nobody. */
	readonly holder: number | null;
	/** Everything was being overwritten or erased, and that has not succeeded: whether it may be used all the same. */
	readonly sanitizing?: { readonly mayLeave: boolean } | undefined;
}

/** How an initiator proves by CHAP who it is, and we to it (RFC 7143, 12.1). Secrets are in files: a line each. */
export interface ChapSpec {
	/** What the initiator calls itself. */
	readonly user: string;
	readonly secretFile: string;
	/** What we call ourselves, to initiators that ask. */
	readonly mutual?: { readonly user: string; readonly secretFile: string };
}
