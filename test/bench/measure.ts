/**
 * Carries out one row: in every round each server in turn is started, warmed up, loaded, looked at and stopped, on the same
 * cable and image, and the next round goes the other way round. Called by `main.ts`; hands on the samples, which
 * `figures.ts` makes sense of.
 *
 *     "server", one core                           "client", another core
 *    +-----------------------+                    +-----------------------+
 *    |  ours, then vblade,   |                    |                       |
 *    |  then vblade, ours .. <======== lan0 ======>  the load generator   |
 *    +-----------------------+                    +-----------------------+
 */

import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import type { LoadResult } from "../../lib/client/load-addon.js";
import { Lan } from "../support/netns.js";
import { type Contender, type Serving, startContender } from "./contenders.js";
import { addressOf } from "./daemon-server.js";
import { runFio } from "./fio.js";
import { type Image, type Images, rewrite } from "./images.js";
import { Loader } from "./loader.js";
import { type Load, makeReady, volumesOf, type WantedPool } from "./pools.js";
import { cpuSeconds, residentKib } from "./processes.js";
import type { Row } from "./rows.js";
import type { Sample } from "./sample.js";

/** How and where everything is measured. */
export interface Settings {
	readonly rounds: number;
	/** Of each run. */
	readonly seconds: number;
	/** Before each run, of the same load. */
	readonly warmUpSeconds: number;
	readonly targetCore: number;
	readonly loadCore: number;
}

/** All runs of one server in a row, in the order of the rounds; or why it can't be measured. */
export type Side =
	| { readonly name: string; readonly samples: readonly Sample[] }
	| { readonly name: string; readonly failed: string };

export interface Measured {
	readonly ours: Side;
	/** In the order of the row's references. */
	readonly references: readonly Side[];
}

/** Within which an image is read once, in order. */
const READ_ALL_SECONDS = 30;
/** At the beginning of the image in a cold row: for warming up, and left alone by the run that counts. */
const WARM_REGION_SECTORS = 32 * 2048;
/** A cold run is this many requests per second of its time, so that both servers meet as many blocks for a second time. */
const COLD_REQUESTS_PER_SECOND = 40_000;
/** And takes at most so many times its time. */
const COLD_PATIENCE = 3;
const SECTOR_BYTES = 512;
/** Characters of a reason that go into a table. */
const REASON_MAX = 100;
const DROP_CACHES = "/proc/sys/vm/drop_caches";

/** Measures a row. `progress` is told of each run. Throws only if there can't be a measurement at all. */
export async function measureRow(
	row: Row,
	settings: Settings,
	images: Images,
	progress: (text: string) => void,
): Promise<Measured> {
	const sides = [{ name: "ours", serving: row.ours }, ...row.references].map((side) => new Runs(side, row));
	const image = await images.made(row.image);
	const lan = new Lan({ mtu: row.mtu });
	const loader = new Loader(lan, settings.loadCore);
	try {
		for (let round = 0; round < settings.rounds; round++) {
			for (const side of round % 2 === 0 ? sides : [...sides].reverse()) {
				progress(`${row.title}: round ${round + 1} of ${settings.rounds}, ${side.name}`);
				await side.add(() => runOnce(side.row, side.serving, round, settings, image, images, lan, loader));
			}
		}
	} finally {
		await loader.stop();
		lan.remove();
	}
	const [ours, ...references] = sides.map((side) => side.result);
	if (ours === undefined) throw new Error("a row without a server");
	return { ours, references };
}

/** The runs of one server, until one fails. */
class Runs {
	readonly name: string;
	readonly serving: Serving;
	/** With this side's own window. */
	readonly row: Row;
	readonly #samples: Sample[] = [];
	#failed: string | undefined;

	constructor({ name, serving, window }: { name: string; serving: Serving; window?: number }, row: Row) {
		this.row = window === undefined ? row : { ...row, window };
		this.name = name;
		this.serving = serving;
	}

