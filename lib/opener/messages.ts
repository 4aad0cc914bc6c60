/**
 * What the processes of the daemon say to each other. The opener begins each conversation (`Begin`); then children ask it for what only
 * it can have (`OpenerRequest`), and it tells them what has changed (`Order`). Descriptors travel beside a message. Types, and the
 * few constants that both sides count on.
 */

import type { ListenSpec } from "../spec/spec.js";
import type { ReplicaSpec, StorePoolSpec } from "../spec/store-spec.js";
import type { StoreKeys } from "./store-keys.js";

/** A process of the daemon. The opener is the one that all others come from. */
export type ProcessKind = "worker" | "control";

/** Set for a child, to its kind: what it is typed as alone does not make one. */
export const CHILD_VARIABLE = "VBLADE_CHILD";

/** What survives restarts: names of files in the state directory that the opener keeps for control. */
export const KEPT_FILES: ReadonlySet<string> = new Set([
	"runtime.toml",
	"runtime.toml.before",
	"disks.json",
	"disks.json.before",
	"wish.json",
	"machines.json",
	"events.json",
	"reload.json",
	...Array.from({ length: 144 }, (_, index) => `history-${String(index).padStart(3, "0")}`),
]);

/** Sections of the configuration that say where to listen: the API with its page, and boot scripts. */
export type WebPurpose = "http" | "boot";

/** What a listening descriptor is bound to: `unix:PATH`, `127.0.0.1:9470` or `[::1]:9470`. */
export interface ListenerName {
	readonly purpose: "socket" | WebPurpose;
	readonly address: string;
}

/** A process as status shows it. */
export interface ProcessInfo {
	readonly kind: "opener" | ProcessKind;
	readonly index: number;
	readonly pid: number;
	/** ISO 8601 */
	readonly since: string;
	/** How often it had to be started again. */
	readonly restarts: number;
	/** Of all its threads, user and system. */
	readonly cpuSeconds: number;
	readonly residentBytes: number;
}

/** A process has ended, or is there again: for control, which tells it as an event. */
export interface ProcessNews {
	/** ISO 8601 */
	readonly at: string;
	readonly isEnd: boolean;
	/** Which one, and why. */
	readonly message: string;
}

/** What holds from the start of the opener to its end, whatever the files say now. */
export interface Started {
	readonly state: string;
	readonly user: string | undefined;
	readonly workers: number;
}

/** The first thing that a child hears. */
export interface Begin {
	readonly kind: "begin";
	readonly index: number;
	/** Whom to become; undefined: stay, for nobody here is root. */
	readonly user: string | undefined;
	/** The opener, which it ends with. */
	readonly parent: number;
	/** When all of this was started: ISO 8601. */
	readonly since: string;
	readonly verbose: boolean;
	/** How many there are. */
	readonly workers: number;
	/** Where workers listen, by what the files say. */
	readonly listen: ListenSpec;
	/** Pools are in object stores, by what the files say: a worker can load nothing later. */
	readonly stores: boolean;
	/** Control alone: with the descriptors of the listeners, in this order. */
	readonly control?: ControlBegin;
}

export interface ControlBegin {
	readonly listeners: readonly ListenerName[];
	readonly started: Started;
	/** The latest, also what an earlier one has been told: it may have been killed before it could say so. */
	readonly news: readonly ProcessNews[];
	readonly replaced: readonly Replacement[];
}

/** A path that leads to another file now than the one that a worker serves, or to none. */
export interface Replacement {
	readonly path: string;
	readonly isGone: boolean;
}

/** What the opener tells a child without being asked. */
export type Order =
	| Begin
	/** With one descriptor: the channel to that process, which is new. */
	| { readonly kind: "peer"; readonly of: ProcessKind; readonly index: number }
	/** To control: an operator wants the configuration read again (SIGHUP). */
	| { readonly kind: "reload" }
	/** To control. */
	| { readonly kind: "process"; readonly news: ProcessNews }
	/** To control, with its descriptor: a socket that could not be had when it began. */
	| { readonly kind: "listener"; readonly listener: ListenerName }
	/** To control, whenever there are others: as in `ControlBegin`. */
	| { readonly kind: "replaced"; readonly files: readonly Replacement[] }
	/** To a worker: listen there from now on. */
	| { readonly kind: "listen"; readonly listen: ListenSpec }
	/** To a worker: say what has been counted in the log (SIGUSR1). */
	| { readonly kind: "report" }
	/** Finish what is under way, then end. */
	| { readonly kind: "stop" };

/** Opens and locks storage. The answer has its `traits`, its `identity`, and the descriptor. */
export interface OpenRequest {
	readonly kind: "open";
	readonly path: string;
	readonly readOnly: boolean;
	/** As `fileOpen` takes them. */
	readonly flags: number;
	readonly beginBytes: number;
	readonly lengthBytes: number;
}

/** What a worker needs for a pool in an object store: what the files say of it, and what is in those that they name. */
export interface StorePoolOpening {
	readonly stored: StorePoolSpec;
	readonly keys: StoreKeys;
	/** What this machine is called. */
	readonly host: string;
}

