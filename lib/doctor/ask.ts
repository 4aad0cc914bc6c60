/**
 * Our initiator, for checks that ask the network: opened on an interface for a check, and gone with it. And the search for the
 * longest frame that passes, whatever passes it.
 */

import { Initiator } from "../client/initiator.js";
import type { FoundBlade } from "../client/query.js";
import { OperatorError } from "../errors.js";
import type { InterfaceInfo } from "../link/interfaces.js";
import { openLink } from "../link/open.js";
import { Pump } from "../pump.js";
import { formatMac } from "../wire/mac.js";
import { type Context, type Finding, note } from "./check.js";

/** Answers come from all blades of the network at about the same time. */
const FRAMES_IN_FLIGHT = 4096;
/** How long a question is repeated. */
const DEADLINE_MS = 500;

/** What `ask` finds out on each interface. One that can't be had is a finding, and ends none of the others. */
export async function onEachInterface(
	context: Context,
	ask: (initiator: Initiator, info: InterfaceInfo) => Promise<readonly Finding[]>,
): Promise<Finding[]> {
	const findings: Finding[] = [];
	for (const info of context.interfaces) {
		if (!info.up) continue;
		try {
			findings.push(...(await withInitiator(info, ask)));
		} catch (error) {
			if (!(error instanceof OperatorError)) throw error;
			findings.push(note(`${nameOf(info)}: could not be asked`, error.message));
		}
	}
	return findings;
}

async function withInitiator(
	info: InterfaceInfo,
	ask: (initiator: Initiator, info: InterfaceInfo) => Promise<readonly Finding[]>,
): Promise<readonly Finding[]> {
	const options = { framesInFlight: FRAMES_IN_FLIGHT, log: () => {} };
	const link = await openLink({ kind: "interface", name: nameOf(info) }, new Pump(), options);
	const initiator = new Initiator(link, { deadlineMs: DEADLINE_MS });
	try {
		return await ask(initiator, info);
	} finally {
		initiator.close();
		await link.close();
	}
}

/** The kernel's name. */
export function nameOf(info: InterfaceInfo): string {
	return info.names[0] ?? String(info.index);
}

/** `e9.0` */
export function addressOf({ shelf, slot }: { readonly shelf: number; readonly slot: number }): string {
	return `e${shelf}.${slot}`;
}

/** `02:00:00:00:00:01 (e9.0)` */
export function targetOf(blade: FoundBlade): string {
	return `${formatMac(blade.mac)} (${addressOf(blade)})`;
}

/**
 * The largest size from `least` to `most` that passes, if smaller ones pass wherever larger ones do. Undefined if none does. Asks
 * about the largest first, which mostly passes.
 */
export async function largest(
	least: number,
	most: number,
	passes: (size: number) => Promise<boolean>,
): Promise<number | undefined> {
	if (await passes(most)) return most;
	if (!(await passes(least))) return undefined;
	let [good, bad] = [least, most];
	while (bad - good > 1) {
		const middle = Math.floor((good + bad) / 2);
		if (await passes(middle)) good = middle;
		else bad = middle;
	}
	return good;
}
