/**
 * What `vblade daemon` takes with 4,096 disks, and what becomes of the data path when its control process is killed: start, reload, memory,
 * idling, metrics and the page. One long set-up for all of it. Called by `main.ts`.
 */

import { pause } from "../support/cleanup.js";
import { Lan } from "../support/netns.js";
import { addressOf, BenchDaemon } from "./daemon-server.js";
import { type Figure, spread } from "./figures.js";
import type { Images } from "./images.js";
import { HOT_READS, Loader } from "./loader.js";
import { reasonOf, type Settings } from "./measure.js";
import { cpuSeconds, pin, residentKib } from "./processes.js";

const figure = (
	key: string,
	title: string,
	unit: Figure["unit"],
	kind: "at least" | "at most",
	value: number,
) =>
	({ key: `daemon ${key}`, title: `daemon of 4,096 disks: ${title}`, unit, bound: { kind, value } }) as const;

/** In the order in which they are measured. */
export const DAEMON_FIGURES = [
	figure("start", "from start to the last one answered", "ms", "at most", 5000),
	figure("reload", "reload that adds one", "ms", "at most", 200),
	figure("reload others", "slowest request of another disk meanwhile", "ms", "at most", 5),
	figure("metrics", "/metrics under load", "ms", "at most", 200),
	figure("metrics histograms", "/metrics with the histograms of each", "ms", "at most", 2000),
	figure("page", "the list of the page", "ms", "at most", 100),
	figure("metrics p99", "p99 of requests while metrics are read, to that without", "times", "at most", 1.05),
	figure(
		"control",
		"throughput while control is killed and comes back, to that without",
		"times",
		"at least",
		0.97,
	),
	figure("control p99.9", "p99.9 of requests meanwhile, to that without", "times", "at most", 1.05),
	figure("idle", "CPU time of all processes without traffic, of one core", "%", "at most", 0.3),
	figure("memory worker", "memory of the worker for each disk more", "KiB", "at most", 16),
	figure("memory control", "memory of control for each disk more", "KiB", "at most", 64),
] as const;

const DISKS = 4096;
const FEW_DISKS = 256;
/** Until garbage of the start has been collected: see `footprint.ts`. */
const COLLECTED_AFTER_MS = 40_000;
/** Until that is over with thousands of disks, and each of their addresses has been asked for at growing intervals, the last after a minute. */
const IDLE_AFTER_MS = 100_000;
/** A second of figures has been looked at, and what the start has left is over. */
const SETTLE_MS = 3000;
/** The disk that a load is on. */
const LOADED = 1;
const ONE_REQUEST = { ...HOT_READS, window: 1, requests: 1, seconds: 5 };
/** Of a load beside which something is done. */
const BESIDE_SECONDS = 3;
const BESIDE_AFTER_MS = 500;

class Values {
	readonly #values = new Map<string, number[]>();
	readonly notes = new Map<string, string>();

	add(key: string, value: number): void {
		const values = this.#values.get(`daemon ${key}`) ?? [];
		values.push(value);
		this.#values.set(`daemon ${key}`, values);
	}

	figures(keys: ReadonlySet<string>, failed: string): Figure[] {
		return DAEMON_FIGURES.filter(({ key }) => keys.has(key)).map((about) => {
			const values = this.#values.get(about.key);
			const value = values === undefined ? undefined : spread(values);
			return {
				...about,
				against: "",
				value,
				note: value === undefined ? failed : (this.notes.get(about.key) ?? ""),
			};
		});
	}
}

interface DaemonPlan {
	readonly footprints: ReadonlySet<string>;
	readonly settings: Settings;
	readonly idleSeconds: number;
}

/** Those that are wanted. Whatever can't be measured says why, and does the others no harm. */
export async function daemonFigures(
	{ footprints: keys, settings, idleSeconds }: DaemonPlan,
	images: Images,
	progress: (text: string) => void,
): Promise<Figure[]> {
	const wants = (...names: string[]) => names.some((name) => keys.has(`daemon ${name}`));
	if (!DAEMON_FIGURES.some(({ key }) => keys.has(key))) return [];
	const values = new Values();
	const failed: string[] = [];
	const attempt = async (what: string, measure: () => Promise<void>): Promise<void> => {
		progress(`daemon: ${what}`);
		await measure().catch((error: unknown) => failed.push(reasonOf(error)));
	};
	const memory = wants("memory worker", "memory control");
	const few = memory ? await withDaemon(FEW_DISKS, images, settings, memoryOf) : undefined;
	for (let round = 0; round < settings.rounds; round++)
		await attempt(`round ${round + 1} of ${settings.rounds}`, () =>
			withDaemon(DISKS, images, settings, async (measured) => {
				values.add("start", measured.startMs);
				// It hardly varies, and takes its time.
				if (round === 0 && few !== undefined) {
					const many = await memoryOf(measured);
					for (const kind of ["worker", "control"] as const)
						values.add(`memory ${kind}`, (many[kind] - few[kind]) / (DISKS - FEW_DISKS));
				}
				if (wants("reload", "reload others")) await measureReload(measured, images, values);
				if (wants("metrics", "metrics histograms", "page", "metrics p99"))
					await measureMetrics(measured, values);
				if (wants("control", "control p99.9")) await measureControl(measured, values);
				if (wants("idle") && round === 0) await measureIdle(measured, idleSeconds, values);
			}),
		);
	return values.figures(keys, failed[0] ?? "not measured");
}

