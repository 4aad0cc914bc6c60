/**
 * `/api/v1/volumes/{name}/about`, `data`, `runs` and `changes`: what volumes held, for whoever copies it or compares, and what new ones shall
 * hold. Only for those who may change things: who may look at figures may not read disks. What `about` says of a snapshot is no more than
 * lists say; of a moment it keeps open what whoever copies is about to read, and that is for them too.
 */

import { z } from "zod";
import type { WrittenPiece } from "../../daemon/worker-messages.js";
import { DATA_EXTENT_BYTES } from "../../image/extent.js";
import { isOfSnapshot } from "../../pool/past.js";
import { quote } from "../../text.js";
import { wantsToken } from "../guard.js";
import {
	Nothing,
	VolumeAbout,
	VolumeChanges,
	VolumeRuns,
	WRITTEN_BYTES_MAX,
	WrittenPieces,
} from "../model.js";
import { Refusal } from "../problem.js";
import { json, type Route, route } from "../routes.js";
import type { Inside } from "./inside.js";
import { wholeNumber } from "./pages.js";

const BYTES = "application/octet-stream";
const MAX = Number.MAX_SAFE_INTEGER;
const offset = wholeNumber(MAX, "Where it begins, in bytes");
const id = z.string().optional().meta({
	description: "What `about` has said: refused if the name stands for something else by now",
});
const rangeQuery = z.strictObject({ offset, length: wholeNumber(MAX, "How long it is, in bytes"), id });
const dataQuery = z.strictObject({
	id,
	offset,
	length: wholeNumber(DATA_EXTENT_BYTES, "How long it is, in bytes: a multiple of 512"),
});
const changesQuery = z.strictObject({
	before: z.string().meta({ description: "VOLUME@SNAPSHOT or VOLUME@MOMENT of the same pool" }),
	id,
	before_id: id,
	offset: wholeNumber(MAX, "Those from this byte on"),
});

export function contentRoutes(inside: Inside): Route[] {
	return [...reading(inside), ...comparing(inside), ...filling(inside)];
}

function filling({ pools }: Inside): Route[] {
	return [
		route({
			method: "POST",
			path: "/api/v1/volumes/{name}/data",
			summary: "Writes to a volume that is being filled: it is called NAME.part, or NAME.part.state",
			body: WrittenPieces,
			answers: { 200: { description: "It is written", schema: Nothing } },
			handle: async (call) => {
				const { pool, name } = named(call.name);
				const { pieces, bytes } = piecesOf(call.body.pieces);
				await pools.ask(pool, { ask: "write", name, pieces, sync: call.body.sync }, bytes);
				return json({});
			},
		}),
		route({
			method: "POST",
			path: "/api/v1/volumes/{name}/release",
			summary: "Says that nothing more is read of it or written to it",
			body: Nothing,
			answers: { 200: { description: "It is closed", schema: Nothing } },
			handle: async (call) => {
				const { pool, name } = named(call.name);
				await pools.ask(pool, { ask: "release", name });
				return json({});
			},
		}),
	];
}

/** Throws a Refusal if bytes are not as many as is said. */
function piecesOf(written: z.output<typeof WrittenPieces>["pieces"]): {
	pieces: WrittenPiece[];
	bytes: Uint8Array;
} {
	const all: Buffer[] = [];
	const pieces = written.map(({ offsetBytes, lengthBytes, data }): WrittenPiece => {
		if (data === undefined) return { kind: "zero", offsetBytes, lengthBytes };
		const bytes = Buffer.from(data, "base64");
		if (bytes.length !== lengthBytes) throw new Refusal(422, "data is not as long as lengthBytes says");
		all.push(bytes);
		return { kind: "data", offsetBytes, lengthBytes };
	});
	const bytes = Buffer.concat(all);
	if (bytes.length > WRITTEN_BYTES_MAX)
		throw new Refusal(422, `at most ${WRITTEN_BYTES_MAX} bytes are written at once`);
	return { pieces, bytes };
}

function reading({ pools }: Inside): Route[] {
	return [
		route({
			method: "GET",
			path: "/api/v1/volumes/{name}/about",
			summary: "By what name a volume, a snapshot or a moment can be read, and how large it is",
			answers: { 200: { description: "What is asked about from then on", schema: VolumeAbout } },
			handle: async (call) => {
				const { pool, name } = named(call.name);
				if (!isOfSnapshot(name) && !call.trusted) throw wantsToken();
				const { sizeBytes, pageBytes, id, ...fixed } = await pools.ask(pool, { ask: "about", name });
				return json({ name: `${pool}/${fixed.name}`, sizeBytes, pageBytes, id });
			},
		}),
		route({
			method: "GET",
			path: "/api/v1/volumes/{name}/data",
			isSecret: true,
			summary: "Bytes of a snapshot or a moment, at most a mebibyte at once",
			query: dataQuery,
			answers: { 200: { description: "The bytes", mediaType: BYTES } },
			handle: async (call) => {
				const { pool, name } = named(call.name);
				const { offset: offsetBytes, length: lengthBytes, id } = call.query;
				const { bytes } = await pools.ask(pool, { ask: "read", name, id, offsetBytes, lengthBytes });
				return new Response(Uint8Array.from(bytes), {
					headers: { "content-type": BYTES, "cache-control": "no-store" },
				});
			},
		}),
		route({
			method: "GET",
			path: "/api/v1/volumes/{name}/runs",
			isSecret: true,
			summary: "Where a snapshot or a moment has data, and where nothing",
			query: rangeQuery,
			answers: { 200: { description: "The first of them", schema: VolumeRuns } },
			handle: async (call) => {
				const { pool, name } = named(call.name);
				const { offset: offsetBytes, length: lengthBytes, id } = call.query;
				const { runs } = await pools.ask(pool, { ask: "runs", name, id, offsetBytes, lengthBytes });
				return json({ runs });
			},
		}),
	];
}

function comparing({ pools }: Inside): Route[] {
	return [
		route({
			method: "GET",
			path: "/api/v1/volumes/{name}/changes",
			isSecret: true,
			summary: "Where a snapshot or a moment may differ from another one",
			query: changesQuery,
			answers: { 200: { description: "The first of them", schema: VolumeChanges } },
			handle: async (call) => {
				const { pool, name } = named(call.name);
				const { before, id, before_id: beforeId, offset: offsetBytes } = call.query;
				const asked = { ask: "changes", name, id, before, beforeId, offsetBytes } as const;
				const { ranges } = await pools.ask(pool, asked);
				return json({ ranges });
			},
		}),
	];
}

/** Throws a Refusal if that is no name. */
function named(text: string): { pool: string; name: string } {
	const [, pool, name] = /^([^/]+)\/([^/]+)$/.exec(text) ?? [];
	if (pool !== undefined && name !== undefined) return { pool, name };
	throw new Refusal(404, `volume ${quote(text)}: POOL/VOLUME@SNAPSHOT is expected`);
}
