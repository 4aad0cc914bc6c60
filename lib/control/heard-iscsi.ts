/** The parts of what a worker says that are of iSCSI: how a disk stands with initiators, and who could not log in. Used by `heard.ts`. */

import {
	type Check,
	isEither,
	isFlag,
	isList,
	isNull,
	isOneOf,
	isShape,
	isTable,
} from "../channel/checks.js";
import { LOGIN_REFUSALS } from "../daemon/iscsi-state.js";
import { isWord } from "../daemon/worker-requests.js";
import { isNumber, isWordOrNull } from "./heard-disk.js";

const MOST_SESSIONS = 1024;
/** Told of. */
const MOST_REFUSALS = 64;
const MOST_SENSES = 16;
const LONGEST_SENSE = 64;

const isSession = isShape({
	...{ peer: isWord, initiator: isWord, user: isWordOrNull, isid: isWord },
	...{ headerDigest: isFlag, dataDigest: isFlag, since: isWord, underWay: isNumber },
	...{ reads: isNumber, readBytes: isNumber, writes: isNumber, writtenBytes: isNumber, errors: isNumber },
});

export const isIscsi: Check = isEither(
	isNull,
	isShape({
		...{ target: isWord, lun: isNumber, removable: isFlag, refused: isNumber, unavailable: isWordOrNull },
		sessionCount: isNumber,
		sessions: isList(isSession, MOST_SESSIONS),
	}),
);

const isRefused = isShape({
	...{ at: isWord, peer: isWord, initiator: isWordOrNull, target: isWordOrNull, why: isWord },
	reason: isOneOf(LOGIN_REFUSALS),
});

export const isIscsiReport = isShape({
	refusals: isShape(Object.fromEntries(LOGIN_REFUSALS.map((reason) => [reason, isNumber]))),
	latest: isList(isRefused, MOST_REFUSALS),
	errors: isTable(isNumber, MOST_SENSES, LONGEST_SENSE),
	...{ headerDigestErrors: isNumber, dataDigestErrors: isNumber },
});
