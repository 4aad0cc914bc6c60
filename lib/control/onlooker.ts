/**
 * What one worker tells of itself, put together: rows of numbers whose names were told once, and how disks and links stand, become the
 * `Look` that `observed.ts` takes. Keeps what was told before, for only what has changed is told again. One for each life of a worker;
 * used by whoever puts a channel behind `Workers`.
 */

import { BlockOp } from "../block/request.js";
import {
	type FigureLatency,
	type FigureNames,
	type FigureRow,
	readFigures,
} from "../daemon/figures-frame.js";
import type { DiskReport, LinkReport, WorkerReport } from "../daemon/state.js";
import { formatMac } from "../wire/mac.js";
import {
	countsOf,
	diskFigures,
	joined,
	linkView,
	loginsOf,
	NOTHING_MEASURED,
	operationsOf,
	refusalsOf,
	viewOf,
} from "./look-parts.js";
import { OPERATIONS } from "./model.js";
import { type PastAsker, PastAskers } from "./past-askers.js";
import type { InitiatorCounts, InitiatorFigures, LinkView, Look, MeasuredByOperation } from "./seams.js";

/** A disk, a link, or an initiator of one disk on one link: what it is called, and what was last told of it. */
export interface Thing<Row> {
	readonly name: string;
	row: Row | undefined;
	latency: MeasuredByOperation;
}

/** `name` is its MAC address. */
export interface Asker extends Thing<FigureRow<"initiators">> {
	/** Numbers of both. */
	readonly disk: number;
	readonly link: number;
	/** What it has asked for since the last look. */
	operations: number;
	/** As of the look before. */
	rowBefore: FigureRow<"initiators"> | undefined;
	latencyBefore: MeasuredByOperation;
}

/** One MAC address on one link. */
interface Group {
	readonly mac: string;
	readonly link: string;
	readonly askers: Asker[];
	readonly past: PastAsker[];
}

export class Onlooker {
	readonly #disks = new Map<number, Thing<FigureRow<"disks">>>();
	readonly #links = new Map<number, Thing<FigureRow<"links">>>();
	readonly #askers = new Map<number, Asker>();
	/** By MAC address and link, whatever disks they use. */
	#initiators = new Map<string, InitiatorFigures>();
	readonly #past = new PastAskers();
	#generation = 0;

	constructor(
		readonly worker: number,
		/** Another one each time the worker is started. */
		readonly life: number,
	) {}

	/** What the worker is to be asked for next. */
	get since(): number {
		return this.#generation;
	}

