/**
 * What a worker says, made sure of before anything is done with it: it hears the network, and somebody may have taken it over. One whose
 * words are none, or more than any worker has, is heard no more (`FrameError`), and is replaced. Used by `tree-workers.ts`.
 */

import {
	type Check,
	isEither,
	isFlag,
	isList,
	isMissing,
	isNull,
	isOneOf,
	isShape,
	isTable,
	isText,
} from "../channel/checks.js";
import { FrameError } from "../channel/frames.js";
import { isMac } from "../daemon/set-access.js";
import type { DiskReport } from "../daemon/state.js";
import type { WorkerLook, WorkerReports } from "../daemon/worker-look.js";
import type { ServingSome, WorkerNews, WorkerQuestion } from "../daemon/worker-messages.js";
import { isSetOnDisk, isWord, LONGEST, MOST_LINKS } from "../daemon/worker-requests.js";
import { POOL_SUBJECTS } from "../log.js";
import { type PoolLook, TOLD_MAX } from "../pool/looks.js";
import { POOL_FULL_REASONS } from "../pool/told.js";
import { PERIODS } from "../spec/policy.js";
import type { Happening } from "./event-log.js";
import { isNbd, isNumber, isParts, isRemote, isTlsRefusals, isWordOrNull } from "./heard-disk.js";
import { isIscsi, isIscsiReport } from "./heard-iscsi.js";
import { isHandedOver, isPoolDisks, isReplicas, isStored } from "./heard-volume.js";

type Words = Readonly<Record<string, unknown>>;

/** Of disks, of links, and of initiators: more than one worker serves. */
const MOST = 65_536;
const MOST_PLACES = 4096;
const MOST_MACS = 1024;

const isNamed = isShape({ number: isNumber, name: isWord });
const isNumbers = isList(isNumber, MOST);

const isNames = isShape({
	isWhole: isFlag,
	disks: isList(isNamed, MOST),
	links: isList(isNamed, MOST_LINKS),
	initiators: isList(isShape({ number: isNumber, mac: isMac, disk: isNumber, link: isNumber }), MOST),
	gone: isShape({ disks: isNumbers, links: isNumbers, initiators: isNumbers }),
});

const isExport = isShape({
	address: isWord,
	places: isList(
		isShape({ link: isWord, state: isWord, rival: isWordOrNull, since: isWordOrNull }),
		MOST_PLACES,
	),
	macs: isEither(isNull, isList(isWord, MOST_MACS)),
	reservedBy: isList(isWord, MOST_MACS),
	configString: isWord,
});

const isDisk = isShape({
	name: isWord,
	phase: isWord,
	open: isEither(isNull, isShape({ sizeBytes: isNumber, readOnly: isFlag, serial: isWord, wwn: isWord })),
	lastFault: isEither(
		isNull,
		isShape({ what: isWord, lba: isEither(isNull, isNumber), cause: isWord, at: isWord }),
	),
	stalledSince: isWordOrNull,
	shrunkBytes: isEither(isNull, isNumber),
	exports: isList(isExport, MOST_PLACES),
	nbd: isEither(isNull, isNbd),
	iscsi: isIscsi,
	remote: isEither(isNull, isRemote),
	parts: isEither(isNull, isParts),
});

const isLink = isShape({
	name: isWord,
	status: isWord,
	isUp: isFlag,
	mac: isWord,
	mtu: isNumber,
	blades: isNumber,
	pollUs: isNumber,
	xdp: isFlag,
});

const isLook = isShape({
	names: isNames,
	worker: isShape({
		links: isList(isLink, MOST_LINKS),
		unheard: isList(isWord, MOST_PLACES),
		nbdTls: isTlsRefusals,
		iscsi: isIscsiReport,
	}),
	disks: isList(isDisk, MOST),
	isMore: isFlag,
});
const isReport = isShape({ report: isEither(isMissing, isDisk) });
const isReports = isShape({ disks: isList(isDisk, MOST), isMore: isFlag });

const isIdentity = isShape({ serial: isText(20), wwn: isText(16) });
const isServing = isShape({
	disks: isList(
		isShape({
			name: isWord,
			fingerprint: isWord,
			set: isSetOnDisk,
			identity: isEither(isMissing, isIdentity),
		}),
		MOST,
	),
	isMore: isFlag,
});
const isSet = isShape({ kind: isOneOf(["set"]), disk: isWord, set: isSetOnDisk });
const isNews = isShape({
	kind: isOneOf(["happened"]),
	level: isOneOf(["error", "warn", "info"]),
	message: (value) => typeof value === "string",
	subject: isEither(
		isEither(
			isMissing,
			isShape({
				kind: isOneOf(POOL_SUBJECTS),
				pool: isWord,
				volume: isEither(isMissing, isWord),
			}),
		),
		isEither(
			isShape({ kind: isOneOf(["nbd-tls", "iscsi-login"]) }),
			isShape({
				kind: isOneOf(["rival", "nbd-client", "iscsi-initiator", "fault", "disk-stalled", "disk-resumed"]),
				disk: isWord,
				link: isEither(isMissing, isWord),
			}),
		),
	),
});
const isEnd = isShape({ end: isEither(isMissing, isOneOf(["closed", "abandoned", "opening"])) });

function heard(what: string, isRight: Check, words: Words): void {
	if (!isRight(words)) throw new FrameError(`what it says is no ${what}`);
}

