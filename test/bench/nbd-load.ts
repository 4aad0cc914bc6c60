/**
 * Load for NBD servers, by others' programs: fio(1) with its NBD engine, and nbdcopy(1). Used by `nbd-figures.ts`, which gets a sample as of
 * any other load.
 */

import { rmSync } from "node:fs";
import type { Namespace } from "../support/netns.js";
import { run } from "../support/process.js";
import type { NbdContender } from "./nbd-servers.js";
import { cpuOfAll, residentKib } from "./processes.js";
import type { Sample } from "./sample.js";

const BLOCK_BYTES = 4096;
const NS_PER_US = 1000;
const GRACE_MS = 60_000;
const COPY_LIMIT_MS = 120_000;

export interface NbdLoad {
	readonly rw: "randread" | "randwrite" | "write";
	/** Requests under way. */
	readonly depth: number;
	/** Bytes of the disk that it is for. */
	readonly sizeBytes: number;
	readonly seconds: number;
	/** So many bytes in all, each block once, instead of all that the time allows. */
	readonly onceBytes?: number;
	readonly seed: number;
}

/** Where the program that loads runs, and by which the server's images are told from its memory. */
export interface LoadPlace {
	readonly namespace: Namespace;
	readonly core: number | undefined;
	readonly imageFolder: string;
}

interface Latencies {
	readonly max: number;
	readonly percentile: Readonly<Record<string, number>>;
}

interface Direction {
	readonly iops: number;
	readonly total_ios: number;
	readonly clat_ns: Latencies;
}

interface FioReport {
	readonly jobs: readonly { readonly error: number; readonly read: Direction; readonly write: Direction }[];
}

/** Random blocks of 4 KiB, or in order. Throws with what fio said if it can't, or has met an error. */
export async function fioSample(server: NbdContender, load: NbdLoad, place: LoadPlace): Promise<Sample> {
	const { rw, depth, sizeBytes, seconds, onceBytes, seed } = load;
	const length =
		onceBytes === undefined
			? ["--time_based", `--runtime=${Math.ceil(seconds)}`, "--norandommap"]
			: [`--io_size=${onceBytes}`];
	const command = [
		...pinned(place),
		...["fio", "--name=load", "--output-format=json", "--percentile_list=50:99:99.9"],
		...["--ioengine=nbd", `--uri=${server.uri}`, `--rw=${rw}`, `--bs=${BLOCK_BYTES}`, `--iodepth=${depth}`],
		...[`--size=${sizeBytes}`, `--randseed=${seed}`, ...length],
	];
	const before = cpuOfAll(server.pids);
	const { code, stdout, output } = await run(command, seconds * 1000 + GRACE_MS, {
		namespace: place.namespace.name,
	});
	const cpu = cpuOfAll(server.pids) - before;
	// (Its NBD engine says before the report to whom it is connected.)
	const report = stdout.slice(stdout.indexOf("{"));
	const job = code === 0 ? (JSON.parse(report) as FioReport).jobs[0] : undefined;
	if (job === undefined || job.error !== 0) throw new Error(`fio: ${output}`);
	const did = rw === "randread" ? job.read : job.write;
	const at = (percent: string): number => (did.clat_ns.percentile[percent] ?? 0) / NS_PER_US;
	return {
		requestsPerSecond: did.iops,
		p50Us: at("50.000000"),
		p99Us: at("99.000000"),
		p999Us: at("99.900000"),
		maxUs: did.clat_ns.max / NS_PER_US,
		...costs(server, cpu, did.total_ios, place),
	};
}

/** All of a disk into a file, with its holes; counted in blocks of 4 KiB. */
export async function copySample(
	server: NbdContender,
	sizeBytes: number,
	to: string,
	place: LoadPlace,
): Promise<Sample> {
	try {
		return await copied(server, sizeBytes, [server.uri, to], place);
	} finally {
		rmSync(to, { force: true });
	}
}

/** All of a disk from its beginning, so many blocks of 4 KiB at a time, on one connection: to nobody, or from a file. */
export function inOrderSample(
	server: NbdContender,
	{ rw, depth, sizeBytes }: Pick<NbdLoad, "rw" | "depth" | "sizeBytes">,
	from: string,
	place: LoadPlace,
): Promise<Sample> {
	const how = [
		"--connections=1",
		"--threads=1",
		`--requests=${depth}`,
		`--request-size=${BLOCK_BYTES}`,
		"--no-extents",
	];
	const ends = rw === "randread" ? [server.uri, "null:"] : [from, server.uri];
	return copied(server, sizeBytes, [...how, ...ends], place);
}

async function copied(
	server: NbdContender,
	sizeBytes: number,
	argv: readonly string[],
	place: LoadPlace,
): Promise<Sample> {
	const before = cpuOfAll(server.pids);
	const begin = performance.now();
	const { code, output } = await run([...pinned(place), "nbdcopy", ...argv], COPY_LIMIT_MS, {
		namespace: place.namespace.name,
	});
	if (code !== 0) throw new Error(`nbdcopy: ${output}`);
	const seconds = (performance.now() - begin) / 1000;
	const blocks = sizeBytes / BLOCK_BYTES;
	const whole = seconds * 1e6;
	return {
		requestsPerSecond: blocks / seconds,
		p50Us: whole,
		p99Us: whole,
		p999Us: whole,
		maxUs: whole,
		...costs(server, cpuOfAll(server.pids) - before, blocks, place),
	};
}

function pinned({ core }: LoadPlace): string[] {
	return core === undefined ? [] : ["taskset", "-c", String(core)];
}

function costs(
	{ pids }: NbdContender,
	cpu: number,
	requests: number,
	{ imageFolder }: LoadPlace,
): Pick<Sample, "lost" | "cpuPer100k" | "residentKib"> {
	return { lost: 0, cpuPer100k: (cpu / requests) * 100_000, residentKib: residentKib(pids, imageFolder) };
}
