/**
 * `vblade bench`: how fast a blade is through our own initiator, in one line. Called by `vblade.ts` with the arguments after
 * the word "bench"; the measuring is in `lib/client/bench.ts`.
 */

import { SHELF_MAX, SLOT_MAX } from "../blade.js";
import { bench, formatBench } from "../client/bench.js";
import { OperatorError } from "../errors.js";
import { quote } from "../text.js";
import {
	commandLine,
	type Output,
	parse,
	processOutput,
	readNumber,
	withInitiator,
} from "./client-arguments.js";

const SECTOR_BYTES = 512;
const SIZE_MAX_BYTES = 16 * 2 ** 20;
const WINDOW_MAX = 1024;
const SECONDS_MAX = 3600;
const UNIT_BYTES: Readonly<Record<string, number>> = { "": 1, k: 2 ** 10, m: 2 ** 20 };

/**
 * Measures, prints one line, and resolves to the exit status: 0, or 1 if the blade does not answer or a request fails.
 * Throws an OperatorError for arguments that make no sense and ports that can't be opened.
 */
export async function benchCommand(argv: readonly string[], output: Output = processOutput): Promise<number> {
	const parser = commandLine("bench", "<netif> <shelf> <slot>", "Measures how fast a blade is.")
		.positional("netif", { type: "string", demandOption: true, describe: "an interface or unix:PATH" })
		.positional("shelf", { type: "string", demandOption: true, describe: `0 to ${SHELF_MAX}` })
		.positional("slot", { type: "string", demandOption: true, describe: `0 to ${SLOT_MAX}` })
		.option("write", { type: "boolean", default: false, describe: "write: DESTROYS what is on the disk" })
		.option("sequential", { type: "boolean", default: false, describe: "in order, not anywhere" })
		.option("size", { type: "string", default: "4k", describe: "of one request: bytes, or with k or M" })
		.option("window", { type: "string", default: "16", describe: "requests under way at a time" })
		.option("seconds", { type: "string", default: "3", describe: "how long to measure" });
	const values = await parse(parser, argv, output);
	if (values === undefined) return 0;
	const shelf = readNumber("shelf", values.shelf, 0, SHELF_MAX);
	const slot = readNumber("slot", values.slot, 0, SLOT_MAX);
	const sizeBytes = readSize(values.size);
	const window = readNumber("window", values.window, 1, WINDOW_MAX);
	const seconds = readNumber("seconds", values.seconds, 0.1, SECONDS_MAX, false);
	return withInitiator(values.netif, window, output, async (initiator) => {
		const disk = await initiator.open(shelf, slot);
		const result = await bench(disk, {
			op: values.write ? "write" : "read",
			order: values.sequential ? "sequential" : "random",
			sizeBytes,
			window,
			durationMs: seconds * 1000,
			clock: initiator.clock,
		});
		output.out(`${formatBench(result)}\n`);
		const { retransmissions } = initiator.stats;
		if (retransmissions > 0) output.err(`vblade: ${retransmissions} frames had to be sent again\n`);
		return 0;
	});
}

/** The bytes that `512`, `4k` or `1M` mean. */
function readSize(text: string): number {
	const [, digits = "", unit = ""] = /^([0-9]+)([kKmM]?)$/.exec(text) ?? [];
	const bytes = Number(digits) * (UNIT_BYTES[unit.toLowerCase()] ?? 0);
	if (!(bytes >= SECTOR_BYTES && bytes <= SIZE_MAX_BYTES && bytes % SECTOR_BYTES === 0))
		throw new OperatorError(`size ${quote(text)}: a multiple of 512 bytes from 512 to 16M is allowed`);
	return bytes;
}
