/** What a superblock says of a replica, and of a pool that was one. Types and what is believed of them; a part of `superblock.ts`. */

import { areNumbers } from "../format.js";
import type { JsonObject } from "../stored-json.js";
import { isWritten, type Written } from "../written.js";

const NAME_MAX_CHARACTERS = 255;

/** Which pool's replica it is. */
export interface ReplicaOf {
	/** That pool's number (`HeadState.pool`). */
	readonly source: number;
	/** For people: its name, and the host that it is on. */
	readonly name: string;
	readonly host: string;
	/** Who had promoted it, and has given it back: nobody brings the pool there yet. */
	readonly returnedBy?: string | undefined;
}

/** Of what was promoted. Versions before this one did not say more than which pool's replica it was. */
export interface PromotedFrom extends ReplicaOf {
	/** When, by the clock of who did it, in microseconds since 1970: for people. */
	readonly sinceUs?: number | undefined;
	/** How much had been written to the pool by then: what both have. And with what was written here since, as of the last cut. */
	readonly at?: Written | undefined;
	readonly now?: Written | undefined;
	/** The image as it was, for as long as nothing was written here since: held, to be given back. */
	readonly image?: JsonObject | undefined;
}

export function isReplicaOf(value: unknown): value is ReplicaOf {
	if (!areNumbers(value, ["source"])) return false;
	const { name, host, returnedBy = "" } = value as Record<string, unknown>;
	return [name, host, returnedBy].every(
		(text) => typeof text === "string" && text.length <= NAME_MAX_CHARACTERS,
	);
}

export function isPromotedFrom(value: unknown): value is PromotedFrom {
	if (!isReplicaOf(value)) return false;
	const { sinceUs, at, now, image } = value as ReplicaOf & Record<string, unknown>;
	return (
		(sinceUs === undefined || areNumbers({ sinceUs }, ["sinceUs"])) &&
		(at === undefined || isWritten(at)) &&
		(now === undefined || isWritten(now)) &&
		(image === undefined || (typeof image === "object" && image !== null && !Array.isArray(image)))
	);
}
