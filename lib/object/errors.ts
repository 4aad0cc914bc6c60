/**
 * How a request to an object store or a head fails: a closed set of four kinds, since what is to be done next hangs on which one it
 * was. Thrown by every backend; `attempts.ts` tries again by it, and whoever asked switches over it.
 */

export const ObjectFault = {
	/** There is no such object: the store knows, it does not guess. */
	absent: "absent",
	/** No answer, or one that says nothing of the object (503, timeout, refused, reset, "again"): it may be there, what was asked may have been done. */
	unavailable: "unavailable",
	/** The store does not want us (401, 403), has no room for us (quota), or does not know what we ask. Asking again changes nothing. */
	refused: "refused",
	/** An answer that is not what was asked for: too short, of another length, of another checksum. */
	damaged: "damaged",
} as const;
export type ObjectFault = (typeof ObjectFault)[keyof typeof ObjectFault];

export class ObjectError extends Error {
	override name = "ObjectError";

	/** @param message one line that names the store and what was asked of it */
	constructor(
		readonly kind: ObjectFault,
		message: string,
		/** What was asked did not get as far as being done. */
		readonly isUndone = false,
	) {
		super(message);
	}
}

export function isFault(error: unknown, kind: ObjectFault): boolean {
	return error instanceof ObjectError && error.kind === kind;
}
