/**
 * What control says to a worker, and a worker to control. A disk is spoken of by its name, with all that it is served as. Types only.
 */

import type { Subject } from "../log.js";
import type { Sight } from "../pool/looks.js";
import type { LocalBytes } from "../pool/store/local-sizes.js";
import type { PoolSettings, SettingsChange } from "../spec/policy.js";
import type { DiskSpec, ExportSpec, IdentitySpec, LinkSpec } from "../spec/spec.js";
import type { SetOnDisk } from "./set-access.js";

/** One disk with its exports. */
export interface WorkerDisk {
	readonly disk: DiskSpec;
	readonly exports: readonly ExportSpec[];
	readonly links: readonly LinkSpec[];
	readonly fenced: boolean;
	/** What control knows it by: the same for what is served the same way. */
	readonly fingerprint: string;
	readonly set: SetOnDisk;
}

/** What a worker says that it serves. */
export interface Serving {
	readonly name: string;
	readonly fingerprint: string;
	readonly set: SetOnDisk;
	/** As control has given it. */
	readonly identity: IdentitySpec | undefined;
}

export interface ServingSome {
	readonly disks: readonly Serving[];
	readonly isMore: boolean;
}

/** What is done with a pool. */
export type PoolAct =
	/** `isNow`: with all that was written by now, or else with what was trimmed. */
	| { readonly act: "look"; readonly isNow: boolean; readonly sight: Sight }
	/** A new one on these disks. `force`: whatever they have is given up. */
	| { readonly act: "make"; readonly disks: readonly string[]; readonly force: boolean }
	/** One more of the disks that are configured for it is used. */
	| { readonly act: "addDisk"; readonly disk: string; readonly force: boolean }
	/** It is emptied, and then is none of them; or is not emptied any more. */
	| { readonly act: "removeDisk"; readonly disk: string; readonly force: boolean }
	| { readonly act: "keepDisk"; readonly disk: string }
	/** It is opened although so many bytes are lost that another host has acknowledged. */
	| { readonly act: "takeOver"; readonly loseBytes: number }
	| { readonly act: "forgetLost"; readonly epoch: number }
	/** It is opened although it is a replica of another one, and is a pool of its own from then on. */
	| { readonly act: "promote" }
	/** It was a replica of another one, and is one again, although so much is lost that was written to it since. */
	| { readonly act: "demote"; readonly loseBytes: number }
	/** What is changed by now is brought to its object store, if that does not take long: the look says whether it is there. */
	| { readonly act: "ship" }
	/** To a host that waits for it. */
	/** `to`: what the host is called that is to have it. */
	| { readonly act: "handOver"; readonly to?: string }
	| { readonly act: "create"; readonly name: string; readonly sizeBytes: number; readonly pageBytes: number }
	/** `isAnother`: initiators that have used it find another disk. */
	| {
			readonly act: "resize";
			readonly name: string;
			readonly sizeBytes: number;
			readonly mayShrink: boolean;
			readonly isAnother: boolean;
	  }
	| { readonly act: "rename"; readonly name: string; readonly to: string }
	/** It goes on as the other one is, which is no more. Its snapshots stay. `isAnother`: as above. */
	| { readonly act: "replace"; readonly name: string; readonly by: string; readonly isAnother: boolean }
	| { readonly act: "set"; readonly name: string; readonly settings: SettingsChange }
	/** What a configuration says of it, and snapshots, as `web@monday`, that no schedule removes. */
	| {
			readonly act: "configure";
			readonly settings: PoolSettings;
			readonly spared: readonly string[];
			/** It is opened although disks of it are missing. */
			readonly partial?: boolean;
			/** Those that are named for it: what is another since it was last said is followed. */
			readonly disks?: readonly string[];
			/** Which replicas it is to have, by `replicasText`; left out: none. */
			readonly replicas?: string;
			/** Of one in an object store: how much of it may be on this host. */
			readonly sizes?: LocalBytes;
	  }
	/** Its clock is right. */
	| { readonly act: "trustClock" }
	/** With all that it holds. */
	| { readonly act: "remove"; readonly name: string }
	/** All of one moment. */
	| {
			readonly act: "snapshot";
			/** `from`: by what id it is known in the pool that it is a copy from. */
			readonly wanted: readonly { readonly volume: string; readonly name: string; readonly from?: string }[];
	  }
	| { readonly act: "clone"; readonly volume: string; readonly snapshot: string; readonly name: string }
	| { readonly act: "rollback" | "forget"; readonly volume: string; readonly snapshot: string }
	| { readonly act: "hold"; readonly volume: string; readonly snapshot: string; readonly isHeld: boolean };

/** A piece of what a volume shall hold. */
export interface WrittenPiece {
	readonly kind: "data" | "zero";
	readonly offsetBytes: number;
	readonly lengthBytes: number;
}

