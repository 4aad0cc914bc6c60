/**
 * Answers that are one volume or one snapshot, with the ETag that a change of it may name. Used by the routes of pools, volumes and snapshots.
 */

import type { NamedSnapshot, Volume } from "../model.js";
import { json } from "../routes.js";
import { listed } from "../streamed.js";
import { tagOfSnapshot, tagOfVolume } from "../volume-turns.js";

export async function taggedVolume(volume: Volume): Promise<Response> {
	return listed(volume, "snapshots", { etag: await tagOfVolume(volume) });
}

export function taggedSnapshot(snapshot: NamedSnapshot): Response {
	return json(snapshot, { headers: { etag: tagOfSnapshot(snapshot) } });
}
