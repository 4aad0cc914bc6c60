/**
 * The load generator as a process, so that it can live in a network namespace and on a core of its own: reads what to do
 * as lines of JSON, runs one after the other with the addon, and answers each with a line. Started by `loader.ts`.
 */

import { createInterface } from "node:readline";
import { loadRun } from "../../lib/client/load-addon.js";
import { isNativeError } from "../../lib/native.js";
import type { LoadAnswer, LoadRequest } from "./loader.js";

async function carryOut({ interfaceName, options }: LoadRequest): Promise<LoadAnswer> {
	try {
		return { result: await loadRun(interfaceName, options) };
	} catch (error) {
		if (!isNativeError(error)) throw error;
		return { failed: error.step === "answer" ? "the blade does not answer" : error.message };
	}
}

for await (const line of createInterface({ input: process.stdin })) {
	const answer = await carryOut(JSON.parse(line) as LoadRequest);
	process.stdout.write(`${JSON.stringify(answer)}\n`);
}
