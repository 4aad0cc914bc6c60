/**
 * What the control process needs of the others, and what they have to tell it: the opener reads and keeps files for it, the workers
 * serve disks for it. What goes wrong on the way rejects with an OperatorError. Control is written against these alone: the process tree puts
 * channels behind them, tests put fakes.
 */

import type { IscsiReport } from "../daemon/iscsi-state.js";
import type { Compared } from "../daemon/mirrors.js";
import type { PoolAct, VolumeQuestion, WorkerRequest } from "../daemon/worker-messages.js";
import type { ListenerName } from "../opener/messages.js";
import type { PoolLook } from "../pool/looks.js";
import type { Sources } from "../spec/config.js";
import type { DiskConfig } from "../spec/configuration.js";
import type { LinkSpec } from "../spec/spec.js";
import type { Happening } from "./event-log.js";
import type { VolumeAnswers } from "./heard-volume.js";
import type {
	AoeExport,
	Counters,
	IscsiExport,
	Link,
	MirroredPart,
	NbdExport,
	Operation,
	Process,
	RemoteState,
	TlsRefusals,
} from "./model.js";

/** Where the API, or whoever has boot scripts, listens: an address of the configuration, or `unix:PATH` for commands. */
export interface Listening extends ListenerName {
	/** Of a socket that listens; whoever asked has it now. */
	readonly descriptor: number;
}

/** Keeps small files of the state by fixed names. */
export interface Keeper {
	/** Resolves when it is on stable storage; another file of this name is replaced as a whole. */
	keep(name: string, bytes: Uint8Array): Promise<void>;
	/** Undefined: nothing was ever kept by this name. Rejects with a DamagedError if what was kept can't be read any more. */
	kept(name: string): Promise<Uint8Array | undefined>;
	/** Puts one that can't be understood out of the way. Its new name. */
	setAside(name: string): Promise<string>;
}

export interface Opener extends Keeper {
	/** All but what `keep` has been given. */
	readSources(): Promise<Omit<Sources, "runtime">>;
	/** Without the newline; undefined: none is configured, or it can't be read. */
	readToken(): Promise<string | undefined>;
	/** All processes of the tree, as the opener sees them. */
	processes(): Promise<readonly Process[]>;
	/** Listens where the files that were last read say, and nowhere else. `wrong`: where it can't, a line each. */
	listeners(): Promise<{ readonly listeners: readonly Listening[]; readonly wrong: readonly string[] }>;
	/** Why it would not open that file, that link (`unix:PATH`, `gre:ADDRESS`), or that secret of CHAP, for a disk; undefined: it would try. */
	whyNotFile(path: string, readOnly: boolean): Promise<string | undefined>;
	whyNotLink(link: string): Promise<string | undefined>;
	whyNotSecret(file: string): Promise<string | undefined>;
	/** Bits per second of those interfaces that the kernel knows it of, by name. */
	speeds(names: readonly string[]): Promise<ReadonlyMap<string, number>>;
}

/** Made once, by chance. */
export interface DiskIdentity {
	readonly serial: string;
	/** 16 hexadecimal digits. */
	readonly wwn: string;
}

/** What has to survive every restart, by name of the disk. */
export interface KeptDisk extends DiskIdentity {
	/** It is added so that nobody is answered. */
	readonly fenced?: boolean;
	/** What initiators have set, as the worker has told it. */
	readonly set?: unknown;
	/** Bytes of the disks that it is made of, as they were when it was last opened, but of the last one. */
	readonly lengths?: Readonly<Record<string, number>>;
}

/** A disk that a worker has. */
export interface ServedDisk {
	readonly name: string;
	/** What `add` and `change` were last given. */
	readonly fingerprint: string;
}

export type Removed = "closed" | "abandoned" | "opening";

/** Latency as counted: how many requests in each class of `lib/histogram.ts`. */
export interface Measured {
	readonly counts: ArrayLike<number>;
	readonly sumSeconds: number;
}

export type MeasuredByOperation = Readonly<Record<Operation, Measured | null>>;

/** What a worker has counted of a disk since it was started. */
export interface DiskFigures {
	readonly name: string;
	readonly counters: Counters;
	readonly causes: Readonly<Record<string, number>>;
	readonly underWay: number;
	readonly delayed: number;
	readonly delayedSeconds: number;
	/** Milliseconds since 1970. */
	readonly lastSeenMs: number | null;
	readonly latency: MeasuredByOperation;
	/** Who has asked most of it since the last look. */
	readonly busiestInitiator: string | null;
}

/** What an initiator has asked for since the worker was started. */
export interface InitiatorCounts {
	readonly counters: Counters;
	readonly lastSeenMs: number | null;
	readonly latency: MeasuredByOperation;
}

/** Of all its disks together. The same object as at the last look if nothing has changed. */
export interface InitiatorFigures extends InitiatorCounts {
	readonly mac: string;
	readonly link: string;
	readonly disks: readonly string[];
	/** Of one of its disks alone: as of the last look, and as of the one before. */
	readonly onDisk: (
		disk: string,
	) => { readonly now: InitiatorCounts; readonly before: InitiatorCounts } | undefined;
}

