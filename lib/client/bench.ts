/**
 * How fast a disk is through our initiator: reads or writes of one size, so many at a time, for a while. What it measures is
 * the target, the link and this plain initiator together, so its numbers compare two runs of itself. Called by
 * `lib/cli/bench.ts` and the demo.
 */

import { createHistogram } from "node:perf_hooks";
import { SECTOR_BYTES } from "../ata/opcodes.js";
import type { Clock } from "../clock.js";
import { Random } from "../random.js";
import { InitiatorError } from "./errors.js";
import type { RemoteDisk } from "./remote-disk.js";

export interface BenchOptions {
	/** Writes overwrite the disk. */
	readonly op: "read" | "write";
	/** Anywhere on the disk, or one behind the other. */
	readonly order: "random" | "sequential";
	/** Bytes of one request: whole sectors. */
	readonly sizeBytes: number;
	/** Requests under way at a time. */
	readonly window: number;
	readonly durationMs: number;
	readonly clock: Clock;
	readonly random?: Random;
}

export interface BenchResult {
	readonly options: BenchOptions;
	readonly requests: number;
	readonly elapsedMs: number;
	/** Half of the requests took no longer, in microseconds. */
	readonly p50Us: number;
	/** 99 of 100 requests took no longer, in microseconds. */
	readonly p99Us: number;
}

/** Measures. Rejects with an InitiatorError if a request fails or does not fit the disk. */
export async function bench(disk: RemoteDisk, options: BenchOptions): Promise<BenchResult> {
	const { clock, sizeBytes, durationMs, op } = options;
	const sectors = sizeBytes / SECTOR_BYTES;
	const places = Math.floor(disk.sectorCount / sectors);
	if (!Number.isInteger(sectors) || sectors < 1 || places < 1)
		throw new InitiatorError(`${disk.name}: requests of ${sizeBytes} bytes do not fit it`);
	const random = options.random ?? new Random();
	const latencies = createHistogram();
	const data = Uint8Array.from({ length: sizeBytes }, () => random.below(256));
	let requests = 0;
	let next = 0;
	const startMs = clock.now();
	const worker = async (): Promise<void> => {
		for (let beganMs = clock.now(); beganMs - startMs < durationMs; beganMs = clock.now()) {
			const place = options.order === "random" ? random.below(places) : next++ % places;
			if (op === "read") await disk.read(place * sectors, sectors);
			else await disk.write(place * sectors, data);
			requests += 1;
			latencies.record(Math.max(1, Math.round((clock.now() - beganMs) * 1000)));
		}
	};
	await Promise.all(Array.from({ length: options.window }, worker));
	const elapsedMs = clock.now() - startMs;
	return {
		options,
		requests,
		elapsedMs,
		p50Us: latencies.percentile(50),
		p99Us: latencies.percentile(99),
	};
}

/** One line: `4 KiB random reads, window 16: 41000/s, 168 MB/s, p50 380 us, p99 720 us`. */
export function formatBench({ options, requests, elapsedMs, p50Us, p99Us }: BenchResult): string {
	const { sizeBytes, order, op, window } = options;
	const perSecond = (requests * 1000) / elapsedMs;
	const megabytes = (perSecond * sizeBytes) / 1e6;
	const rate = `${perSecond.toFixed(0)}/s, ${megabytes.toFixed(megabytes < 10 ? 1 : 0)} MB/s`;
	const latency = `p50 ${p50Us} us, p99 ${p99Us} us`;
	return `${formatSize(sizeBytes)} ${order} ${op}s, window ${window}: ${rate}, ${latency}`;
}

function formatSize(sizeBytes: number): string {
	if (sizeBytes % 2 ** 20 === 0) return `${sizeBytes / 2 ** 20} MiB`;
	return sizeBytes % 1024 === 0 ? `${sizeBytes / 1024} KiB` : `${sizeBytes} bytes`;
}
