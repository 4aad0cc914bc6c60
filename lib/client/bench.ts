/**
 * How fast a disk is through our plain initiator: reads or writes of one size, so many at a time, for a while. What it
 * measures is the target, the link and this initiator together, so its numbers compare two runs of itself; on a network
 * interface `load.ts` measures the target alone. Called by `lib/cli/bench.ts` and the demo.
 */

import { createHistogram } from "node:perf_hooks";
import type { Clock } from "../clock.js";
import { Random } from "../random.js";
import { SECTOR_BYTES } from "../wire/sector.js";
import { InitiatorError } from "./errors.js";
import type { RemoteDisk } from "./remote-disk.js";

/** What a disk is asked to do. */
export interface Workload {
	/** So many of a hundred requests are writes, which overwrite the disk: 0 to 100. */
	readonly writePercent: number;
	/** Anywhere on the disk, or one behind the other. */
	readonly order: "random" | "sequential";
	/** Bytes of one request: whole sectors. */
	readonly sizeBytes: number;
	/** Requests under way at a time. */
	readonly window: number;
	readonly durationMs: number;
	/** Ends after so many requests even if there is time left; not given: goes on. */
	readonly requests?: number | undefined;
}

export interface BenchOptions extends Workload {
	readonly clock: Clock;
	readonly random?: Random;
}

/** How it did. Of the times that requests took, in microseconds, so many parts of all are no longer. */
export interface BenchResult {
	readonly workload: Workload;
	/** Answered without an error. */
	readonly requests: number;
	readonly elapsedMs: number;
	readonly p50Us: number;
	readonly p99Us: number;
	readonly p999Us: number;
	readonly maxUs: number;
}

/** Measures. Rejects with an InitiatorError if a request fails or does not fit the disk. */
export async function bench(disk: RemoteDisk, options: BenchOptions): Promise<BenchResult> {
	const { clock, random = new Random(), ...workload } = options;
	const { sizeBytes, durationMs, writePercent, order, requests: most = Infinity } = workload;
	const sectors = sizeBytes / SECTOR_BYTES;
	const places = placesOn(disk, sizeBytes);
	const latencies = createHistogram();
	const data = Uint8Array.from({ length: sizeBytes }, () => random.below(256));
	let begun = 0;
	let requests = 0;
	const startMs = clock.now();
	const worker = async (): Promise<void> => {
		for (let beganMs = clock.now(); beganMs - startMs < durationMs && begun < most; beganMs = clock.now()) {
			const place = order === "random" ? random.below(places) : begun % places;
			begun += 1;
			if (random.below(100) < writePercent) await disk.write(place * sectors, data);
			else await disk.read(place * sectors, sectors);
			requests += 1;
			latencies.record(Math.max(1, Math.round((clock.now() - beganMs) * 1000)));
		}
	};
	await Promise.all(Array.from({ length: options.window }, worker));
	return {
		workload,
		requests,
		elapsedMs: clock.now() - startMs,
		p50Us: latencies.percentile(50),
		p99Us: latencies.percentile(99),
		p999Us: latencies.percentile(99.9),
		maxUs: latencies.max,
	};
}

/** How many requests of this size fit side by side on a disk. Throws an InitiatorError if none does. */
export function placesOn(disk: RemoteDisk, sizeBytes: number): number {
	const places = Math.floor(disk.sectorCount / (sizeBytes / SECTOR_BYTES));
	if (!Number.isInteger(sizeBytes / SECTOR_BYTES) || sizeBytes < SECTOR_BYTES || places < 1)
		throw new InitiatorError(`${disk.name}: requests of ${sizeBytes} bytes do not fit it`);
	return places;
}

/** `4 KiB random reads, window 16: 41000/s, 168 MB/s, p50 380 us, p99 720 us, p99.9 940 us`. */
export function formatBench({ workload, requests, elapsedMs, ...times }: BenchResult): string {
	const { sizeBytes, order, writePercent, window } = workload;
	const perSecond = (requests * 1000) / elapsedMs;
	const megabytes = (perSecond * sizeBytes) / 1e6;
	const rate = `${perSecond.toFixed(0)}/s, ${megabytes.toFixed(megabytes < 10 ? 1 : 0)} MB/s`;
	const [p50, p99, p999] = [times.p50Us, times.p99Us, times.p999Us].map(Math.round);
	const latency = `p50 ${p50} us, p99 ${p99} us, p99.9 ${p999} us`;
	return `${formatSize(sizeBytes)} ${order} ${formatKind(writePercent)}, window ${window}: ${rate}, ${latency}`;
}

function formatKind(writePercent: number): string {
	if (writePercent === 0) return "reads";
	return writePercent === 100 ? "writes" : `reads and ${writePercent}% writes`;
}

/** `4 KiB` */
export function formatSize(sizeBytes: number): string {
	if (sizeBytes % 2 ** 20 === 0) return `${sizeBytes / 2 ** 20} MiB`;
	return sizeBytes % 1024 === 0 ? `${sizeBytes / 1024} KiB` : `${sizeBytes} bytes`;
}
