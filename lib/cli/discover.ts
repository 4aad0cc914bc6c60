/**
 * `vblade discover`: which blades answer on a link, a line each. Called by `commands.ts` with the arguments after the word
 * "discover"; the asking is in `lib/client/initiator.ts`.
 */

import type { FoundBlade } from "../client/query.js";
import { readNumber } from "../spec/values.js";
import { quote } from "../text.js";
import { formatMac } from "../wire/mac.js";
import { type Output, processOutput, understand, withInitiator } from "./client.js";
import { DISCOVER } from "./options.js";

/** Answers come from all blades of the network at about the same time. */
const FRAMES_IN_FLIGHT = 4096;
const SECONDS_MAX = 60;

/**
 * Prints `e9.0 02:00:00:00:00:01 16 buffers, 16 sectors a frame` for each blade, and its config string if it has one.
 * Resolves to the exit status: 0, or 1 if there is none. Throws an OperatorError for what the operator got wrong.
 */
export async function discoverCommand(
	argv: readonly string[],
	output: Output = processOutput,
): Promise<number> {
	const line = await understand(DISCOVER, argv, output);
	if (line === undefined) return 0;
	const [netif = ""] = line.positionals;
	const seconds = readNumber("seconds", line.last("seconds") ?? "", {
		min: 0.1,
		max: SECONDS_MAX,
		fraction: true,
	});
	return withInitiator(netif, FRAMES_IN_FLIGHT, output, async (initiator) => {
		const found = await initiator.discover({ waitMs: seconds * 1000 });
		for (const blade of found) output.out(`${describe(blade)}\n`);
		if (found.length === 0) output.err(`vblade: nobody answers on ${initiator.link.name}\n`);
		return found.length === 0 ? 1 : 0;
	});
}

function describe(blade: FoundBlade): string {
	const { shelf, slot, mac, bufferCount, sectorsPerFrame, configString } = blade;
	const config = configString.length === 0 ? "" : `, ${quote(Buffer.from(configString).toString("latin1"))}`;
	const room = `${bufferCount} buffers, ${sectorsPerFrame} sectors a frame`;
	return `e${shelf}.${slot} ${formatMac(mac)} ${room}${config}`;
}
