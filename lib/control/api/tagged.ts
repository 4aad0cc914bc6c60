/**
 * Answers that are one volume or one snapshot, with the ETag that a change of it may name. Used by the routes of pools, volumes and snapshots.
 */

import type { NamedSnapshot, Volume } from "../model.js";
import { json } from "../routes.js";
import { tagOfSnapshot, tagOfVolume } from "../volume-turns.js";

export function taggedVolume(volume: Volume): Response {
	return json(volume, { headers: { etag: tagOfVolume(volume) } });
}

export function taggedSnapshot(snapshot: NamedSnapshot): Response {
	return json(snapshot, { headers: { etag: tagOfSnapshot(snapshot) } });
}
