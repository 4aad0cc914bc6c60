/**
 * What is thrown, sorted: what can be told to an operator becomes words, or is let be; bugs of our own go on. Used all over this room.
 */

import { OperatorError } from "../errors.js";

/** What the operator did wrong, or what went wrong on the way. */
export function messageOf(error: unknown): string {
	if (error instanceof OperatorError) return error.message;
	throw error;
}

/** For what somebody else tells of. */
export function unlessBug(error: unknown): undefined {
	if (!(error instanceof OperatorError)) throw error;
}
