/**
 * What control takes with 4,096 disks that are all in use: the metrics, the list of the page, a look, a reload that adds one, and memory. By
 * real HTTP, from a process of its own; workers and opener are fakes. `node --expose-gc build/test/control/control-bench.js`
 */

import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { Control } from "../../lib/control/control.js";
import { FakeWorkers } from "./fake-workers.js";
import { figuresOf, lookOf, viewOf } from "./figures.js";
import { ask, FakeOpener, STARTED, settle } from "./stage.js";

const DISKS = 4096;
const ROUNDS = 5;
const SOCKET = `\0vblade-bench-${process.env.VBLADE_BENCH_PARENT ?? process.pid}`;

function textOf(disks: number): string {
	const tables: string[] = [];
	for (let index = 0; index < disks; index++)
		tables.push(
			`[disk.d${index}]\nmemory = "1M"\n[disk.d${index}.aoe]\naddress = "${index >> 7}.${index & 127}"\nnetif = ["eth0"]\n`,
		);
	return tables.join("");
}

function say(what: string, value: number, unit: string): void {
	process.stdout.write(`${what.padEnd(48)}${value.toFixed(1).padStart(10)} ${unit}\n`);
}

function heapBytes(): number {
	globalThis.gc?.();
	const { heapUsed, arrayBuffers } = process.memoryUsage();
	return heapUsed + arrayBuffers;
}

async function timed(work: () => Promise<unknown>): Promise<number> {
	let best = Infinity;
	for (let round = 0; round < ROUNDS; round++) {
		const begin = performance.now();
		await work();
		best = Math.min(best, performance.now() - begin);
	}
	return best;
}

async function serve(): Promise<void> {
	const opener = new FakeOpener();
	const workers = new FakeWorkers();
	opener.text = textOf(DISKS);
	const before = heapBytes();
	const quiet = { error: () => {}, warn: () => {}, info: () => {}, verbose: () => {} };
	const control = await Control.start({
		version: "1.0",
		sinceMs: 0,
		started: STARTED,
		opener,
		workers,
		interfaceNames: () => ["eth0"],
		listeners: [{ transport: "unix", where: { path: SOCKET } }],
		assets: new Map(),
		log: quiet,
	});
	await settle();
	say("memory of a disk, never used", (heapBytes() - before) / DISKS / 1024, "KiB");
	const { observed } = control.inside;
	const names = Array.from({ length: DISKS }, (_, index) => `d${index}`);
	const views = names.map((name) => viewOf(name));
	for (let step = 1; step <= 4; step++) {
		const look = lookOf(
			names.map((name) => figuresOf(name, 100 * step, 50 * step)),
			{ views },
		);
		const begin = performance.now();
		observed.take([look], Date.now() + 1000 * step);
		if (step === 4) say("a look at all of them, all in use", performance.now() - begin, "ms");
	}
	say("memory of a disk, with its history", (heapBytes() - before) / DISKS / 1024, "KiB");
	const begin = performance.now();
	observed.take([lookOf([])], Date.now() + 5000);
	say("a look at all of them, idle", performance.now() - begin, "ms");
	opener.text = textOf(DISKS + 1);
	const reload = performance.now();
	await control.reload();
	say("a reload that adds one", performance.now() - reload, "ms");
	process.send?.("ready");
	process.once("message", () => void control.close().then(() => process.disconnect()));
}

async function main(): Promise<void> {
	const child = fork(fileURLToPath(import.meta.url), {
		execArgv: ["--expose-gc"],
		env: { ...process.env, VBLADE_BENCH_PARENT: String(process.pid) },
	});
	await new Promise((resolve, reject) => {
		child.once("message", resolve);
		child.once("exit", reject);
	});
	const get = (address: string) => () => ask({ socketPath: SOCKET }, "GET", address);
	say("/metrics", await timed(get("/metrics")), "ms");
	say("/metrics?histograms=true", await timed(get("/metrics?histograms=true")), "ms");
	const { text } = await get("/metrics?histograms=true")();
	say("  lines", text.split("\n").length, "");
	say("/api/v1/disks, a page of 1000", await timed(get("/api/v1/disks")), "ms");
	say("/api/v1/disks, all", await timed(get("/api/v1/disks?limit=10000")), "ms");
	say("/api/v1/disks, the 50 slowest", await timed(get("/api/v1/disks?sort=latency&limit=50")), "ms");
	say("/api/v1/status", await timed(get("/api/v1/status")), "ms");
	child.send("end");
}

await (process.env.VBLADE_BENCH_PARENT === undefined ? main() : serve());
