/** Load for iSCSI servers, by the generator in C beside (iscsi-load.c). Used by `iscsi-figures.ts`, which gets a sample as of any other load. */

import { existsSync } from "node:fs";
import path from "node:path";
import { PROJECT } from "../support/paths.js";
import { run } from "../support/process.js";
import type { IscsiContender } from "./iscsi-servers.js";
import { cpuOfAll, residentKib } from "./processes.js";
import type { Sample } from "./sample.js";

/** Made by scripts/setup. */
const PROGRAM = path.join(PROJECT, "build/test/bench/iscsi-load");
const GRACE_MS = 60_000;

export interface IscsiLoad {
	readonly isWriting: boolean;
	/** One block after the other rather than at random. */
	readonly isInOrder: boolean;
	readonly blockBytes: number;
	/** Commands under way. */
	readonly depth: number;
	readonly hasDataDigest: boolean;
	/** Bytes of the disk that it is for. */
	readonly sizeBytes: number;
	readonly seconds: number;
	readonly seed: number;
}

/** What the generator says. */
interface Report {
	readonly requests: number;
	readonly seconds: number;
	readonly p50Us: number;
	readonly p99Us: number;
	readonly p999Us: number;
	readonly maxUs: number;
}

/** `imageFolder`: by which the server's images are told from its memory. Throws with what the generator said if it has met an error. */
export async function iscsiSample(
	server: IscsiContender,
	load: IscsiLoad,
	place: { readonly namespace: string; readonly imageFolder: string },
): Promise<Sample> {
	if (!existsSync(PROGRAM)) throw new Error(`there is no ${PROGRAM}; scripts/setup makes it`);
	const { address, port, target, lun } = partsOf(server.url);
	const command = [
		...[PROGRAM, address, port, target, lun],
		...[load.isWriting ? "write" : "read", load.isInOrder ? "order" : "random"],
		...[load.blockBytes, load.sizeBytes, load.depth, load.seconds, load.seed].map(String),
		load.hasDataDigest ? "CRC32C" : "None",
	];
	const before = cpuOfAll(server.pids);
	const { code, stdout, output } = await run(command, load.seconds * 1000 + GRACE_MS, {
		namespace: place.namespace,
	});
	const cpu = cpuOfAll(server.pids) - before;
	if (code !== 0) throw new Error(`iscsi-load: ${output}`);
	const { requests, seconds, ...latencies } = JSON.parse(stdout) as Report;
	return {
		...latencies,
		requestsPerSecond: requests / seconds,
		lost: 0,
		cpuPer100k: (cpu / requests) * 100_000,
		residentKib: residentKib(server.pids, place.imageFolder),
	};
}

function partsOf(url: string): { address: string; port: string; target: string; lun: string } {
	const [, address = "", port = "", target = "", lun = ""] =
		/^iscsi:\/\/([\d.]+):(\d+)\/([^/]+)\/(\d+)$/.exec(url) ?? [];
	return { address, port, target, lun };
}
