/**
 * How fast interfaces are, as the kernel says it in /sys, which control can't read. Asked by the opener for status. Most interfaces that
 * are none of hardware have no speed.
 */

import { readFile } from "node:fs/promises";
import path from "node:path";

const FOLDER = "/sys/class/net";
const BITS_PER_MEGABIT = 1e6;

/** By name, in bits per second; those that have none are left out. */
export async function speedsOf(names: readonly string[], folder = FOLDER): Promise<Record<string, number>> {
	const found = await Promise.all(
		names.map(async (name) => [name, await speedOf(path.join(folder, name))] as const),
	);
	return Object.fromEntries(found.filter(([, speed]) => speed > 0));
}

async function speedOf(folder: string): Promise<number> {
	try {
		// -1 if it is not known, an error if it is down.
		return Number(await readFile(path.join(folder, "speed"), "latin1")) * BITS_PER_MEGABIT;
	} catch {
		return 0;
	}
}
