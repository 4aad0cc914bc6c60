/**
 * What the disk itself can do: fio(1) on the image of a row, as many writes under way as the row's window, each direct and on
 * stable storage before it counts (io_uring, O_DIRECT, O_DSYNC); or large ones in order, direct, as fast as it takes them. Stands beside the
 * servers in `measure.ts`, though it is none: there is no network, and it may use all processors.
 */

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Image } from "./images.js";
import type { Sample } from "./sample.js";

const GRACE_MS = 30_000;
const NS_PER_US = 1000;
/** Writes in order are of so many bytes, and so many are under way. */
const LARGE_BYTES = 2 ** 20;
const LARGE_WINDOW = 8;

interface FioReport {
	readonly jobs: readonly {
		readonly write: {
			readonly iops: number;
			readonly bw_bytes: number;
			readonly clat_ns: { readonly max: number; readonly percentile: Readonly<Record<string, number>> };
		};
	}[];
}

/** Random writes for so many seconds, or those in order, counted in blocks of the same size. Throws with the reason if fio can't. */
export async function runFio(
	image: Image,
	blockBytes: number,
	window: number,
	seconds: number,
	isInOrder: boolean,
): Promise<Sample> {
	const how = isInOrder
		? ["--rw=write", `--bs=${LARGE_BYTES}`, `--iodepth=${LARGE_WINDOW}`]
		: ["--rw=randwrite", `--bs=${blockBytes}`, `--iodepth=${window}`, "--sync=dsync"];
	const args = [
		...["--name=disk", `--filename=${image.path}`, `--size=${image.sizeBytes}`, "--output-format=json"],
		...[...how, "--percentile_list=50:99:99.9"],
		...["--ioengine=io_uring", "--direct=1", "--time_based", `--runtime=${seconds}`],
	];
	const { stdout } = await promisify(execFile)("fio", args, { timeout: seconds * 1000 + GRACE_MS });
	const write = (JSON.parse(stdout) as FioReport).jobs[0]?.write;
	if (write === undefined) throw new Error("fio reports nothing");
	const at = (percent: string) => (write.clat_ns.percentile[percent] ?? 0) / NS_PER_US;
	return {
		requestsPerSecond: isInOrder ? write.bw_bytes / blockBytes : write.iops,
		p50Us: at("50.000000"),
		p99Us: at("99.000000"),
		p999Us: at("99.900000"),
		maxUs: write.clat_ns.max / NS_PER_US,
		lost: 0,
		cpuPer100k: 0,
		residentKib: 0,
	};
}