/** What a worker needs to know of the replicas of a pool. */
export interface ReplicasOpening {
	readonly replicas: readonly (Omit<ReplicaSpec, "stored"> & {
		/** The directory of what is known of it here. */
		readonly log: string;
	})[];
	/** The pool's name, and what this machine is called. */
	readonly pool: string;
	readonly host: string;
}

/** What children ask of the opener. */
export type OpenerRequest =
	| OpenRequest
	/** The memory of a disk, by its name: what the last one of this size held. The answer has the descriptor. */
	| { readonly kind: "memory"; readonly name: string; readonly sizeBytes: number }
	/** What a pool has in its directory, or that it is a device: the answer is a `PoolLook`. */
	| { readonly kind: "poolFiles"; readonly pool: string }
	/** Where names of its log lead to, so many from a number on: the answer has `files`, as `identity` of each that is opened. */
	| { readonly kind: "poolIdentities"; readonly pool: string; readonly first: number; readonly count: number }
	/** Makes the next file of its log, of zeros; answered when it is there for good. */
	| { readonly kind: "poolFile"; readonly pool: string; readonly file: number }
	/** All that it takes to open a pool in an object store: the answer is a `StorePoolOpening`. Its directory is made, if there is none. */
	| { readonly kind: "storePool"; readonly pool: string }
	/** Where the replicas are of the pool at a path: the answer is a `ReplicasOpening`. What each takes is asked as of a pool. */
	| { readonly kind: "replicas"; readonly pool: string }
	/** What is in its directory, which is made if there is none, or a file of that, made if there is none: as `poolFiles` and `poolFile`. */
	| { readonly kind: "logFiles"; readonly log: string }
	| { readonly kind: "logFile"; readonly log: string; readonly name: string }
	/** Its head, in a file there: the answer is a `HeadAnswer`, with the value beside. */
	| { readonly kind: "readHead"; readonly pool: string }
	/** The same with what comes beside in the place of what it was; null: there was none. */
	| { readonly kind: "swapHead"; readonly pool: string; readonly id: string | null }
	/** A socket that listens for frames (`unix:PATH`). The answer has the descriptor. */
	| { readonly kind: "listen"; readonly path: string }
	/** A socket that listens for clients, at an address of `Begin.listen`. The answer has the descriptor. */
	| { readonly kind: "socket"; readonly address: string }
	/** A secret of CHAP, in a file that the configuration names: the answer is a `ChapSecret`. */
	| { readonly kind: "chapSecret"; readonly file: string }
	/** What the files of `Begin.listen.nbdTls` hold now: the answer is a `ReadMaterial`. */
	| { readonly kind: "nbdKeys" }
	/** What the files of `tls` in `[nbd]` hold for remote disks, whose address names a user or not: likewise. */
	| { readonly kind: "remoteKeys"; readonly hasUser: boolean }
	/** Where a host is: the answer has `addresses`, at least one, numbers of IPv4 and IPv6. */
	| { readonly kind: "addresses"; readonly host: string }
	/** Starts the process of a tunnel (`gre:PEER`). The answer has the other end of its stream. */
	| { readonly kind: "tunnel"; readonly peer: string }
	/** Its channel to control is gone, or never came: another one is made, if there is a control. */
	| { readonly kind: "join" }
	/** Control alone, as all that follow: the answer is `FoundSources`. What can be opened follows from it from now on. */
	| { readonly kind: "sources" }
	/** What the token is now; the answer has none if there is none. */
	| { readonly kind: "token" }
	/** What is in a kept file: the answer has its bytes, and `isThere`; or `damage`, why it can't be read any more. */
	| { readonly kind: "kept"; readonly name: string }
	/** One that can't be understood is put out of the way: the answer has its new name, `aside`. */
	| { readonly kind: "setAside"; readonly name: string }
	/** Its bytes come beside; answered when they are on stable storage. */
	| { readonly kind: "keep"; readonly name: string }
	| { readonly kind: "processes" }
	/** Listens where the files that were last read say. The answer has `listeners`, their descriptors, and `wrong`. */
	| { readonly kind: "listeners" }
	/** Whether that file would be opened for a disk, by what the files name and allow: refused if not. Nothing is opened. */
	| { readonly kind: "permit"; readonly path: string; readonly readOnly: boolean }
	/** The same of `unix:PATH` or `gre:PEER`. */
	/** Whether a disk may want a proof by the secret in that file: refused if not. */
	| { readonly kind: "permitSecret"; readonly file: string }
	| { readonly kind: "permitLink"; readonly link: string }
	/** How fast interfaces are. The answer has `speeds`, by name, in bits per second, as far as the kernel knows. */
	| { readonly kind: "speeds"; readonly names: readonly string[] }
	/** This worker says what none says: it is ended, and started again. */
	| { readonly kind: "replace"; readonly index: number }
	/** What the service manager shall know. */
	| { readonly kind: "notify"; readonly state: "ready" | "reloading"; readonly status: string };
