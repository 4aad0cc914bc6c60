/** Parts of objects, as HTTP asks for them, and whether it is that part that has come. Used by `s3.ts` and `swift.ts`. */

import { ObjectError, ObjectFault } from "./errors.js";
import type { Answer } from "./http.js";
import type { ByteRange } from "./store.js";

const PARTIAL = 206;

export function rangeText({ offset, length }: ByteRange): string {
	return `bytes=${offset}-${offset + length - 1}`;
}

/** Throws an `ObjectError` if the answer is another part than was asked for. */
export function checkRange(what: string, answer: Answer, { offset, length }: ByteRange): void {
	const said = answer.header("content-range") ?? "";
	const [, first, last] = /^bytes (\d+)-(\d+)\//.exec(said) ?? [];
	// A server may send all of it instead, which is right if that was asked for.
	const isRight =
		answer.status === PARTIAL
			? Number(first) === offset && Number(last) === offset + length - 1
			: offset === 0;
	if (!isRight || answer.body.length !== length)
		throw new ObjectError(
			ObjectFault.damaged,
			`${what}: ${answer.body.length} bytes (${said || "no range"}) where ${length} from ${offset} were asked for`,
		);
}