/** Each throws a FrameError unless it is that. */
export function lookIn(words: Words): WorkerLook {
	heard("look", isLook, words);
	return words as unknown as WorkerLook;
}

export function reportsIn(words: Words): WorkerReports {
	heard("report of disks", isReports, words);
	return words as unknown as WorkerReports;
}

/** How that disk stands now, if it says so. */
export function reportIn(words: Words, disk: string): DiskReport | undefined {
	heard("report of a disk", isReport, words);
	const { report } = words as { readonly report?: DiskReport };
	if (report !== undefined && report.name !== disk) throw new FrameError("it reports on another disk");
	return report;
}

export function servingIn(words: Words): ServingSome {
	heard("list of what it serves", isServing, words);
	return words as unknown as ServingSome;
}

export function setIn(words: Words): WorkerQuestion {
	heard("question", isSet, words);
	return words as unknown as WorkerQuestion;
}

/** Of the disks and pools of others it has nothing to say. */
export function newsIn(
	words: Words,
	own: ReadonlySet<string>,
	isOwnPool: (path: string) => boolean,
): Happening {
	heard("news", isNews, words);
	const { level, message, subject } = words as unknown as WorkerNews;
	const severity = level === "warn" ? "warning" : level;
	const happening = { kind: "log", severity, message: message.slice(0, LONGEST), isLogged: true } as const;
	if (subject === undefined) return happening;
	if ("pool" in subject) {
		const { kind, pool: poolPath, volume } = subject;
		return isOwnPool(poolPath) ? { ...happening, kind, poolPath, ...(volume && { volume }) } : happening;
	}
	if (!("disk" in subject)) return { ...happening, kind: subject.kind };
	if (!own.has(subject.disk)) return happening;
	const { kind, disk, link } = subject;
	return { ...happening, kind, disk, ...(link !== undefined && { link }) };
}

const isSnapshot = isShape({
	name: isWord,
	sizeBytes: isNumber,
	usedBytes: isNumber,
	uniqueBytes: isNumber,
	created: isWord,
	held: isFlag,
	clones: isList(isWord, MOST),
});
const isTold = (of: Check): Check => isList(of, TOLD_MAX);

const isPool = isShape({
	format: isNumber,
	away: isWordOrNull,
	failed: isWordOrNull,
	unstored: isWordOrNull,
	full: isWordOrNull,
	fullFor: isList(isOneOf(POOL_FULL_REASONS), POOL_FULL_REASONS.length),
	checkpointFailures: isNumber,
	clockDoubt: isEither(isNull, isShape({ shows: isWord, expected: isWord })),
	id: isNumber,
	sizeBytes: isNumber,
	usedBytes: isNumber,
	historyBytes: isNumber,
	freeingBytes: isNumber,
	waitingBytes: isNumber,
	freeBytes: isNumber,
	momentsFrom: isWord,
	unsure: isTold(isShape({ from: isWord, to: isWord })),
	settings: isShape({
		history: isWord,
		historySpace: isWord,
		historyMin: isWord,
		keep: isTable(isWord, PERIODS.length, LONGEST),
	}),
	disks: isEither(isNull, isPoolDisks),
	stored: isEither(isNull, isStored),
	handedOver: isEither(isMissing, isHandedOver),
	isOnlyHere: isEither(isMissing, isFlag),
	onlyRead: isWordOrNull,
	replicas: isReplicas,
	volumeCount: isNumber,
	isMore: isFlag,
	volumes: isTold(
		isShape({
			name: isWord,
			sizeBytes: isNumber,
			pageBytes: isNumber,
			usedBytes: isNumber,
			uniqueBytes: isNumber,
			sharedBytes: isNumber,
			historyBytes: isNumber,
			created: isWord,
			momentsFrom: isWord,
			serial: isWord,
			wwn: isWord,
			history: isWordOrNull,
			keep: isEither(isNull, isTable(isWord, PERIODS.length, LONGEST)),
			quotaBytes: isEither(isNull, isNumber),
			snapshotCount: isNumber,
			snapshots: isTold(isSnapshot),
		}),
	),
});

export function poolIn(words: Words): PoolLook {
	heard("look at a pool", isPool, words);
	return words as unknown as PoolLook;
}

export function endIn(words: Words): "closed" | "abandoned" | "opening" {
	heard("end of a disk", isEnd, words);
	return (words.end ?? "closed") as "closed" | "abandoned" | "opening";
}

/** The numbers beside a look: their bytes lie anywhere, and have to be aligned. Throws a FrameError if they are none. */
export function numbersIn(bytes: Uint8Array = new Uint8Array(0)): Float64Array {
	if (bytes.length % Float64Array.BYTES_PER_ELEMENT !== 0) throw new FrameError("its figures end within one");
	return new Float64Array(bytes.slice().buffer);
}

/** News that a worker may have told beyond what it tells each second: thousands of disks may fail at once. */
const MOST_NEWS = 20_000;
const NEWS_A_SECOND = 100;

/** How much of its news is heard. */
export class Allowance {
	#left = MOST_NEWS;
	#atMs: number;

	constructor(readonly now: () => number) {
		this.#atMs = now();
	}

	/** For one more. Throws a FrameError if that is too much. */
	take(): void {
		const nowMs = this.now();
		this.#left = Math.min(MOST_NEWS, this.#left + ((nowMs - this.#atMs) / 1000) * NEWS_A_SECOND);
		this.#atMs = nowMs;
		if (this.#left < 1) throw new FrameError("it tells more than any worker has to tell");
		this.#left -= 1;
	}
}