/** What a worker says of a disk that it has, beside what it counts. */
export interface DiskView {
	readonly name: string;
	readonly phase: "open" | "draining" | "abandoned";
	readonly sizeBytes: number;
	readonly readOnly: boolean;
	readonly aoe: AoeExport | null;
	readonly nbd: NbdExport | null;
	readonly iscsi: IscsiExport | null;
	readonly remote: RemoteState | null;
	/** Where the disks lie in it that it is made of. */
	readonly parts: readonly PartPlace[] | null;
	readonly lastFault: string | null;
	readonly stalledSince: string | null;
	/** What initiators know it by; null: it is not open. */
	readonly identity: { readonly serial: string; readonly wwn: string } | null;
	/** Of a file that is shorter than what is served of it. */
	readonly shrunkBytes: number | null;
}

export interface PartPlace {
	readonly disk: string;
	readonly offsetBytes: number;
	readonly sizeBytes: number;
	readonly mirrored: MirroredPart | null;
}

/** How a link runs that is open. */
export interface LinkOptions {
	readonly name: string;
	readonly pollUs: number;
	readonly xdp: boolean;
}

export type LinkView = Omit<Link, "worker" | "framesInPerSecond" | "framesOutPerSecond">;

/** What has changed in a worker since it was last looked at. */
export interface Look {
	readonly worker: number;
	/** Another number: it was started again, and has counted from nothing. */
	readonly life: number;
	readonly figures: readonly DiskFigures[];
	readonly views: readonly DiskView[];
	/** All that it has. */
	readonly links: readonly LinkView[];
	readonly linkOptions: readonly LinkOptions[];
	readonly initiators: readonly InitiatorFigures[];
	/** Why nobody can connect at addresses that NBD and iSCSI should be served at. */
	readonly unheard: readonly string[];
	readonly nbdTls: TlsRefusals;
	readonly iscsi: IscsiReport;
}

/** What is compared of a mirror, from a byte on; what the others get where they differ, see `WorkerRequest`. */
export type Comparing = Omit<Extract<WorkerRequest, { readonly kind: "verify" }>, "kind">;

export interface WorkersListener {
	/** What it had has to be added again. */
	started(worker: number): void;
	/** It serves a disk as this one: told before what initiators have set on it. */
	recognized(disk: string, identity: DiskIdentity): void;
	happened(happening: Happening): void;
	/** How a disk stands that has just been changed. */
	seen(view: DiskView): void;
	/** An initiator has set something that has to survive. Resolves when it does; then the initiator may be answered. */
	set(disk: string, what: unknown): Promise<void>;
}

export interface Workers {
	listen(listener: WorkersListener): void;
	serving(): Promise<readonly ServedDisk[]>;
	/** These are all disks that there shall be, told before any of them is added: some belong together. */
	arrange(disks: readonly DiskConfig[]): void;
	/** Which one serves, or would serve, the disk. */
	workerOf(disk: string): number;
	/** Resolves when it is served; throws an OperatorError if it can't be. One that was withdrawn is open already. */
	add(disk: DiskConfig, links: readonly LinkSpec[], kept: KeptDisk, fingerprint: string): Promise<void>;
	/** It can't be added yet, for that reason, or it is not known when: its clients are told to come again. */
	expect(disk: DiskConfig, why: string): Promise<void>;
	/** What is live: MAC mask, buffer count, config string, limit. */
	change(disk: DiskConfig, fingerprint: string): Promise<void>;
	/** Its exports are removed; it stays open. */
	withdraw(disk: string): Promise<void>;
	/** Also calls off one that is still being added. */
	remove(disk: string, comesAgain: boolean): Promise<Removed>;
	/** Of one that is open: nobody is answered, or all are again. */
	fence(disk: string, fenced: boolean): Promise<void>;
	/** Compares a stretch of the disks of a mirror. */
	compare(comparing: Comparing): Promise<Compared>;
	/** Has a disk of a mirror overwritten with what that has. */
	resync(disk: string, part: string): Promise<void>;
	/** What the pool in that directory is like, once that is done with it. */
	pool(folder: string, act: PoolAct): Promise<PoolLook>;
	/** What a volume of the pool in that directory holds, or held; or what it shall hold, which are these bytes. */
	volume<Question extends VolumeQuestion>(
		folder: string,
		question: Question,
		bytes?: Uint8Array,
	): Promise<VolumeAnswers[Question["ask"]]>;
	/** What those have to tell that answer within a moment; the others are not waited for. */
	look(): Promise<readonly Look[]>;
	/** It is gone for good: who has used it is nobody's business any more. */
	forget(disk: string): void;
	/** Whether each answers, as far as is known. */
	answers(): readonly boolean[];
	/** Those that don't, a line each. */
	troubles(): readonly string[];
}
