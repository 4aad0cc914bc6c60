/**
 * What another process has answered that is no answer: it refuses, it does not answer in time, or it is gone. Whatever it says, to who asked
 * that is an OperatorError, in words. Used by what asks over channels: `tree-opener.ts`, `tree-workers.ts`.
 */

import { NoAnswerError } from "../channel/asking.js";
import { OperatorError } from "../errors.js";
import { isNativeError } from "../native.js";

/** The worker is not there, or ended before it answered: that is told of the worker, and is nothing about what it was asked for. */
export class AbsentError extends OperatorError {
	override name = "AbsentError";
}

/** What to throw of an error that was thrown for a question. Our own bugs stay what they are. */
export function asRefusal(who: string, error: unknown): unknown {
	const isRefusal = error instanceof NoAnswerError || isNativeError(error);
	return isRefusal ? new OperatorError(`${who}: ${error.message}`) : error;
}
