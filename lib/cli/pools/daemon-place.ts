/**
 * Where commands make volumes and fill them in a pool of a running daemon: asked by its API. Loaded by `place.ts`.
 */

import { Pool, SnapshotList, Volume } from "../../control/model.js";
import { withDaemon } from "../asking/asking.js";
import { AskError, type DaemonClient } from "../asking/client.js";
import type { Output } from "../client.js";
import { contentsOf, Failures, openDaemonVolume } from "./daemon-contents.js";
import { maybePath } from "./open-pool.js";
import type { Place } from "./place.js";
import type { Where } from "./reading.js";
import { tell, tellNotice } from "./tell-volume.js";

const VOLUMES = "/api/v1/volumes";
const NOT_FOUND = 404;

/** Resolves to the exit status. */
export function withDaemonPlace(
	{ folder: pool, name }: Where,
	socket: string,
	output: Output,
	work: (place: Place) => Promise<void>,
): Promise<number> {
	return withDaemon(
		socket,
		output,
		async (daemon) => {
			const failures = new Failures();
			await failures.instead(work(placeIn(pool, daemon, failures, output)));
			return 0;
		},
		maybePath(`${pool}/${name}`),
	);
}

function placeIn(pool: string, daemon: DaemonClient, failures: Failures, output: Output): Place {
	const noted = async (change: Promise<{ readonly notice?: string | undefined }>): Promise<void> =>
		tellNotice(await change, output);
	const at = (name: string): string => `${VOLUMES}/${encodeURIComponent(`${pool}/${name}`)}`;
	const change = (name: string, body: object) => noted(daemon.send("PATCH", at(name), Volume, { body }));
	const make = (body: object) => noted(daemon.send("POST", VOLUMES, Volume, { body: { pool, ...body } }));
	const find = async (name: string): Promise<Volume | undefined> => {
		try {
			return await daemon.get(at(name), Volume);
		} catch (error) {
			if (error instanceof AskError && error.status === NOT_FOUND) return undefined;
			throw error;
		}
	};
	return {
		contents: contentsOf(pool, daemon, failures),
		find,
		tell: async (name, asJson, output) => {
			tell(await daemon.get(`${at(name)}?now=true`, Volume), asJson, output);
		},
		create: (name, sizeBytes, pageBytes) => make({ name, sizeBytes, pageBytes }),
		clone: (of, snapshot, name) => make({ name, of: `${of}@${snapshot}` }),
		resize: (name, sizeBytes) => change(name, { sizeBytes, shrink: true }),
		rename: (from, to) => change(from, { name: to }),
		replace: (name, by) => noted(daemon.send("POST", `${at(name)}/replace`, Volume, { body: { by } })),
		remove: (name) => noted(daemon.send("DELETE", at(name), Pool)),
		takeSnapshot: (volume, name, from) => {
			const body = { names: [`${pool}/${volume}@${name}`], from };
			return noted(daemon.send("POST", "/api/v1/snapshots", SnapshotList, { body }));
		},
		open: async (name) => {
			const { sizeBytes } = await daemon.get(at(name), Volume);
			return openDaemonVolume(daemon, at(name), sizeBytes, failures);
		},
	};
}
