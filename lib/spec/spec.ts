/**
 * What is asked for, as data: disks, what they are exported as, the links that carries, and the process. Plain values, all of
 * them in range. The same whatever it was written in: made by `lib/cli/specs.ts`, carried out by `lib/daemon/`. Types only.
 */

import type { IscsiExportSpec, NbdExportSpec, TlsSpec } from "./stream-spec.js";

export type {
	ChapSpec,
	IscsiExportSpec,
	KeptReservations,
	ListenSpec,
	NbdExportSpec,
	NbdTlsSpec,
	OwnSocketSpec,
	PeerRange,
	SocketSpec,
	TlsSpec,
} from "./stream-spec.js";

/** When a write is acknowledged. */
export type Durability =
	/** When it is on stable storage. Linux's AoE driver never flushes, so this is the default. */
	| "ack"
	/** When it is in the page cache; FLUSH CACHE and FLUSH CACHE EXT make it durable. */
	| "flush"
	/** When it is in the page cache; flushes do nothing. For scratch disks. */
	| "none";

/** One link to serve a blade on. `name` is what the operator calls it, and the link's name. */
export type NetifSpec =
	/** A network interface of this machine, such as `eth0`. Globs are already resolved. */
	| { readonly kind: "interface"; readonly name: string }
	/** The same through libpcap, slower: where packet sockets of our own don't work. `name` is `pcap:eth0`. */
	| { readonly kind: "pcap"; readonly name: string; readonly interfaceName: string }
	/** A listening socket for QEMU's `-netdev stream`; `name` is `unix:PATH`. */
	| { readonly kind: "unix"; readonly name: string; readonly path: string }
	/** A tunnel to the machine at an IP address, which has the initiators behind it; `name` is `gre:192.0.2.7`. */
	| { readonly kind: "gre"; readonly name: string; readonly peer: string };

/** Where a blade's bytes are. `name` is the operator's word for it, for messages. */
export type StorageSpec =
	/** A regular (or sparse) file or a block special file. */
	| { readonly kind: "file"; readonly name: string; readonly path: string }
	/** Memory of this process, zeros at start, gone at its end; `name` is `mem:64M`. A multiple of 512 bytes, at least 512. */
	| { readonly kind: "memory"; readonly name: string; readonly sizeBytes: number }
	/** A volume of the pool in a directory; `name` is `pool:PATH/VOLUME`, or `POOL/VOLUME` where pools have names. */
	| { readonly kind: "volume"; readonly name: string; readonly pool: string; readonly volume: string }
	| RemoteSpec
	| CompoundSpec;

/** Other disks, one behind the other; `name` is `linear:a,b`. */
export interface LinearSpec {
	readonly kind: "linear";
	readonly name: string;
	/**
	 * Those disks, in order, at least one, without what can be changed while they are open (`limit`, `mirroring`): what the whole is made of
	 * is another thing if one of them is.
	 */
	readonly members: readonly DiskSpec[];
}

/** Other disks, each of which has everything; `name` is `mirror:a,b`. See `docs/mirrors.md`. */
export interface MirrorSpec {
	readonly kind: "mirror";
	readonly name: string;
	/** As of a `LinearSpec`, but 2 to 8. */
	readonly members: readonly DiskSpec[];
	/** The name of the one that counts, where nobody else can say. */
	readonly from?: string;
	/** Go on without those that were in sync and are not here. */
	readonly degraded: boolean;
}

/** How a mirror goes about it, which can be changed while it is served. */
export interface MirroringSpec {
	/** Bytes per second that are copied and compared at most. */
	readonly resyncRate: number;
	/** A disk that has not answered something for so long falls out: 1000..3600000. */
	readonly timeoutMs: number;
}

/** What a disk of disks is stored in. */
export type CompoundSpec = LinearSpec | MirrorSpec;

/** A disk of another server; `name` is its address as it was written, `nbd://host/web` or `aoe:eth0:9.0`. */
export interface RemoteSpec {
	readonly kind: "remote";
	readonly name: string;
	readonly server: ServerSpec | TargetSpec;
	/** Undefined: it is spoken to in the clear. */
	readonly tls?: RemoteTlsSpec;
	/** What the server calls the disk; "": its default one. */
	readonly exportName: string;
	/** An outage of less than `resend` (1..1000) times `intervalMs` (100..3600000) is a pause. */
	readonly resend: number;
	readonly intervalMs: number;
}

/** How a server is spoken to behind TLS. */
export interface RemoteTlsSpec {
	/** Undefined: those that the configuration has for all remote disks. */
	readonly files?: TlsSpec;
	/** Whom its certificate has to name; null: no matter, it is a unix socket. */
	readonly host: string | null;
	/** By which of the keys in `files.pskFile` we make ourselves known; null: by the only one. */
	readonly user: string | null;
}