interface Measured {
	readonly daemon: BenchDaemon;
	readonly loader: Loader;
	/** Until the last disk has answered. */
	readonly startMs: number;
	readonly imageFolder: string;
}

/**
 * Once all is served, the worker stays on the core that servers are measured on, as in all rows. Opener and control run where there is
 * room: the scheduler would move the worker to them, or to the load generator, and then measures its own choice.
 */
async function withDaemon<T>(
	disks: number,
	images: Images,
	{ targetCore, loadCore }: Settings,
	look: (measured: Measured) => Promise<T>,
): Promise<T> {
	const files = images.small(disks);
	images.written(files[LOADED]!);
	const lan = new Lan({ mtu: 9000 });
	const loader = new Loader(lan, loadCore);
	try {
		const begin = performance.now();
		const daemon = await BenchDaemon.start(lan, files, ["--durability=flush"]);
		try {
			for (const index of [0, disks >> 1, disks - 1])
				await loader.run({ ...ONE_REQUEST, ...addressOf(index) });
			const startMs = performance.now() - begin;
			pin(daemon.pidOf.get("worker") ?? 0, targetCore);
			await pause(SETTLE_MS);
			return await look({ daemon, loader, startMs, imageFolder: images.memoryDirectory });
		} finally {
			await daemon.stop();
		}
	} finally {
		await loader.stop();
		lan.remove();
	}
}

async function memoryOf({ daemon, imageFolder }: Measured): Promise<{ worker: number; control: number }> {
	await pause(COLLECTED_AFTER_MS);
	const of = (kind: string): number => residentKib([daemon.pidOf.get(kind) ?? 0], imageFolder);
	return { worker: of("worker"), control: of("control") };
}

/** A load on a disk, and what is done beside it. */
async function beside({ loader }: Measured, act: () => Promise<void>) {
	const load = loader.run({ ...HOT_READS, ...addressOf(LOADED), seconds: BESIDE_SECONDS });
	await pause(BESIDE_AFTER_MS);
	await act();
	return load;
}

const nothing = async (): Promise<void> => {};

async function measureReload(measured: Measured, images: Images, values: Values): Promise<void> {
	const { daemon } = measured;
	const files = images.small(DISKS + 1);
	daemon.configure(files);
	values.add("reload", await daemon.reload());
	daemon.configure(files.slice(0, DISKS));
	await daemon.reload();
	daemon.configure(files);
	const { maxUs } = await beside(measured, async () => void (await daemon.reload()));
	values.add("reload others", maxUs / 1000);
	const { maxUs: without } = await beside(measured, nothing);
	values.notes.set("daemon reload others", `without a reload ${(without / 1000).toFixed(1)} ms`);
}

async function measureMetrics(measured: Measured, values: Values): Promise<void> {
	const { daemon } = measured;
	const without = await beside(measured, nothing);
	const during = await beside(measured, async () => {
		values.add("metrics", await daemon.get("/metrics"));
		values.add("page", await daemon.get("/api/v1/disks"));
		values.add("metrics histograms", await daemon.get("/metrics?histograms=true"));
	});
	values.add("metrics p99", during.p99Us / without.p99Us);
}

async function measureControl(measured: Measured, values: Values): Promise<void> {
	const { daemon } = measured;
	const without = await beside(measured, nothing);
	const during = await beside(measured, () => daemon.tree.kill("control"));
	await daemon.findProcesses();
	values.add("control", during.requests / during.seconds / (without.requests / without.seconds));
	values.add("control p99.9", during.p999Us / without.p999Us);
}

async function measureIdle({ daemon }: Measured, seconds: number, values: Values): Promise<void> {
	await pause(IDLE_AFTER_MS);
	for (let window = 0; window < 3; window++) {
		const before = cpuSeconds(daemon.pids);
		const begin = performance.now();
		await pause(seconds * 1000);
		values.add("idle", ((cpuSeconds(daemon.pids) - before) / ((performance.now() - begin) / 1000)) * 100);
	}
}
