/**
 * Runs the checks one after the other. Each has a time limit, and whatever goes wrong within one is a finding of that one: none
 * ends the others. What comes of it is for `report.ts`.
 */

import { type Clock, systemClock } from "../clock.js";
import { type Check, type Context, type Finding, warn } from "./check.js";

/** A finding, and which check it is of. */
export interface Result extends Finding {
	readonly check: string;
}

/** Calls `told` with each finding as soon as it is there, and resolves to all of them. */
export async function examine(
	checks: readonly Check[],
	context: Context,
	told: (result: Result) => void = () => {},
	clock: Clock = systemClock,
): Promise<Result[]> {
	const results: Result[] = [];
	for (const check of checks)
		for (const finding of await carryOut(check, context, clock)) {
			const result = { check: check.name, ...finding };
			results.push(result);
			told(result);
		}
	return results;
}

async function carryOut(check: Check, context: Context, clock: Clock): Promise<readonly Finding[]> {
	let cancel = (): void => {};
	const late = new Promise<readonly Finding[]>((resolve) => {
		cancel = clock.after(check.limitMs, () =>
			resolve([
				warn(
					`${check.name}: not done within ${check.limitMs / 1000} s`,
					"something that was asked does not answer",
				),
			]),
		);
	});
	const done = (async () => check.run(context))().catch((error: unknown) => [
		warn(`${check.name}: could not be looked at`, error instanceof Error ? error.message : String(error)),
	]);
	try {
		return await Promise.race([done, late]);
	} finally {
		cancel();
	}
}
