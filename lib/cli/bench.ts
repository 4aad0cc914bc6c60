/**
 * `vblade bench`: how fast a blade is, in one line. Called by `commands.ts` with the arguments after the word "bench". On a
 * network interface the measuring is done by `lib/client/load.ts`; on other links, and where a request takes several
 * frames, by the plain initiator of `lib/client/bench.ts`.
 */

import { randomInt } from "node:crypto";
import { bench, formatBench, formatSize, type Workload } from "../client/bench.js";
import type { Initiator } from "../client/initiator.js";
import { type LoadReport, prepareLoad } from "../client/load.js";
import type { RemoteDisk } from "../client/remote-disk.js";
import { OperatorError } from "../errors.js";
import { PacketLink } from "../link/packet.js";
import type { CommandLine } from "../spec/getopt.js";
import type { NumberForm } from "../spec/ranges.js";
import { SHELF_MAX, SLOT_MAX } from "../spec/ranges.js";
import { readNumber, sizeBytes } from "../spec/values.js";
import { counted, quote } from "../text.js";
import { SECTOR_BYTES } from "../wire/sector.js";
import {
	EXIT_FAILED,
	type Output,
	processOutput,
	tellingFailures,
	understand,
	withInitiator,
} from "./client.js";
import { BENCH, type OptionName } from "./options.js";

const SIZE_MAX_BYTES = 16 * 2 ** 20;
const SIZE_USUAL_BYTES = 4096;
const WINDOW_MAX = 1024;
const SECONDS_MAX = 3600;
const SECONDS_USUAL = 3;
const REQUESTS_MAX = 1e12;
const SEED_LIMIT = 2 ** 32;

interface Wanted {
	readonly netif: string;
	readonly shelf: number;
	readonly slot: number;
	/** Undefined: 4 KiB, or what fits a frame. */
	readonly sizeBytes: number | undefined;
	readonly workload: Omit<Workload, "sizeBytes">;
	readonly verify: boolean;
	readonly json: boolean;
}

/**
 * Measures, prints one line, and resolves to the exit status: 0, or 1 if the blade does not answer, a request fails or a
 * sector is not what it has to be. Throws an OperatorError for arguments that make no sense and links that can't be opened.
 */
export async function benchCommand(argv: readonly string[], output: Output = processOutput): Promise<number> {
	const line = await understand(BENCH, argv, output);
	if (line === undefined) return 0;
	const wanted = readWanted(line);
	const { netif, shelf, slot, workload } = wanted;
	let measure: (() => Promise<LoadReport>) | undefined;
	const status = await withInitiator(netif, workload.window, output, async (initiator) => {
		const disk = await initiator.open(shelf, slot);
		measure = await choose(wanted, initiator, disk, output);
		return 0;
	});
	if (status !== 0 || measure === undefined) return status;
	// Only now, when nobody else listens on the interface.
	const run = measure;
	return tellingFailures(output, async () => tell(await run(), wanted, output));
}

/** What is to be measured. Throws an OperatorError for values that make no sense. */
function readWanted(line: CommandLine<OptionName<typeof BENCH>>): Wanted {
	const [netif = "", shelf = "", slot = ""] = line.positionals;
	const number = (name: OptionName<typeof BENCH>, form: NumberForm): number | undefined => {
		const text = line.last(name);
		return text === undefined ? undefined : readNumber(name, text, form);
	};
	const size = line.last("size");
	const requests = number("requests", { min: 1, max: REQUESTS_MAX });
	const standard = requests === undefined ? SECONDS_USUAL : SECONDS_MAX;
	const writePercent = number("write", { min: 1, max: 100 }) ?? 0;
	const verify = line.has("verify");
	if (verify && (writePercent === 0 || writePercent === 100))
		throw new OperatorError("verify: needs reads and writes; give --write=percent, 1 to 99");
	return {
		netif,
		shelf: readNumber("shelf", shelf, { min: 0, max: SHELF_MAX }),
		slot: readNumber("slot", slot, { min: 0, max: SLOT_MAX }),
		sizeBytes: size === undefined ? undefined : readSize(size),
		workload: {
			writePercent,
			order: line.has("sequential") ? "sequential" : "random",
			window: readNumber("window", line.last("window") ?? "", { min: 1, max: WINDOW_MAX }),
			durationMs: (number("seconds", { min: 0.1, max: SECONDS_MAX, fraction: true }) ?? standard) * 1000,
			requests,
		},
		verify,
		json: line.has("json"),
	};
}

/** The bytes that `512`, `4k` or `1M` mean. */
function readSize(text: string): number {
	const bytes = /[gt]$/i.test(text) ? 0 : (sizeBytes(text) ?? 0);
	if (!(bytes >= SECTOR_BYTES && bytes <= SIZE_MAX_BYTES && bytes % SECTOR_BYTES === 0))
		throw new OperatorError(`size ${quote(text)}: a multiple of 512 bytes from 512 to 16M is allowed`);
	return bytes;
}

/** Decides how to measure. What the load generator can't do has been measured by the plain initiator when this resolves. */
async function choose(
	wanted: Wanted,
	initiator: Initiator,
	disk: RemoteDisk,
	output: Output,
): Promise<() => Promise<LoadReport>> {
	const { link } = initiator;
	const frameBytes = disk.sectorsPerFrame * SECTOR_BYTES;
	const onInterface = link instanceof PacketLink;
	const sizeBytes =
		wanted.sizeBytes ?? (onInterface ? Math.min(SIZE_USUAL_BYTES, frameBytes) : SIZE_USUAL_BYTES);
	const window = Math.min(wanted.workload.window, disk.blade.bufferCount);
	if (window < wanted.workload.window)
		output.err(`vblade: window ${window}: ${disk.name} takes no more requests at a time\n`);
	const workload = { ...wanted.workload, window, sizeBytes };
	if (onInterface && sizeBytes <= frameBytes)
		return prepareLoad(disk, link.name, workload, wanted.verify, randomInt(SEED_LIMIT));
	if (wanted.verify)
		throw new OperatorError("verify: only on a network interface, with requests that fit a frame");
	if (onInterface)
		output.err(
			`vblade: a frame holds ${formatSize(frameBytes)}: larger requests go through a slower initiator\n`,
		);
	const result = await bench(disk, { ...workload, clock: initiator.clock });
	const report = { ...result, sentAgain: initiator.stats.retransmissions, errors: 0, wrongSectors: 0 };
	return () => Promise.resolve(report);
}

/** Prints the result. Resolves to the exit status. */
function tell(report: LoadReport, { netif, shelf, slot, json }: Wanted, output: Output): number {
	const { workload, sentAgain, errors, wrongSectors, ...times } = report;
	if (json) {
		const requestsPerSecond = (report.requests * 1000) / report.elapsedMs;
		const all = {
			netif,
			shelf,
			slot,
			...workload,
			...times,
			requestsPerSecond,
			sentAgain,
			errors,
			wrongSectors,
		};
		output.out(`${JSON.stringify(all)}\n`);
	} else {
		if (report.requests > 0) output.out(`${formatBench(report)}\n`);
		if (sentAgain > 0) output.err(`vblade: ${counted(sentAgain, "frame")} had to be sent again\n`);
		if (errors > 0) output.err(`vblade: ${counted(errors, "request")} failed\n`);
		if (wrongSectors > 0)
			output.err(`vblade: ${counted(wrongSectors, "sector")} did not hold what had been written\n`);
	}
	return errors > 0 || wrongSectors > 0 ? EXIT_FAILED : 0;
}
