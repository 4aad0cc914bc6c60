/**
 * What a worker has counted, for whoever keeps and shows it: collected about once a second, only what has changed since the asker
 * was last told. That is found out here, by comparing, for requests are to have no more to do than count. Thousands of disks are
 * looked at some in a turn of the loop. Asked by `daemon.ts`.
 */

import { setImmediate as nextTurn } from "node:timers/promises";
import { getHeapStatistics } from "node:v8";
import type { Blade } from "../aoe/blade.js";
import type { Initiator, LinkUse } from "../aoe/initiators.js";
import { REJECT_REASONS, type RejectReason } from "../aoe/stats.js";
import { type Disk, ERROR_CAUSES, type ErrorCause, type IoCounts } from "../disk.js";
import type { Latencies } from "../histogram.js";
import { turn } from "../turn.js";
import type { Disks } from "./disks.js";
import type { Exporters } from "./exporters.js";
import { Budget, type Track, Tracks } from "./figure-tracks.js";
import { DISK_PHASES, type FigureNames, type FigureSection, FigureWriter } from "./figures-frame.js";
import type { Outlet } from "./outlets.js";

/** What a row costs that has to be written, with its histograms. */
const ROW_LOOKS = 32;
/** Looks in which nothing has happened until all is looked at once more: in ten minutes. */
const LEFT_OUT_MAX = 600;
/** Who was last told before so many had gone is told all. */
const GONE_MAX = 4096;

const CAUSES = Object.keys(ERROR_CAUSES) as ErrorCause[];
const REASONS = Object.keys(REJECT_REASONS) as RejectReason[];
type Thing = Exclude<FigureSection, "worker">;

/** What a worker serves: all that is counted in it. */
export interface FigureSources {
	/** By the names that the operator has given them. */
	readonly disks: () => Iterable<readonly [name: string, disk: Disk]>;
	readonly outlets: () => Iterable<Outlet>;
	readonly blades: () => Iterable<Blade>;
	/** The columns of the worker's row. */
	readonly worker: () => readonly number[];
	/** Another number whenever something has come, gone, changed or been counted. */
	readonly activity: () => number;
}

export function figureSources(disks: Disks, exporters: Exporters): FigureSources {
	const { aoe } = exporters;
	return {
		*disks() {
			for (const { name, disk } of disks.held()) if (disk !== null) yield [name, disk];
		},
		outlets: () => aoe.outlets(),
		*blades() {
			for (const { blade } of aoe.exported()) if (blade !== null) yield blade;
		},
		worker() {
			const { user, system } = process.cpuUsage();
			const { putOff, openings } = disks.engine;
			return [(user + system) / 1e6, getHeapStatistics().used_heap_size, putOff, openings.waiting, turn.most];
		},
		activity: () => activityOf(disks, exporters),
	};
}

/** Another number whenever something of them has come, gone, changed or been counted. All that is in it only grows. */
export function activityOf(disks: Disks, { aoe, nbd, iscsi }: Exporters): number {
	let sum = disks.changes + aoe.changes + nbd.activity + iscsi.activity;
	for (const { stats, registry } of aoe.outlets()) {
		sum += stats.requests + stats.replies + stats.protocolErrors + stats.responsesHeard + registry.changes;
		for (const reason of REASONS) sum += stats.rejected[reason];
	}
	return sum;
}

/** One answer, as it grows. */
interface Answer {
	readonly generation: number;
	/** What has changed after this generation is told. */
	readonly since: number;
	readonly writer: FigureWriter;
	readonly disks: { number: number; name: string }[];
	readonly links: { number: number; name: string }[];
	readonly initiators: { number: number; mac: number; disk: number; link: number }[];
}

interface Gone {
	readonly kind: Thing;
	readonly number: number;
	readonly generation: number;
}

/** An answer; `frame` is for `readFigures`. */
export interface Collected {
	readonly generation: number;
	readonly names: FigureNames;
	readonly frame: Float64Array;
}

export class FigureCollector {
	readonly #sources: FigureSources;
	readonly #disks = new Tracks<Disk>();
	readonly #links = new Tracks<LinkUse>();
	/** By number: one of these objects may stand for one initiator after the other. */
	readonly #initiators = new Tracks<number>();
	/** Those of the last time, by number. */
	#askers = new Map<number, Initiator>();
	#gone: readonly Gone[] = [];
	/** Who was last told in this generation or before does not learn of all that are gone. */
	#forgotten = 0;
	#generation = 0;
	#numbers = 0;
	/** When disks and initiators were last looked at, and how often that has been left out since. */
	#activity = -1;
	#leftOut = 0;
	#running: Promise<unknown> = Promise.resolve();

