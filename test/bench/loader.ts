/**
 * The initiators' side of a measurement: the load generator in the client's namespace, on a core of its own, told what to
 * do from here. Used by `measure.ts`.
 */

import path from "node:path";
import type { LoadOptions, LoadResult } from "../../lib/client/load-addon.js";
import { parseMac } from "../../lib/wire/mac.js";
import type { Lan } from "../support/netns.js";
import { PROJECT } from "../support/paths.js";
import type { Program } from "../support/process.js";

/** A line to the load generator. */
export interface LoadRequest {
	readonly interfaceName: string;
	readonly options: LoadOptions;
}

/** Its answer. */
export type LoadAnswer = { readonly result: LoadResult } | { readonly failed: string };

/** How long a run may take beyond its own time: the load generator gives up after 10 s without an answer. */
const GRACE_MS = 15_000;

/** Reads of 4 KiB, 16 at a time, of what is soon in memory. */
export const HOT_READS = {
	sectors: 8,
	window: 16,
	writePercent: 0,
	sequential: 0,
	verify: 0,
	firstLba: 0,
	blocks: 256,
	requests: 0,
	seed: 1,
} as const;

export class Loader {
	readonly #lan: Lan;
	readonly #interfaceName: string;
	readonly #program: Program;

	constructor(lan: Lan, core: number, interfaceName = "lan0") {
		this.#lan = lan;
		this.#interfaceName = interfaceName;
		const script = path.join(PROJECT, "build/test/bench/load-process.js");
		this.#program = lan.client.start(["taskset", "-c", String(core), process.execPath, script]);
	}

	/** Runs a load against the server on the other end of the cable. Throws with the reason if it does not answer. */
	async run(options: Omit<LoadOptions, "targetMac">): Promise<LoadResult> {
		const interfaceName = this.#interfaceName;
		const targetMac = parseMac(this.#lan.server.mac(interfaceName)) ?? 0;
		const request: LoadRequest = { interfaceName, options: { ...options, targetMac } };
		const from = this.#program.output.length;
		this.#program.write(`${JSON.stringify(request)}\n`);
		const limitMs = options.seconds * 1000 + GRACE_MS;
		const [line] = await this.#program.waitFor(/^\{.*\}$/m, limitMs, from).catch(() => {
			const why = this.#program.ended ? "has ended" : `did not answer within ${limitMs} ms`;
			throw new Error(`the load generator ${why}\n${this.#program.output.slice(from)}`);
		});
		const answer = JSON.parse(line) as LoadAnswer;
		if ("failed" in answer) throw new Error(answer.failed);
		return answer.result;
	}

	async stop(): Promise<void> {
		await this.#program.stop();
	}
}
