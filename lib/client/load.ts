/**
 * How fast a blade is when the initiator is no bottleneck: the load generator of `native/bench/load.c`, which keeps a window of
 * requests of one frame each under way on a network interface, in a thread of its own. Called by `lib/cli/bench.ts`, after
 * the plain initiator has found out what the disk is and has left the interface.
 */

import { isNativeError } from "../native.js";
import { SECTOR_BYTES } from "../wire/sector.js";
import { type BenchResult, placesOn, type Workload } from "./bench.js";
import { InitiatorError, NoAnswerError } from "./errors.js";
import { type LoadOptions, type LoadResult, loadRun } from "./load-addon.js";
import type { RemoteDisk } from "./remote-disk.js";

export interface LoadReport extends BenchResult {
	/** Requests that were sent again because no answer came in time (250 ms). */
	readonly sentAgain: number;
	/** Requests answered with an error. */
	readonly errors: number;
	/** With `verify`: sectors read that did not hold what was last written there. */
	readonly wrongSectors: number;
}

/** With `verify` only the beginning of a disk is used, so that most reads find what has been written. */
const VERIFY_PLACES_MAX = 65_536;

/**
 * Makes a run that needs neither `disk` nor its initiator any more. Throws an InitiatorError if it can't be: requests have
 * to fit a frame and the disk, which has to know 48-bit addresses.
 * @param verify stamp every sector written with its address and generation, and check those that are read
 * @param seed which blocks come in which order, and which of them are writes
 */
export function prepareLoad(
	disk: RemoteDisk,
	interfaceName: string,
	workload: Workload,
	verify: boolean,
	seed: number,
): () => Promise<LoadReport> {
	const { name, blade, sectorsPerFrame, identity } = disk;
	const places = placesOn(disk, workload.sizeBytes);
	const sectors = workload.sizeBytes / SECTOR_BYTES;
	if (sectors > sectorsPerFrame)
		throw new InitiatorError(`${name}: ${workload.sizeBytes} bytes do not fit a frame on ${interfaceName}`);
	if (!identity.extended) throw new InitiatorError(`${name}: this disk has no 48-bit addresses`);
	if (verify && places < 2 * workload.window)
		throw new InitiatorError(`${name}: too small to verify ${workload.window} requests at a time`);
	const options: LoadOptions = {
		targetMac: blade.mac,
		shelf: blade.shelf,
		slot: blade.slot,
		sectors,
		window: workload.window,
		writePercent: workload.writePercent,
		sequential: workload.order === "sequential" ? 1 : 0,
		verify: verify ? 1 : 0,
		firstLba: 0,
		blocks: verify ? Math.min(places, VERIFY_PLACES_MAX) : places,
		seconds: workload.durationMs / 1000,
		requests: workload.requests ?? 0,
		seed,
	};
	return () => run(name, interfaceName, workload, options);
}

async function run(
	name: string,
	interfaceName: string,
	workload: Workload,
	options: LoadOptions,
): Promise<LoadReport> {
	let result: LoadResult;
	try {
		result = await loadRun(interfaceName, options);
	} catch (error) {
		if (!isNativeError(error)) throw error;
		if (error.step === "answer") throw new NoAnswerError(`${name}: does not answer any more`);
		throw new InitiatorError(`${name}: ${interfaceName}: ${error.step}: ${error.message}`);
	}
	const { requests, seconds, p50Us, p99Us, p999Us, maxUs, lost, errors, wrong } = result;
	const elapsedMs = seconds * 1000;
	const times = { p50Us, p99Us, p999Us, maxUs };
	return { workload, requests, elapsedMs, ...times, sentAgain: lost, errors, wrongSectors: wrong };
}