	async add(run: () => Promise<Sample>): Promise<void> {
		if (this.#failed !== undefined) return;
		try {
			this.#samples.push(await run());
		} catch (error) {
			this.#failed = reasonOf(error);
			process.stderr.write(`${this.row.title}: ${this.name}: ${this.#failed}\n`);
		}
	}

	get result(): Side {
		const { name } = this;
		return this.#failed === undefined ? { name, samples: this.#samples } : { name, failed: this.#failed };
	}
}

/** One short line that says why; of a stack, the line that names the error. */
export function reasonOf(error: unknown): string {
	const lines = (error instanceof Error ? error.message : String(error))
		.split("\n")
		.map((line) => line.trim());
	const line = lines.find((text) => /^\w*Error: ./.test(text)) ?? lines.find((text) => text !== "") ?? "";
	return line.length > REASON_MAX ? `${line.slice(0, REASON_MAX)}...` : line;
}

async function runOnce(
	row: Row,
	serving: Serving,
	round: number,
	settings: Settings,
	image: Image,
	images: Images,
	lan: Lan,
	loader: Loader,
): Promise<Sample> {
	if (row.rewritten) rewrite(image);
	const runSeconds = Math.max(settings.seconds, row.secondsMin ?? 0);
	const isInOrder = serving.program === "fio in order";
	if (serving.program === "fio" || isInOrder)
		return runFio(image, row.sectors * SECTOR_BYTES, row.window, runSeconds, isInOrder);
	const { files, index } = toServe(row, serving, image, images);
	const server = await startContender(serving, files, lan, settings.targetCore);
	try {
		const load = { ...loadOf(row, image), ...addressOf(index), seed: round + 1 };
		if (serving.isVolume) await makeReady(loader, load, image, wantedOf(row));
		const warmUp = row.cold
			? { ...load, firstLba: 0, blocks: WARM_REGION_SECTORS / row.sectors, requests: 0 }
			: load;
		// (Hot is what everybody has read: a pool looks at each page once a minute, and reads by chance leave half of an image unread.)
		if (row.writePercent === 0 && !row.cold)
			checked(await loader.run({ ...load, sequential: 1, requests: load.blocks, seconds: READ_ALL_SECONDS }));
		checked(await loader.run({ ...warmUp, seconds: settings.warmUpSeconds }));
		if (row.cold) dropCaches();
		const patience = row.cold ? COLD_PATIENCE : 1;
		const requests = row.cold ? COLD_REQUESTS_PER_SECOND * settings.seconds : 0;
		const before = cpuSeconds(server.pids);
		const result = checked(await loader.run({ ...load, seconds: runSeconds * patience, requests }));
		return sample(result, cpuSeconds(server.pids) - before, server, image);
	} finally {
		await server.stop();
	}
}

/** What a server is given to serve, and which of them, or the first of which, the load is for. */
function toServe(
	row: Row,
	serving: Serving,
	image: Image,
	images: Images,
): { files: string[]; index: number } {
	const { disks = 1 } = row;
	if (serving.isVolume) return { files: volumesOf(image, wantedOf(row)), index: 0 };
	if (disks > 1) return { files: images.parts(image, disks), index: 0 };
	const files = [...images.small(serving.blades - 1)];
	const index = Math.floor(serving.blades / 2);
	files.splice(index, 0, image.path);
	return { files, index };
}

/** The pool that a row's volumes are of. */
function wantedOf({ disks = 1, pool = "written" }: Row): WantedPool {
	return { disks, state: pool };
}

/** The load of a row, over the whole image or, if it is cold, what follows the part for warming up. */
function loadOf(row: Row, image: Image): Omit<Load, "shelf" | "slot" | "seed"> {
	const firstLba = row.cold ? WARM_REGION_SECTORS : 0;
	const { disks = 1 } = row;
	return {
		sectors: row.sectors,
		window: row.window,
		writePercent: row.writePercent,
		slots: disks,
		sequential: row.sequential ? 1 : 0,
		verify: 0,
		firstLba,
		blocks: Math.floor((image.sizeBytes / disks / SECTOR_BYTES - firstLba) / row.sectors),
		requests: 0,
	};
}

/** A server that answers with errors is quick, but that is not what is measured. */
function checked(result: LoadResult): LoadResult {
	if (result.errors > 0) throw new Error(`answers ${result.errors} requests with an error`);
	if (result.requests === 0) throw new Error("answers nothing");
	return result;
}

function sample(result: LoadResult, cpu: number, server: Contender, image: Image): Sample {
	const { requests, seconds, p50Us, p99Us, p999Us, maxUs, lost } = result;
	return {
		requestsPerSecond: requests / seconds,
		p50Us,
		p99Us,
		p999Us,
		maxUs,
		lost,
		cpuPer100k: (cpu / requests) * 100_000,
		residentKib: residentKib(server.pids, path.dirname(image.path)),
	};
}

/** Empties the page cache of everything that is on disk. */
export function dropCaches(): void {
	execFileSync("sync");
	writeFileSync(DROP_CACHES, "3\n");
}
