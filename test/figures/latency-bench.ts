/**
 * Whether the figures agree with what an initiator sees: a server and the load generator on a virtual cable, in one process; the
 * p50 and p99 of both, and how they compare. For people: `node build/test/figures/latency-bench.js [FOLDER]`, the folder on a real
 * disk, as root. What counts is where a request takes 200 us or more.
 */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parseArguments } from "../../lib/cli/arguments.js";
import { specOf } from "../../lib/cli/specs.js";
import { type LoadOptions, loadRun } from "../../lib/client/load-addon.js";
import { readFigures } from "../../lib/daemon/figures-frame.js";
import { startDaemon } from "../../lib/daemon/start.js";
import { HISTOGRAM_CLASSES, quantileOf } from "../../lib/histogram.js";
import { interfaceInfo, interfaceNames } from "../../lib/link/interfaces.js";
import { inNamespace } from "../support/in-namespace.js";
import { ip } from "../support/netns.js";

const BLOCK_SECTORS = 8;
const FILE_BYTES = 64 * 1024 * 1024;
const SECONDS = 3;
const silent = { error: () => {}, warn: () => {}, info: () => {}, verbose: () => {} };

const CASES = [
	{ what: "durable writes", durability: "ack", writePercent: 100, window: 1 },
	{ what: "durable writes", durability: "ack", writePercent: 100, window: 16 },
	{ what: "durable writes", durability: "ack", writePercent: 100, window: 64 },
	{ what: "cached reads", durability: "flush", writePercent: 0, window: 1 },
	{ what: "cached reads", durability: "flush", writePercent: 0, window: 16 },
	{ what: "cached reads", durability: "flush", writePercent: 0, window: 256 },
] as const;

async function measure(file: string, { what, durability, writePercent, window }: (typeof CASES)[number]) {
	const words = ["9", "0", "va", file, `--durability=${durability}`, "-b", "256"];
	const invocation = parseArguments(words, interfaceNames);
	if (invocation.kind !== "serve") throw new Error("no command line of serving");
	const server = await startDaemon(specOf(invocation.blades, invocation.options), silent, "0.0.0");
	const load: LoadOptions = {
		targetMac: interfaceInfo("va")?.mac ?? 0,
		shelf: 9,
		slot: 0,
		sectors: BLOCK_SECTORS,
		window,
		writePercent,
		sequential: 0,
		verify: 0,
		firstLba: 0,
		blocks: FILE_BYTES / 512 / BLOCK_SECTORS,
		seconds: SECONDS,
		requests: 0,
		seed: 1,
	};
	await loadRun("vb", { ...load, seconds: 1 });
	const countsNow = async (): Promise<Float64Array> => {
		const { latencies } = readFigures((await server.figures(0)).frame);
		const kind = writePercent === 0 ? 0 : 1;
		const latency = latencies.find((each) => each.of === "disks" && each.kind === kind);
		return latency?.counts ?? new Float64Array(HISTOGRAM_CLASSES);
	};
	const before = await countsNow();
	const { p50Us, p99Us, requests } = await loadRun("vb", load);
	const counts = (await countsNow()).map((count, index) => count - before[index]!);
	await server.close();
	const compared = [
		[50, p50Us],
		[99, p99Us],
	] as const;
	const columns = compared.map(([percent, seenUs]) => {
		const us = quantileOf(counts, percent / 100) * 1e6;
		return `p${percent} ${us.toFixed(0)} us for ${seenUs.toFixed(0)} seen (${(us / seenUs).toFixed(2)})`;
	});
	process.stdout.write(`${what}, window ${window}: ${columns.join(", ")}; ${requests} requests\n`);
}

if (await inNamespace(import.meta.url)) {
	ip("link", "add", "va", "type", "veth", "peer", "name", "vb");
	for (const name of ["va", "vb"]) ip("link", "set", name, "mtu", "9000", "up");
	const folder = mkdtempSync(path.join(process.argv[2] ?? "/var/tmp", "vblade-latency-"));
	process.once("exit", () => rmSync(folder, { recursive: true }));
	const file = path.join(folder, "disk.img");
	writeFileSync(file, Buffer.alloc(FILE_BYTES));
	for (const each of CASES) await measure(file, each);
}
