/**
 * What a client without TLS notices of those that have it: the p99 of its reads beside a client that reads over TLS as fast as it can, and beside
 * a hundred handshakes a second, as a multiple of what it is alone, one after the other in each round. Called by `nbd-figures.ts`.
 */

import path from "node:path";
import { pause } from "../support/cleanup.js";
import { Program } from "../support/process.js";
import { type Figure, spread } from "./figures.js";
import type { Images } from "./images.js";
import { reasonOf, type Settings } from "./measure.js";
import { fioSample } from "./nbd-load.js";
import {
	certificatesIn,
	type NbdContender,
	type NbdPlace,
	oursOf,
	secured,
	startNbd,
} from "./nbd-servers.js";
import { FLUSH } from "./rows.js";

const HANDSHAKES = 100;
const P99_MAX = 1.2;
/** Until those beside it are at work. */
const BEGIN_MS = 500;

export interface Beside {
	readonly key: string;
	readonly title: string;
	/** What runs beside the load, until it is ended. */
	readonly command: (uri: string, endpoint: string) => readonly string[];
}

export const BESIDES: readonly Beside[] = [
	{
		key: "nbd tls beside",
		title: "p99 of 4 KiB reads, depth 16, without TLS, beside a client with it",
		command: (uri) => ["sh", "-c", `while nbdcopy --connections=1 --no-extents '${uri}' null:; do :; done`],
	},
	{
		key: "nbd tls handshakes",
		title: `p99 of 4 KiB reads, depth 16, without TLS, beside ${HANDSHAKES} handshakes a second`,
		command: (uri, endpoint) => [
			process.execPath,
			path.join(import.meta.dirname, "nbd-handshakes.js"),
			...[new URL(uri.replace("nbds:", "http:")).port, endpoint, String(HANDSHAKES)],
		],
	},
];

export interface BesideOn extends Pick<NbdPlace, "namespace" | "folder"> {
	readonly settings: Settings;
	readonly images: Images;
}

export async function besideFigure(
	{ key, title, command }: Beside,
	on: BesideOn,
	progress: (text: string) => void,
): Promise<Figure> {
	const { settings, namespace, folder, images } = on;
	const about = {
		key,
		title,
		against: "alone",
		unit: "times",
		bound: { kind: "at most", value: P99_MAX },
	} as const;
	const place = { namespace, folder, core: undefined };
	const made = certificatesIn(folder);
	const server = await startNbd(oursOf(images.memory.path, ...FLUSH), place, "either");
	try {
		const p99 = async (seed: number): Promise<number> => (await plainReads(server, seed, on)).p99Us;
		const found: number[] = [];
		const alone: number[] = [];
		await p99(0);
		for (let round = 0; round < settings.rounds; round++) {
			progress(`${title}: round ${round + 1} of ${settings.rounds}`);
			alone.push(await p99(round + 1));
			const words = command(secured(server.uri, made), made.endpoint("client", "client"));
			const other = new Program(words, { namespace: namespace.name });
			try {
				await pause(BEGIN_MS);
				found.push(await p99(round + 1));
				if (other.ended !== undefined) throw new Error(other.output);
			} finally {
				await other.stop();
			}
		}
		const note = `alone ${Math.round(spread(alone).median)} us`;
		return { ...about, value: spread(found.map((us, round) => us / alone[round]!)), note };
	} catch (error) {
		return { ...about, value: undefined, note: reasonOf(error) };
	} finally {
		await server.stop();
	}
}

function plainReads(server: NbdContender, seed: number, { settings, namespace, images }: BesideOn) {
	const load = {
		rw: "randread",
		depth: 16,
		sizeBytes: images.memory.sizeBytes,
		seconds: settings.seconds,
		seed,
	} as const;
	return fioSample(server, load, { namespace, core: undefined, imageFolder: images.memoryDirectory });
}
