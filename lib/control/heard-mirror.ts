/** What a worker answers about a mirror that it compares, made sure of as all that it says (`heard.ts`). Used by `tree-workers.ts`. */

import { isFlag, isList, isShape } from "../channel/checks.js";
import { FrameError } from "../channel/frames.js";
import type { Compared } from "../daemon/mirrors.js";
import { isWord } from "../daemon/worker-requests.js";
import { MIRRORED_MAX } from "../spec/ranges.js";
import { isNumber } from "./heard-disk.js";

const MOST = 1024;

const isCompared = isShape({
	...{ reachedBytes: isNumber, sizeBytes: isNumber, comparedBytes: isNumber, differentBytes: isNumber },
	...{ repairedBytes: isNumber, unknownBytes: isNumber, rangeCount: isNumber },
	ranges: isList(
		isShape({
			...{ offsetBytes: isNumber, lengthBytes: isNumber, disk: isWord, isRepaired: isFlag },
			differing: isList(isWord, MIRRORED_MAX),
		}),
		MOST,
	),
});

/** Throws a FrameError if it is none. */
export function comparedIn(words: Readonly<Record<string, unknown>>): Compared {
	if (isCompared(words)) return words as unknown as Compared;
	throw new FrameError("its comparison of a mirror is none");
}
