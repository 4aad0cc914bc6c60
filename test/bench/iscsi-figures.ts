/**
 * Carries out the rows of iSCSI: in every round ours and tgt with each of its stores are started in turn, warmed up, loaded and stopped, the next
 * round the other way round. Called by `main.ts`, which gets figures and workloads as of any other row.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { atEnd } from "../support/cleanup.js";
import { Lan } from "../support/netns.js";
import { type Figure, type RowsMeasured, throughput, type Workload, workload } from "./figures.js";
import type { Image, Images } from "./images.js";
import { type IscsiLoad, iscsiSample } from "./iscsi-load.js";
import type { IscsiRow } from "./iscsi-rows.js";
import { type IscsiContender, type IscsiPlace, startOurs, startTheirs } from "./iscsi-servers.js";
import { type Measured, reasonOf, type Settings, type Side } from "./measure.js";
import { newVolumes } from "./pools.js";
import { ACK, FLUSH } from "./rows.js";
import type { Sample } from "./sample.js";

/** How, and which. */
export interface IscsiPlan {
	readonly settings: Settings;
	readonly iscsiRows: readonly IscsiRow[];
}

const FILL_BYTES = 256 * 1024;
const FILL_DEPTH = 8;
const FILL_SECONDS = 10;
/** Of the durable disk: as much as is filled quickly, and more than is under way at once. */
const DURABLE_BYTES = 256 * 2 ** 20;

/** What all runs have in common. */
interface Stage extends IscsiPlace {
	readonly settings: Settings;
	readonly images: Images;
	/** Beside an image; made and filled once. */
	readonly volume: (image: Image) => Promise<string>;
}

export async function iscsiFigures(
	plan: IscsiPlan,
	images: Images,
	progress: (text: string) => void,
): Promise<RowsMeasured> {
	const lan = new Lan();
	lan.server.ip("link", "set", "lo", "up");
	const folder = mkdtempSync(path.join(tmpdir(), "vbi"));
	const remove = atEnd(() => rmSync(folder, { recursive: true, force: true }));
	const stage = stageOf(plan.settings, images, { namespace: lan.server.name, folder });
	const figures: Figure[] = [];
	const workloads: Workload[] = [];
	try {
		for (const row of plan.iscsiRows) {
			const measured = await measureRow(row, stage, progress);
			figures.push(...throughput(row, measured));
			workloads.push(workload(row, measured));
		}
	} finally {
		lan.remove();
		remove();
	}
	return { figures, workloads };
}

function stageOf(settings: Settings, images: Images, place: IscsiPlace): Stage {
	const volumes = new Map<Image, Promise<string>>();
	const stage: Stage = {
		...place,
		settings,
		images,
		volume: (image) => {
			const volume = volumes.get(image) ?? filledVolume(image, stage);
			volumes.set(image, volume);
			return volume;
		},
	};
	return stage;
}

/** A volume beside an image, every block of it written. */
async function filledVolume(image: Image, stage: Stage): Promise<string> {
	const folder = path.dirname(image.path);
	const [volume = ""] = newVolumes(folder, 1, DURABLE_BYTES, "--preallocate", `--size=${4 * DURABLE_BYTES}`);
	const server = await startOurs(volume, FLUSH, stage);
	try {
		const all = { isWriting: true, isInOrder: true, blockBytes: FILL_BYTES, depth: FILL_DEPTH } as const;
		const load = { ...all, hasDataDigest: false, sizeBytes: DURABLE_BYTES, seconds: FILL_SECONDS, seed: 1 };
		await iscsiSample(server, load, { namespace: stage.namespace, imageFolder: folder });
	} finally {
		await server.stop();
	}
	return volume;
}

interface Run {
	readonly name: string;
	readonly start: (row: IscsiRow, stage: Stage) => Promise<IscsiContender>;
	readonly samples: Sample[];
	failed: string;
}

/** Ours first, then theirs; the next round the other way round. One that fails is not tried again. */
async function measureRow(row: IscsiRow, stage: Stage, progress: (text: string) => void): Promise<Measured> {
	const { rounds } = stage.settings;
	const sides: Run[] = [
		{ name: "ours", start: ours, samples: [], failed: "" },
		...row.references.map(
			({ name, store }): Run => ({ name, start: theirs(store), samples: [], failed: "" }),
		),
	];
	for (let round = 0; round < rounds; round++)
		for (const side of round % 2 === 0 ? sides : [...sides].reverse()) {
			if (side.failed !== "") continue;
			progress(`${row.title}: round ${round + 1} of ${rounds}, ${side.name}`);
			try {
				side.samples.push(await runOnce(row, await side.start(row, stage), round, stage));
			} catch (error) {
				side.failed = reasonOf(error);
				process.stderr.write(`${row.title}: ${side.name}: ${String(error)}\n`);
			}
		}
	const [first, ...others] = sides.map(
		({ name, samples, failed }): Side => (failed === "" ? { name, samples } : { name, failed }),
	);
	return { ours: first!, references: others };
}

async function runOnce(row: IscsiRow, server: IscsiContender, round: number, stage: Stage): Promise<Sample> {
	const { settings, namespace } = stage;
	const image = imageOf(row, stage);
	const load: IscsiLoad = {
		...row.load,
		sizeBytes: Math.min(image.sizeBytes, DURABLE_BYTES),
		seconds: settings.seconds,
		seed: round + 1,
	};
	const place = { namespace, imageFolder: path.dirname(image.path) };
	try {
		await iscsiSample(server, { ...load, seconds: settings.warmUpSeconds }, place);
		return await iscsiSample(server, load, place);
	} finally {
		await server.stop();
	}
}

function imageOf({ disk }: IscsiRow, { images }: Stage): Image {
	return images.of(disk);
}

async function ours(row: IscsiRow, stage: Stage): Promise<IscsiContender> {
	const image = imageOf(row, stage);
	return row.isDurable
		? startOurs(await stage.volume(image), ACK, stage)
		: startOurs(image.path, FLUSH, stage);
}

const theirs =
	(store: "rdwr" | "aio") =>
	(row: IscsiRow, stage: Stage): Promise<IscsiContender> => {
		const file = imageOf(row, stage).path;
		const { hasDataDigest } = row.load;
		return startTheirs({ file, store, isSync: row.isDurable === true, hasDataDigest }, stage);
	};