/**
 * What is asked about what a volume was: `web@monday`, or, when it is first asked about, `web` and `web@-10m`. Or of one that is being filled:
 * `web.part`, `web.part.state`. `id`: what `about` has said, so that nobody is told of what has got the name since.
 */
export type VolumeQuestion =
	/** Under which name it can be asked about from now on, whatever is written. */
	| { readonly ask: "about"; readonly name: string }
	/** The answer has bytes. */
	| {
			readonly ask: "read";
			readonly name: string;
			readonly id?: string | undefined;
			readonly offsetBytes: number;
			readonly lengthBytes: number;
	  }
	/** Where there is data. */
	| {
			readonly ask: "runs";
			readonly name: string;
			readonly id?: string | undefined;
			readonly offsetBytes: number;
			readonly lengthBytes: number;
	  }
	/** What may differ from what another one was, from a byte on. */
	| {
			readonly ask: "changes";
			readonly name: string;
			readonly id?: string | undefined;
			readonly before: string;
			readonly beforeId?: string | undefined;
			readonly offsetBytes: number;
	  }
	/** Comes with the bytes of all pieces of data. `sync`: answered when all that was ever written is on stable storage. */
	| {
			readonly ask: "write";
			readonly name: string;
			readonly pieces: readonly WrittenPiece[];
			readonly sync: boolean;
	  }
	/** Whether a stretch from a byte on can be read, as far as it differs from what was looked at before: how far that is, and what can't. */
	| {
			readonly ask: "verify";
			readonly name: string;
			readonly id?: string | undefined;
			readonly before?: string | undefined;
			readonly beforeId?: string | undefined;
			readonly offsetBytes: number;
			/** Not only where the pages are. */
			readonly doPages: boolean;
	  }
	/** What holds the pool together, step by step: `ScrubStep`; `isLight`: only whether what a store has of it is there. */
	| { readonly ask: "scrub"; readonly step: number; readonly isLight: boolean }
	/** A stretch of a clone, from a byte on, gets pages of its own. */
	| { readonly ask: "flatten"; readonly name: string; readonly offsetBytes: number }
	/** Nothing more is to be asked. */
	| { readonly ask: "release"; readonly name: string };

/** What control asks. What is answered to a change of a disk (`add`, `change`, `withdraw`, `fence`) has `report`: how it stands then. */
export type WorkerRequest =
	| { readonly kind: "alive" }
	/** What it serves, from one on, some at a time: the answer is `ServingSome`. */
	| { readonly kind: "serving"; readonly from: number }
	/** Opens and serves it; answered when that is so. */
	| { readonly kind: "add"; readonly disk: WorkerDisk }
	/** It can't be added yet, for that reason, which its clients are told. One that is served is not meant. */
	| {
			readonly kind: "expect";
			readonly name: string;
			readonly exports: readonly ExportSpec[];
			readonly why: string;
	  }
	/** Of what can be changed while it is served. */
	| {
			readonly kind: "change";
			readonly disk: DiskSpec;
			readonly exports: readonly ExportSpec[];
			readonly fingerprint: string;
	  }
	/** Its exports are removed, it stays open; to add it again is to export it again. */
	| { readonly kind: "withdraw"; readonly name: string }
	/** The answer has `end`. `comesAgain`: it is added again soon, and initiators are told so. */
	| {
			readonly kind: "remove";
			readonly name: string;
			readonly limitMs?: number;
			readonly comesAgain?: boolean;
	  }
	| { readonly kind: "fence"; readonly name: string; readonly fenced: boolean }
	/**
	 * Compares a stretch of the disks of a mirror, from a byte on. Where they differ the others get what most of them have (`byMajority`), or
	 * what `from` has; with both that only where there is no majority. The answer is `Compared`.
	 */
	| {
			readonly kind: "verify";
			readonly name: string;
			readonly offsetBytes: number;
			readonly byMajority: boolean;
			readonly from?: string;
	  }
	/** Has a disk of a mirror overwritten with what that has. */
	| { readonly kind: "resync"; readonly name: string; readonly part: string }
	/** What has changed since the look with this number; 0: all. The answer has bytes. */
	| { readonly kind: "look"; readonly since: number }
	/** Of the pool in that directory, which is this worker's: the answer is a `PoolLook`, or its beginning. */
	| { readonly kind: "pool"; readonly pool: string; readonly act: PoolAct }
	| { readonly kind: "volume"; readonly pool: string; readonly question: VolumeQuestion }
	/** How further disks stand, after a look that has not told all that are new. */
	| { readonly kind: "reports" };

/** What a worker tells without being asked: a line of the log, as an event. */
export interface WorkerNews {
	readonly kind: "happened";
	readonly level: "error" | "warn" | "info";
	readonly message: string;
	readonly subject?: Subject;
}

/** What a worker asks: to keep all that initiators have set on a disk; answered when that is on stable storage. One at a time of a disk. */
export interface WorkerQuestion {
	readonly kind: "set";
	readonly disk: string;
	readonly set: SetOnDisk;
}
