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
import { countsOf, diskFigures, linkView, NOTHING_MEASURED, operationsOf, viewOf } from "./look-parts.js";
import { OPERATIONS } from "./model.js";
import type { InitiatorFigures, LinkView, Look, MeasuredByOperation } from "./seams.js";

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

export class Onlooker {
	readonly #disks = new Map<number, Thing<FigureRow<"disks">>>();
	readonly #links = new Map<number, Thing<FigureRow<"links">>>();
	readonly #askers = new Map<number, Asker>();
	/** By MAC address and link, whatever disks they use. */
	#initiators = new Map<string, InitiatorFigures>();
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
		};
	}

	#name({ isWhole, disks, links, initiators, gone }: FigureNames): void {
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
		for (const number of gone.initiators) this.#askers.delete(number);
		if (isWhole || gone.initiators.length > 0) this.#initiators = new Map();
	}

	#measure({ of, number, kind, sumSeconds, counts }: FigureLatency): void {
		const operation = OPERATIONS.find((each) => BlockOp[each] === kind);
		if (operation === undefined || of === "worker") return;
		const thing = { disks: this.#disks, links: this.#links, initiators: this.#askers }[of].get(number);
		if (thing !== undefined) thing.latency = { ...thing.latency, [operation]: { counts, sumSeconds } };
	}

	/** Those initiators anew of whom something has changed. */
	#regroup(changed: ReadonlySet<number>): void {
		const groups = new Map<string, Asker[]>();
		const stale = new Set<string>();
		for (const [number, asker] of this.#askers) {
			const key = `${asker.name} ${asker.link}`;
			const group = groups.get(key);
			if (group === undefined) groups.set(key, [asker]);
			else group.push(asker);
			if (changed.has(number) || !this.#initiators.has(key)) stale.add(key);
		}
		for (const key of stale) {
			const group = groups.get(key) ?? [];
			const link = this.#links.get(group[0]?.link ?? -1)?.name ?? "";
			const disks = group.flatMap(({ disk }) => this.#disks.get(disk)?.name ?? []);
			const onDisk = (name: string): ReturnType<InitiatorFigures["onDisk"]> => {
				const asker = group.find(({ disk }) => this.#disks.get(disk)?.name === name);
				if (asker === undefined) return undefined;
				const before = { row: asker.rowBefore, latency: asker.latencyBefore };
				return { now: countsOf([asker]), before: countsOf([before]) };
			};
			const mac = group[0]?.name ?? "";
			this.#initiators.set(key, { mac, link, disks, ...countsOf(group), onDisk });
		}
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
