/**
 * What a worker answers about what a volume holds, made sure of as all that it says (`heard.ts`). Used by `tree-workers.ts`.
 */

import type { Delivery } from "../channel/asking.js";
import {
	type Check,
	isCount,
	isEither,
	isFlag,
	isList,
	isNull,
	isOneOf,
	isShape,
} from "../channel/checks.js";
import { FrameError } from "../channel/frames.js";
import type { Stretch } from "../daemon/volume-passes.js";
import type { VolumeQuestion } from "../daemon/worker-messages.js";
import { isWord } from "../daemon/worker-requests.js";
import { HISTOGRAM_CLASSES } from "../histogram.js";
import type { ScrubStep } from "../pool/scrub.js";
import { REPLICA_STANDINGS } from "../pool/stored-look.js";
import { POOL_DISKS_MAX } from "../spec/ranges.js";
import { isWordOrNull } from "./heard-disk.js";

/** A part of a volume, in bytes. */
interface Part {
	readonly offsetBytes: number;
	readonly lengthBytes: number;
}

/** By what was asked. */
export interface VolumeAnswers {
	/** `id`: another one whenever it may hold anything else. */
	readonly about: {
		readonly name: string;
		readonly sizeBytes: number;
		readonly pageBytes: number;
		readonly id: string;
	};
	readonly read: { readonly bytes: Uint8Array };
	readonly runs: { readonly runs: readonly (Part & { readonly kind: "data" | "hole" })[] };
	readonly verify: Stretch;
	readonly flatten: Stretch;
	readonly scrub: ScrubStep;
	readonly write: object;
	readonly release: object;
	readonly changes: { readonly ranges: readonly (Part & { readonly mayBeSame: boolean })[] };
}

const MOST = 4096;
const isNumber = isCount(Number.MAX_SAFE_INTEGER);
const isSeconds: Check = (value) => typeof value === "number" && Number.isFinite(value) && value >= 0;
const PART = { offsetBytes: isNumber, lengthBytes: isNumber };

const isFinding = isShape({ offsetBytes: isNumber, what: isWord });
const isStretch = isShape({ reachedBytes: isNumber, findings: isList(isFinding, MOST) });

const ANSWERS: Readonly<Record<VolumeQuestion["ask"], Check>> = {
	about: isShape({ name: isWord, sizeBytes: isNumber, pageBytes: isNumber, id: isWord }),
	read: isShape({}),
	verify: isStretch,
	flatten: isStretch,
	scrub: isShape({ reached: isNumber, total: isNumber, damaged: isList(isWord, MOST) }),
	write: isShape({}),
	release: isShape({}),
	runs: isShape({ runs: isList(isShape({ ...PART, kind: isOneOf(["data", "hole"]) }), MOST) }),
	changes: isShape({ ranges: isList(isShape({ ...PART, mayBeSame: isFlag }), MOST) }),
};

/** Throws a FrameError if it is none to that question. */
export function volumeIn<Question extends VolumeQuestion>(
	question: Question,
	{ body, bytes = new Uint8Array(0) }: Delivery,
): VolumeAnswers[Question["ask"]] {
	const asked: VolumeQuestion = question;
	const isWhole = asked.ask !== "read" || bytes.length === asked.lengthBytes;
	if (!isWhole || !ANSWERS[asked.ask](body)) throw new FrameError("what it says of a volume can't be that");
	return { ...body, bytes } as unknown as VolumeAnswers[Question["ask"]];
}

/** Of one kind and one end: no server makes up so many. */
const MOST_REQUESTS = 1024;
const isClass = isList(isNumber, 2);

/** As a superblock has. */
const MOST_LOST = 64;

/** How a pool stands with its object store. */
export const isStored = isShape({
	...{ store: isWord, head: isWord, trouble: isWordOrNull },
	...{ unshippedBytes: isNumber, objects: isNumber, storedBytes: isNumber, fetchedBytes: isNumber },
	...{ unshippedSeconds: isSeconds, leaseSeconds: isEither(isNull, isSeconds) },
	isReplicaOf: isWordOrNull,
	lost: isList(isShape({ epoch: isNumber, bytes: isNumber, seconds: isNumber }), MOST_LOST),
	requests: isList(
		isShape({ op: isWord, code: isWord, sumUs: isSeconds, counts: isList(isClass, HISTOGRAM_CLASSES) }),
		MOST_REQUESTS,
	),
});

/** To whom a pool was handed over. */
export const isHandedOver = isShape({ to: isWord, epoch: isNumber, pauseMs: isSeconds, isOpen: isFlag });

const MOST_REPLICAS = 64;

const isSide = isEither(isNull, isShape({ bytes: isNumber, seconds: isSeconds }));

/** Those that follow a pool. */
export const isReplicas = isList(
	isShape({
		...{ name: isWord, trouble: isWordOrNull, givenUp: isNumber },
		...{ lagBytes: isNumber, lagSeconds: isSeconds, sentBytes: isNumber },
		state: isOneOf(REPLICA_STANDINGS),
		promoted: isEither(isNull, isShape({ by: isWord, since: isWordOrNull, here: isSide, there: isSide })),
	}),
	MOST_REPLICAS,
);

/** Those that a pool is on. */
export const isPoolDisks = isList(
	isShape({
		...{ disk: isWord, state: isOneOf(["in use", "leaving", "missing"]) },
		...{ sizeBytes: isNumber, usedBytes: isNumber, trouble: isWordOrNull },
	}),
	POOL_DISKS_MAX,
);