	constructor(sources: FigureSources) {
		this.#sources = sources;
	}

	/**
	 * What has changed since that generation, the one of what the asker was told last; all if it was never told anything (0), or
	 * by another process. One answer after the other.
	 */
	collect(since: number): Promise<Collected> {
		const collected = this.#running.then(() => this.#collect(since));
		this.#running = collected.catch(() => {});
		return collected;
	}

	async #collect(since: number): Promise<Collected> {
		const isQuiet = this.#isQuiet(since);
		const isWhole = since === 0 || since < this.#forgotten || since > this.#generation;
		this.#generation += 1;
		const generation = this.#generation;
		const writer = new FigureWriter(generation);
		const things = { disks: [], links: [], initiators: [] };
		const answer: Answer = { generation, since: isWhole ? 0 : since, writer, ...things };
		writer.row("worker", this.#sources.worker());
		const budget = new Budget();
		if (!isQuiet) await this.#handOn(budget);
		for (const outlet of this.#sources.outlets()) this.#link(answer, outlet);
		if (!isQuiet) await this.#lookAtAll(answer, budget);
		const names = this.#namesFor(answer, isWhole);
		this.#forgetGone();
		return { generation, names, frame: writer.written };
	}

	/** Thousands of disks are not looked at if nothing has happened since who asks was last told; but now and then all the same. */
	#isQuiet(since: number): boolean {
		const activity = this.#sources.activity();
		const isQuiet = activity === this.#activity && since === this.#generation && this.#leftOut < LEFT_OUT_MAX;
		this.#activity = activity;
		this.#leftOut = isQuiet ? this.#leftOut + 1 : 0;
		return isQuiet;
	}

