/** The parts of what a worker says of a disk: how it stands with clients of NBD, and with the server that stores it. Used by `heard.ts`. */

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
import { isWord } from "../daemon/worker-requests.js";
import { MEMBERS_MAX } from "../spec/ranges.js";

const MOST_CLIENTS = 1024;

export const isWordOrNull = isEither(isNull, isWord);
export const isNumber = isCount(Number.MAX_SAFE_INTEGER);

/** ISO 8601. */
const isTime: Check = (value) => typeof value === "string" && !Number.isNaN(Date.parse(value));

const isNbdClient = isShape({
	peer: isWord,
	identity: isWordOrNull,
	encryption: isWordOrNull,
	past: isWordOrNull,
	readOnly: isFlag,
	since: isWord,
	underWay: isNumber,
	reads: isNumber,
	readBytes: isNumber,
	writes: isNumber,
	writtenBytes: isNumber,
	errors: isNumber,
});

/** Told of. */
const MOST_REFUSALS = 64;

export const isTlsRefusals = isShape({
	count: isNumber,
	latest: isList(isShape({ at: isWord, peer: isWord, why: isWord }), MOST_REFUSALS),
});

export const isNbd = isShape({
	name: isWord,
	description: isWord,
	refused: isNumber,
	clientCount: isNumber,
	clients: isList(isNbdClient, MOST_CLIENTS),
});

export const isRemote = isShape({
	state: isOneOf(["connected", "connecting", "unreachable", "stopped", "closed"]),
	since: isWord,
	why: isWordOrNull,
	losses: isNumber,
	resends: isNumber,
	waiting: isNumber,
});

/** Of a disk of disks. */
export const isParts = isList(
	isShape({
		...{ disk: isWord, offsetBytes: isNumber, sizeBytes: isNumber },
		mirrored: isEither(
			isNull,
			isShape({
				standing: isOneOf(["inSync", "resyncing", "behind", "absent", "refused"]),
				...{ why: isWordOrNull, behindBytes: isNumber, since: isEither(isNull, isTime) },
				...{ errors: isNumber, repairs: isNumber },
			}),
		),
	}),
	MEMBERS_MAX,
);