	/** @param reports of those disks that have been asked for: the others stand as they did */
	take(names: FigureNames, frame: Float64Array, reports: readonly DiskReport[], report: WorkerReport): Look {
		const { generation, disks, links, initiators, latencies } = readFigures(frame);
		this.#generation = generation;
		const leaving = new Set(names.gone.initiators);
		// What they did last stays, too.
		setRows(
			this.#askers,
			initiators.filter(({ number }) => leaving.has(number)),
		);
		for (const latency of latencies)
			if (latency.of === "initiators" && leaving.has(latency.number)) this.#measure(latency);
		this.#name(names);
		for (const asker of this.#askers.values()) {
			asker.operations = 0;
			asker.rowBefore = asker.row;
			asker.latencyBefore = asker.latency;
		}
		for (const row of initiators) {
			const asker = this.#askers.get(row.number);
			if (asker !== undefined) asker.operations = operationsOf(row) - operationsOf(asker.row);
		}
		setRows(this.#disks, disks);
		setRows(this.#links, links);
		setRows(this.#askers, initiators);
		for (const latency of latencies) this.#measure(latency);
		if (isNews(names) || initiators.length > 0)
			this.#regroup(new Set(initiators.map(({ number }) => number)));
		const busiest = this.#busiest();
		return {
			worker: this.worker,
			life: this.life,
			figures: disks.flatMap(({ number }) => {
				const disk = this.#disks.get(number);
				return disk?.row ? diskFigures(disk.name, disk.row, disk.latency, busiest.get(number) ?? null) : [];
			}),
			views: reports.map(viewOf),
			links: report.links.map((link) => this.#link(link)),
			linkOptions: report.links.map(({ name, pollUs, xdp }) => ({ name, pollUs, xdp })),
			initiators: [...this.#initiators.values()],
			unheard: report.unheard,
			nbdTls: refusalsOf(report.nbdTls),
			iscsi: loginsOf(report.iscsi),
		};
	}

	#name({ isWhole, disks, links, initiators, gone }: FigureNames): void {
		const known = new Set(initiators.map(({ number }) => number));
		const leaving = isWhole
			? [...this.#askers.keys()].filter((number) => !known.has(number))
			: gone.initiators;
		for (const number of leaving) this.#leaves(number);
		if (isWhole) for (const things of [this.#disks, this.#links, this.#askers]) things.clear();
		const untold = { row: undefined, latency: NOTHING_MEASURED };
		for (const { number, name } of disks) this.#disks.set(number, { name, ...untold });
		for (const { number, name } of links) this.#links.set(number, { name, ...untold });
		for (const { number, mac, disk, link } of initiators)
			this.#askers.set(number, {
				name: formatMac(mac),
				disk,
				link,
				operations: 0,
				rowBefore: undefined,
				latencyBefore: NOTHING_MEASURED,
				...untold,
			});
		for (const number of gone.disks) this.#disks.delete(number);
		for (const number of gone.links) this.#links.delete(number);
		if (isWhole || gone.initiators.length > 0) this.#initiators = new Map();
	}

	/** What it did stays, under names. */
	#leaves(number: number): void {
		const asker = this.#askers.get(number);
		this.#askers.delete(number);
		const disk = asker && this.#disks.get(asker.disk)?.name;
		if (asker === undefined || disk === undefined) return;
		const link = this.#links.get(asker.link)?.name ?? "";
		this.#past.add({ mac: asker.name, link, disk, counts: countsOf([asker]) });
	}

	/** The disk is gone for good, and whoever has used it. */
	forget(disk: string): void {
		this.#past.forget(disk);
		for (const [number, asker] of this.#askers)
			if (this.#disks.get(asker.disk)?.name === disk) this.#askers.delete(number);
		this.#initiators = new Map();
		this.#regroup(new Set());
	}

	#measure({ of, number, kind, sumSeconds, counts }: FigureLatency): void {
		const operation = OPERATIONS.find((each) => BlockOp[each] === kind);
		if (operation === undefined || of === "worker") return;
		const thing = { disks: this.#disks, links: this.#links, initiators: this.#askers }[of].get(number);
		if (thing !== undefined) thing.latency = { ...thing.latency, [operation]: { counts, sumSeconds } };
	}

	/** Those initiators anew of whom something has changed. */
	#regroup(changed: ReadonlySet<number>): void {
		const groups = new Map<string, Group>();
		const stale = new Set<string>();
		const groupOf = (mac: string, link: string): Group => {
			const key = `${mac} ${link}`;
			if (!this.#initiators.has(key)) stale.add(key);
			const group = groups.get(key) ?? { mac, link, askers: [], past: [] };
			groups.set(key, group);
			return group;
		};
		for (const [number, asker] of this.#askers) {
			const link = this.#links.get(asker.link)?.name ?? "";
			groupOf(asker.name, link).askers.push(asker);
			if (changed.has(number)) stale.add(`${asker.name} ${link}`);
		}
		for (const asker of this.#past.all()) groupOf(asker.mac, asker.link).past.push(asker);
		for (const key of stale) {
			const group = groups.get(key);
			if (group !== undefined) this.#initiators.set(key, this.#figuresOf(group));
		}
	}

	#figuresOf({ mac, link, askers, past }: Group): InitiatorFigures {
		const nameOf = ({ disk }: Asker): string | undefined => this.#disks.get(disk)?.name;
		const disks = new Set([
			...askers.flatMap((asker) => nameOf(asker) ?? []),
			...past.map(({ disk }) => disk),
		]);
		const pastOn = (name: string): InitiatorCounts[] =>
			past.flatMap(({ disk, counts }) => (disk === name ? [counts] : []));
		const onDisk = (name: string): ReturnType<InitiatorFigures["onDisk"]> => {
			if (!disks.has(name)) return undefined;
			const own = askers.filter((asker) => nameOf(asker) === name);
			const before = own.map(({ rowBefore, latencyBefore }) => ({ row: rowBefore, latency: latencyBefore }));
			return {
				now: joined([countsOf(own), ...pastOn(name)]),
				before: joined([countsOf(before), ...pastOn(name)]),
			};
		};
		const counts = joined([countsOf(askers), ...past.map((each) => each.counts)]);
		return { mac, link, disks: [...disks], ...counts, onDisk };
	}

	/** Who has asked most of each disk, by the disk's number. */
	#busiest(): ReadonlyMap<number, string> {
		const most = new Map<number, Asker>();
		for (const asker of this.#askers.values())
			if (asker.operations > (most.get(asker.disk)?.operations ?? 0)) most.set(asker.disk, asker);
		return new Map([...most].map(([disk, { name }]) => [disk, name]));
	}

	#link(report: LinkReport): LinkView {
		for (const { name, row, latency } of this.#links.values())
			if (name === report.name) return linkView(report, row, latency);
		return linkView(report, undefined, NOTHING_MEASURED);
	}
}

/** Who uses what may be another than before. */
function isNews({ isWhole, disks, initiators, gone }: FigureNames): boolean {
	return isWhole || disks.length + initiators.length + gone.disks.length + gone.initiators.length > 0;
}

function setRows<Row extends { readonly number: number }>(
	things: ReadonlyMap<number, Thing<Row>>,
	rows: readonly Row[],
): void {
	for (const row of rows) {
		const thing = things.get(row.number);
		if (thing !== undefined) thing.row = row;
	}
}
