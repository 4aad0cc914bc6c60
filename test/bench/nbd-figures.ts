/**
 * Carries out the rows of NBD, and measures what a connection costs that does nothing. In every round ours and the other server are started in
 * turn, warmed up, loaded and stopped. Called by `main.ts`, which gets figures and workloads as of any other row.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { unreachable } from "../../lib/errors.js";
import { atEnd } from "../support/cleanup.js";
import { Lan, type Namespace } from "../support/netns.js";
import { run } from "../support/process.js";
import { type Figure, type RowsMeasured, throughput, type Workload, workload } from "./figures.js";
import { filled, type Images } from "./images.js";
import { type Measured, reasonOf, type Settings, type Side } from "./measure.js";
import { BESIDES, besideFigure } from "./nbd-beside.js";
import { copySample, fioSample, inOrderSample, type LoadPlace, type NbdLoad } from "./nbd-load.js";
import { MIRRORED_BYTES, startOfMirror } from "./nbd-mirror.js";
import { NBD_ROWS, type NbdRow } from "./nbd-rows.js";
import {
	type NbdContender,
	type NbdPlace,
	nbdkitOf,
	oursOf,
	qemuOf,
	startChain,
	startNbd,
} from "./nbd-servers.js";
import { HISTORIED_BYTES, Historied, sparseFile } from "./nbd-storage.js";
import { residentKib } from "./processes.js";
import { ACK, FLUSH } from "./rows.js";
import type { Sample } from "./sample.js";

export const SPARSE_BYTES = 4 * 2 ** 30;
/** Blocks of a run that are each written for the first time since a snapshot. */
const FIRST_BYTES = 32 * 2 ** 20;
const IDLE = {
	key: "nbd idle",
	title: "memory of a connection that has agreed on an export and does nothing",
};
const IDLE_MAX_KIB = 64;
const IDLE_CONNECTIONS = 500;
const IDLE_LIMIT_MS = 60_000;

/** All that can be measured of NBD. */
export const NBD_LISTED = [...NBD_ROWS, ...BESIDES, IDLE];

/** How, and which. */
export interface NbdPlan {
	readonly settings: Settings;
	readonly nbdRows: readonly NbdRow[];
	readonly footprints: ReadonlySet<string>;
}

/** What all runs have in common. */
interface Stage {
	readonly settings: Settings;
	readonly images: Images;
	readonly namespace: Namespace;
	readonly folder: string;
	readonly historied: () => Promise<Historied>;
	readonly sparse: () => string;
	/** As large as the file in memory, to be copied there. */
	readonly copied: () => string;
}

export async function nbdFigures(
	plan: NbdPlan,
	images: Images,
	progress: (text: string) => void,
): Promise<RowsMeasured> {
	const lan = new Lan();
	lan.server.ip("link", "set", "lo", "up");
	const folder = mkdtempSync(path.join(tmpdir(), "vbn"));
	const remove = atEnd(() => rmSync(folder, { recursive: true, force: true }));
	const stage = stageOf(plan.settings, images, lan.server, folder);
	const figures: Figure[] = [];
	const workloads: Workload[] = [];
	try {
		for (const row of plan.nbdRows) {
			const measured = await measureRow(row, stage, progress);
			figures.push(...throughput(row, measured));
			workloads.push(workload(row, measured));
		}
		for (const beside of BESIDES)
			if (plan.footprints.has(beside.key)) figures.push(await besideFigure(beside, stage, progress));
		if (plan.footprints.has(IDLE.key)) figures.push(await idleFigure(stage));
	} finally {
		lan.remove();
		remove();
	}
	return { figures, workloads };
}

function stageOf(settings: Settings, images: Images, namespace: Namespace, folder: string): Stage {
	let historied: Promise<Historied> | undefined;
	let sparse: string | undefined;
	let copied: string | undefined;
	const place = { namespace, folder, core: undefined };
	return {
		...{ settings, images, namespace, folder },
		historied: () => {
			historied ??= Historied.make(path.dirname(images.of("ext4").path), place);
			return historied;
		},
		copied: () => {
			copied ??= filled(path.join(images.memoryDirectory, "copied.img"), images.memory.sizeBytes).path;
			return copied;
		},
		sparse: () => {
			sparse ??= sparseFile(path.join(images.memoryDirectory, "sparse.img"), SPARSE_BYTES);
			return sparse;
		},
	};
}

/** Ours first, then theirs; the next round the other way round. One that fails is not tried again. */
async function measureRow(row: NbdRow, stage: Stage, progress: (text: string) => void): Promise<Measured> {
	const { rounds } = stage.settings;
	const sides = [
		{ name: "ours", isOurs: true, samples: [] as Sample[], failed: "" },
		{ name: row.references[0].name, isOurs: false, samples: [] as Sample[], failed: "" },
	];
	for (let round = 0; round < rounds; round++)
		for (const side of round % 2 === 0 ? sides : [...sides].reverse()) {
			if (side.failed !== "") continue;
			progress(`${row.title}: round ${round + 1} of ${rounds}, ${side.name}`);
			try {
				side.samples.push(await runOnce(row, side.isOurs, round, stage));
			} catch (error) {
				side.failed = reasonOf(error);
				process.stderr.write(`${row.title}: ${side.name}: ${String(error)}\n`);
			}
		}
	const [ours, theirs] = sides.map(
		({ name, samples, failed }): Side => (failed === "" ? { name, samples } : { name, failed }),
	);
	return { ours: ours!, references: [theirs!] };
}