/** Where a server is: a unix socket, or a host, by name or number, and a port. */
export type ServerSpec =
	| { readonly kind: "unix"; readonly path: string }
	| { readonly kind: "tcp"; readonly host: string; readonly port: number };

/** A blade on an interface of this machine. */
export interface TargetSpec {
	readonly kind: "aoe";
	readonly netif: NetifSpec;
	/** 0..65534 */
	readonly shelf: number;
	/** 0..254 */
	readonly slot: number;
}

/** The most that may be asked of a disk, on average: operations, and bytes, per second. */
export interface LimitSpec {
	/** Of reads and writes together. */
	readonly iops?: number;
	readonly bandwidth?: number;
	readonly readIops?: number;
	readonly writeIops?: number;
	readonly readBandwidth?: number;
	readonly writeBandwidth?: number;
}

/** What initiators know a disk by. */
export interface IdentitySpec {
	/** At most 20 characters of ASCII. */
	readonly serial: string;
	/** World wide name: 16 hexadecimal digits, the first of which is 3 (locally assigned). */
	readonly wwn: string;
}

/** A disk: what is stored where, and how. */
export interface DiskSpec {
	/** No two have the same. */
	readonly name: string;
	/** What messages call it, if not by its name. */
	readonly called?: string;
	/** The pool that it is a part of, as `onDisks` has it. */
	readonly chunkOf?: string;
	readonly storage: StorageSpec;
	/** Sectors of 512 bytes at the beginning of the storage that are not part of it. */
	readonly offsetSectors: number;
	/** Its sectors of 512 bytes, at least 1; undefined: all that follow the offset, growing with the storage. */
	readonly lengthSectors: number | undefined;
	readonly readOnly: boolean;
	/** A snapshot or moment of a volume can be written, which is forgotten when the disk is closed. */
	readonly scratch?: boolean;
	/** Open the storage with O_DIRECT. */
	readonly direct: boolean;
	readonly durability: Durability;
	/** Undefined: none. */
	readonly limit?: LimitSpec;
	/** Of a mirror alone. */
	readonly mirroring?: MirroringSpec;
	/** Undefined: it follows from what and where the storage is. */
	readonly identity?: IdentitySpec;
	/** Of a disk of disks: how many bytes each had when it was last open, but the last. What has more by now is used no further. */
	readonly lengths?: Readonly<Record<string, number>>;
}

/** What initiators have set on a blade, as it was when that was last so. */
export interface AccessSpec {
	/** 48-bit numbers, as is `reserved`. */
	readonly mask: readonly number[];
	readonly reserved: readonly number[];
	/** A character per byte. */
	readonly configString: string;
}

/** A disk as a blade: at one address, on one or more links. */
export interface AoeExportSpec {
	readonly protocol: "aoe";
	/** No two exports have the same. */
	readonly name: string;
	/** The disk's name. */
	readonly disk: string;
	/** 0..65534 */
	readonly shelf: number;
	/** 0..254 */
	readonly slot: number;
	/** At least one; no name twice. */
	readonly netifs: readonly NetifSpec[];
	/** The MAC mask: 48-bit numbers, at most 255. Undefined lets everyone in, an empty list nobody. */
	readonly macs: readonly number[] | undefined;
	/** Frames that an initiator may have outstanding, as advertised: 2..65535. */
	readonly bufferCount: number;
	/** The config string; undefined leaves it to initiators. */
	readonly configString?: string;
	/** Serve even if another host answers for the same shelf and slot. */
	readonly force: boolean;
	/** What it begins with, instead of `macs` and `configString`. */
	readonly access?: AccessSpec;
}

/** By protocol. */
export type ExportSpec = AoeExportSpec | NbdExportSpec | IscsiExportSpec;

/** How a link works, for all that is served on it. */
export interface LinkSpec {
	readonly netif: NetifSpec;
	/** Longest wait for the next frame without sleeping, in microseconds: 0..1000. See `lib/link/pace.ts`. */
	readonly pollUs: number;
	/** Send shorter frames past the interface's queue, where that can be. */
	readonly xdp: boolean;
}

export interface ProcessSpec {
	/** The user to become, instead of root, once everything is open. */
	readonly user: string | undefined;
}

/** All that one process is to do. */
export interface Spec {
	readonly disks: readonly DiskSpec[];
	readonly exports: readonly ExportSpec[];
	/** Links that are not named are as `openLink` has them. */
	readonly links: readonly LinkSpec[];
	readonly process: ProcessSpec;
}
