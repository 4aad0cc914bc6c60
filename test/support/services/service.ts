/**
 * Real services for tests, on loopback of a network namespace that the test has made: each has a folder of its own, is ready when it
 * says so or fails within a limit with what it said, and ends with the test, however that ends. Used by those beside this.
 */

import { existsSync, readFileSync } from "node:fs";
import { until } from "../cleanup.js";
import type { Program } from "../process.js";

/** Loading takes its time on a machine that does other things. */
const START_MS = 60_000;

/** Waits until `isReady`; throws with what the programs said if one of them ends, or it takes too long. */
export async function ready(
	what: string,
	programs: readonly Program[],
	logs: readonly string[],
	isReady: () => Promise<boolean>,
): Promise<void> {
	try {
		await until(
			what,
			() => {
				const ended = programs.find((program) => program.ended !== undefined);
				if (ended !== undefined) throw new Error(`${what}: ${ended.command.join(" ")} has ended`);
				return isReady().catch(() => false);
			},
			START_MS,
		);
	} catch (error) {
		const said = [
			...programs.map(({ output }) => output),
			...logs.filter((log) => existsSync(log)).map((log) => readFileSync(log, "utf8")),
		];
		throw new Error(`${String(error)}\n${said.map((text) => text.slice(-2000)).join("\n")}`);
	}
}

/** Whether a page is there and has the text. */
export async function says(url: string, text: string): Promise<boolean> {
	const answer = await fetch(url, { signal: AbortSignal.timeout(2_000) });
	return answer.ok && (await answer.text()).includes(text);
}