async function runOnce(row: NbdRow, isOurs: boolean, round: number, stage: Stage): Promise<Sample> {
	const { settings, namespace, folder, images } = stage;
	const historied = row.disk === "snapshots" ? await stage.historied() : undefined;
	if (row.isFirstWrite) historied?.snapshot(isOurs);
	const serverPlace = { namespace, folder, core: row.isPinned ? settings.targetCore : undefined };
	const loadPlace: LoadPlace = {
		namespace,
		core: row.isPinned ? settings.loadCore : undefined,
		imageFolder: path.dirname(
			row.disk === "mirror" ? images.of("ext4").path : (historied?.file(isOurs) ?? images.memory.path),
		),
	};
	const server = await start(row, isOurs, serverPlace, stage);
	try {
		if (row.load === null)
			return await copySample(server, SPARSE_BYTES, path.join(images.memoryDirectory, "copy.img"), loadPlace);
		const load: NbdLoad = {
			...row.load,
			sizeBytes: sizeOf(row, stage),
			seconds: settings.seconds,
			seed: round + 1,
		};
		if (row.transport === "tls") return await inOrderSample(server, load, stage.copied(), loadPlace);
		if (row.isFirstWrite) return await fioSample(server, { ...load, onceBytes: FIRST_BYTES }, loadPlace);
		await fioSample(server, { ...load, seconds: settings.warmUpSeconds }, loadPlace);
		return await fioSample(server, load, loadPlace);
	} finally {
		await server.stop();
		if (row.isFirstWrite) historied?.forget(isOurs);
	}
}

function sizeOf({ disk }: NbdRow, { images }: Stage): number {
	if (disk === "mirror") return MIRRORED_BYTES;
	return disk === "snapshots" ? HISTORIED_BYTES : images.memory.sizeBytes;
}

async function start(row: NbdRow, isOurs: boolean, place: NbdPlace, stage: Stage): Promise<NbdContender> {
	const { disk, transport } = row;
	switch (disk) {
		case "file": {
			const file = stage.images.memory.path;
			return startNbd(isOurs ? oursOf(file, ...FLUSH) : nbdkitOf("file", file), place, transport);
		}
		case "sparse": {
			const file = stage.sparse();
			return startNbd(isOurs ? oursOf(file, ...FLUSH) : nbdkitOf("file", file), place, transport);
		}
		case "snapshots": {
			const file = (await stage.historied()).file(isOurs);
			return startNbd(isOurs ? oursOf(file, ...ACK) : qemuOf(file, "writethrough"), place, transport);
		}
		case "mirror":
			return startOfMirror(path.dirname(stage.images.of("ext4").path), isOurs, place);
		case "remote": {
			const file = stage.images.memory.path;
			return isOurs
				? startChain((uri) => oursOf(uri, ...FLUSH), oursOf(file, ...FLUSH), place)
				: startChain((uri) => nbdkitOf("nbd", `uri=${uri}`), nbdkitOf("file", file), place);
		}
		default:
			return unreachable(disk);
	}
}

/** What hundreds of connections take, which an idle client holds. */
async function idleFigure(stage: Stage): Promise<Figure> {
	const { images, namespace, folder } = stage;
	const about = {
		...IDLE,
		against: "",
		unit: "KiB",
		bound: { kind: "at most", value: IDLE_MAX_KIB },
	} as const;
	const place = { namespace, folder, core: undefined };
	const server = await startNbd(oursOf(images.memory.path, ...FLUSH), place, "unix");
	try {
		const resident = (): number => residentKib(server.pids, images.memoryDirectory);
		const held = async (connections: number): Promise<number> => {
			const hold = path.join(import.meta.dirname, "nbd-idle.js");
			const { code, output, stdout } = await run(
				[
					process.execPath,
					hold,
					server.uri,
					String(connections),
					String(server.pids[0]),
					images.memoryDirectory,
				],
				IDLE_LIMIT_MS,
				{ namespace: namespace.name },
			);
			if (code !== 0) throw new Error(output);
			return Number(stdout);
		};
		const few = await held(IDLE_CONNECTIONS / 5);
		const many = await held(IDLE_CONNECTIONS);
		const kib = (many - few) / (IDLE_CONNECTIONS - IDLE_CONNECTIONS / 5);
		const value = { median: kib, min: kib, max: kib };
		return { ...about, value, note: `the process is ${Math.round(resident() / 1024)} MiB after it` };
	} catch (error) {
		return { ...about, value: undefined, note: reasonOf(error) };
	} finally {
		await server.stop();
	}
}