	async #handOn(budget: Budget): Promise<void> {
		for (const blade of [...this.#sources.blades()])
			for (const initiator of blade.initiators) {
				initiator.handOn();
				if (budget.spend(1)) await nextTurn();
			}
	}

	async #lookAtAll(answer: Answer, budget: Budget): Promise<void> {
		const before = this.#askers;
		this.#askers = new Map();
		for (const [name, disk] of [...this.#sources.disks()])
			if (budget.spend(this.#disk(answer, name, disk))) await nextTurn();
		for (const blade of [...this.#sources.blades()])
			for (const initiator of [...blade.initiators])
				if (budget.spend(this.#initiator(answer, initiator))) await nextTurn();
		for (const [number, initiator] of before) this.#lastOf(answer, number, initiator);
		this.#findGone(answer.generation);
	}

	#disk(answer: Answer, name: string, disk: Disk): number {
		const { generation, since, writer } = answer;
		const { stats, device, underWay, faults } = disk;
		const track = this.#disks.of(disk, this.#next, generation);
		const { sizeBytes } = device.info;
		const { delayed, delayedUs } = device;
		const phase = DISK_PHASES.indexOf(disk.phase);
		const total = totalOf(stats) + stats.causes.access + faults + delayed;
		track.look(generation, total, underWay, sizeBytes, phase);
		if (track.since > since) answer.disks.push({ number: track.number, name });
		if (track.changed <= since) return 1;
		const io = columnsOf(stats, underWay, track);
		const causes = CAUSES.map((cause) => stats.causes[cause]);
		const limited = [delayed, delayedUs / 1e6];
		writer.row("disks", [track.number, ...io, sizeBytes, phase, faults, ...limited, ...causes]);
		writeLatencies(writer, "disks", track.number, disk.latencies);
		return ROW_LOOKS;
	}

	#link(answer: Answer, { link, target, stats, registry }: Outlet): void {
		const { generation, since, writer } = answer;
		const { use, inFlight } = target;
		const track = this.#links.of(use, this.#next, generation);
		const { framesIn, framesOut, droppedIn, droppedOut } = link.stats;
		const { requests, replies, protocolErrors } = stats;
		const reasons = REASONS.map((reason) => stats.rejected[reason]);
		const counts = [framesIn, framesOut, droppedIn, droppedOut, requests, replies, protocolErrors];
		const states = [Number(link.up), link.mtu, registry.size, use.known];
		const total = totalOf(use.counts) + sumOf(counts) + sumOf(reasons);
		track.look(generation, total, inFlight, ...states);
		if (track.since > since) answer.links.push({ number: track.number, name: link.name });
		if (track.changed <= since) return;
		const io = columnsOf(use.counts, inFlight, track);
		writer.row("links", [track.number, ...io, ...counts, ...states, ...reasons]);
		writeLatencies(writer, "links", track.number, use.latencies);
	}

	#initiator(answer: Answer, initiator: Initiator): number {
		const { generation, since, writer } = answer;
		const { number, mac, counts, underWay, latencies } = initiator;
		const disk = this.#disks.numberOf(initiator.disk);
		const link = this.#links.numberOf(initiator.link);
		// What has come meanwhile is for the next time.
		if (disk === undefined || link === undefined) return 1;
		const track = this.#initiators.of(number, () => number, generation);
		this.#askers.set(number, initiator);
		track.look(generation, totalOf(counts), underWay);
		if (track.since > since) answer.initiators.push({ number, mac, disk, link });
		if (track.changed <= since) return 1;
		writer.row("initiators", [number, disk, link, ...columnsOf(counts, underWay, track)]);
		writeLatencies(writer, "initiators", number, latencies);
		return ROW_LOOKS;
	}

	/** What one has done since it was last told of, whose disk was closed or fenced meanwhile. Another one may have its object by now. */
	#lastOf({ generation, writer }: Answer, number: number, initiator: Initiator): void {
		const track = this.#initiators.leaving(number, generation);
		const disk = this.#disks.numberOf(initiator.disk);
		const link = this.#links.numberOf(initiator.link);
		if (track === undefined || disk === undefined || link === undefined || initiator.number !== number)
			return;
		const { counts, latencies } = initiator;
		track.lookBack(generation, totalOf(counts), 0);
		if (track.changed < generation) return;
		writer.row("initiators", [number, disk, link, ...columnsOf(counts, 0, track)]);
		writeLatencies(writer, "initiators", number, latencies);
	}

	/** Those that were not there this time: a link that goes takes its exports with it, which is no quiet. */
	#findGone(generation: number): void {
		const goneOf = (kind: Thing, numbers: readonly number[]): Gone[] =>
			numbers.map((number) => ({ kind, number, generation }));
		this.#gone = [
			...this.#gone,
			...goneOf("disks", this.#disks.takeGone(generation)),
			...goneOf("links", this.#links.takeGone(generation)),
			...goneOf("initiators", this.#initiators.takeGone(generation)),
		];
	}

	/** Keeps so many in mind. */
	#forgetGone(): void {
		const forgotten = this.#gone.at(-GONE_MAX - 1);
		if (forgotten === undefined) return;
		this.#forgotten = forgotten.generation;
		this.#gone = this.#gone.filter(({ generation }) => generation > forgotten.generation);
	}

	#namesFor({ since, disks, links, initiators }: Answer, isWhole: boolean): FigureNames {
		const goneOf = (wanted: Thing): number[] =>
			isWhole
				? []
				: this.#gone
						.filter(({ kind, generation }) => kind === wanted && generation > since)
						.map(({ number }) => number);
		const gone = { disks: goneOf("disks"), links: goneOf("links"), initiators: goneOf("initiators") };
		return { isWhole, disks, links, initiators, gone };
	}

	readonly #next = (): number => {
		this.#numbers += 1;
		return this.#numbers;
	};
}

function sumOf(numbers: readonly number[]): number {
	return numbers.reduce((sum, number) => sum + number, 0);
}

function totalOf(counts: IoCounts): number {
	const { reads, readBytes, writes, writtenBytes, flushes, trims, errors, resends } = counts;
	return reads + readBytes + writes + writtenBytes + flushes + trims + errors + resends;
}

function columnsOf(counts: IoCounts, underWay: number, { lastSeenMs }: Track): number[] {
	const { reads, readBytes, writes, writtenBytes, flushes, trims, errors, resends } = counts;
	return [reads, readBytes, writes, writtenBytes, flushes, trims, errors, resends, underWay, lastSeenMs];
}

function writeLatencies(writer: FigureWriter, of: Thing, number: number, latencies: Latencies): void {
	for (const [kind, histogram] of latencies.of.entries())
		if (histogram !== null) writer.latency(of, number, kind, histogram.sumUs, histogram.counts);
}
