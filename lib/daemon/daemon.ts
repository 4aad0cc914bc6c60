/**
 * The daemon: takes specs and makes them so. Disks and exports come, change and go while the others serve. This is the only place
 * where the rooms below are put together: disks are opened by the table in `openers.ts`, exported by the table of exporters
 * below. Started by `start.ts`, and in a worker by `worker.ts`; one pump, one storage engine, any number of disks.
 */

import { endWithin } from "../block/close.js";
import type { Disk } from "../disk.js";
import { OperatorError } from "../errors.js";
import type { Log } from "../log.js";
import type { PoolHome } from "../pool/openings.js";
import { Pump } from "../pump.js";
import type { DiskSpec, ExportSpec, ListenSpec } from "../spec/spec.js";
import { quote } from "../text.js";
import { SECTOR_BYTES } from "../wire/sector.js";
import { type AddedSpec, Adding, worstOf } from "./adding.js";
import { inClosingOrder } from "./compounds.js";
import type { DaemonOptions, Exported } from "./daemon-options.js";
import { type DiskEnd, Disks, type Opening } from "./disks.js";
import type { Exporter } from "./exporter.js";
import { type Additions, additionsOf, type Exporters, makeExporters } from "./exporters.js";
import { activityOf, type Collected, FigureCollector, figureSources } from "./figures.js";
import { Mirrors } from "./mirrors.js";
import type { NbdExporter } from "./nbd-exporter.js";
import { type DiskReport, diskReports, type WorkerReport, workerReport } from "./state.js";
import { Tls } from "./tls.js";

/** How long requests under way on a disk that is removed may take. */
const REMOVE_LIMIT_MS = 5000;
const STOPPING = "vblade is stopping; nothing can be added any more";

export class Daemon {
	readonly #log: Log;
	readonly #pump = new Pump();
	readonly #disks: Disks;
	readonly mirrors: Mirrors;
	readonly chunkPools: Disks["chunkPools"];
	readonly #exporters: Exporters;
	readonly #figures: FigureCollector;
	readonly #exports = new Map<string, ExportSpec>();
	readonly #adding = new Set<Adding>();
	readonly tls = new Tls();
	#closing: Promise<DiskEnd> | null = null;

	constructor(options: DaemonOptions) {
		const { log, version, open, openPast } = options;
		this.#log = log;
		const pump = this.#pump;
		const onResized = (disk: Disk): void => {
			for (const exporter of Object.values(this.#exporters)) exporter.resized(disk);
		};
		const onMoved = (disk: Disk): void => {
			for (const exporter of Object.values(this.#exporters)) exporter.moved(disk);
		};
		this.#disks = new Disks({ pump, log, version, onResized, onMoved, tls: this.tls, ...(open && { open }) });
		[this.mirrors, this.chunkPools] = [new Mirrors(this.#disks), this.#disks.chunkPools];
		const past = { home: this.poolHome, open: openPast, disks: this.#disks };
		this.#exporters = makeExporters(options, { pump, tls: this.tls, past });
		this.#figures = new FigureCollector(figureSources(this.#disks, this.#exporters));
	}

	/**
	 * Adds all of these, or nothing: throws an OperatorError then, with everything given back. Who is served meanwhile does not
	 * notice, however long a disk takes to be opened.
	 * @param opened called when everything is open, and nothing of it served
	 */
	async add(spec: AddedSpec, opened: () => void = () => {}): Promise<void> {
		const additions = this.#plan(spec);
		const adding = new Adding(spec);
		this.#adding.add(adding);
		const added = this.#add(adding, additions, opened);
		adding.ended = added
			.catch(() => {})
			.finally(() => {
				this.#adding.delete(adding);
			});
		await added;
	}

	async #add(adding: Adding, additions: Additions, opened: () => void): Promise<void> {
		const { spec, exports } = adding;
		const wanted = new Map(spec.disks.map((disk) => [disk.name, disk]));
		const open = async (disk: DiskSpec): Promise<void> => {
			wanted.delete(disk.name);
			await adding.opens(this.#disks.open(disk));
			adding.refuseIfCalledOff();
		};
		try {
			for (const each of spec.exports) {
				const addition = additions[each.protocol];
				await addition.prepare(each);
				exports.push(each);
				adding.refuseIfCalledOff();
				const disk = wanted.get(each.disk);
				if (disk !== undefined) await open(disk);
				addition.add(each, this.#disks.get(each.disk));
			}
			for (const disk of wanted.values()) await open(disk);
			opened();
			await Promise.all(Object.values(additions).map((addition) => addition.serve()));
			adding.refuseIfCalledOff();
			for (const each of exports) this.#exports.set(each.name, each);
		} catch (error) {
			await this.#takeAway(exports.splice(0), adding.disks, REMOVE_LIMIT_MS);
			throw error;
		}
	}

	/** Resolves when they have given everything back, or after `limitMs`. */
	async #callOff(addings: readonly Adding[], why: OperatorError, limitMs: number): Promise<DiskEnd> {
		for (const adding of addings) {
			adding.callOff(why);
			// So that nobody is asked about their addresses any longer.
			for (const { name, protocol } of adding.exports) this.#exporters[protocol].withdraw(name);
		}
		const ended = Promise.all(addings.map((adding) => adding.ended));
		return (await endWithin(ended, limitMs)) === "abandoned" ? "opening" : "closed";
	}

	#plan({ exports, links }: AddedSpec): Additions {
		this.#refuseIfClosing();
		return additionsOf(this.#exporters, exports, links);
	}

	#refuseIfClosing(): void {
		if (this.#closing !== null) throw new OperatorError(STOPPING);
	}

	/** Where clients of NBD and iSCSI connect from now on, for exports that have no sockets of their own. */
	listen(listen: ListenSpec): void {
		this.#exporters.nbd.listen(listen);
		this.#exporters.iscsi.listen(listen);
	}

	/**
	 * Changes an export while it is served: MAC mask, buffer count, config string. Throws an OperatorError if it is not there, or
	 * shall be another one; then it has to be removed, and added as it shall be.
	 */
	change(spec: ExportSpec): void {
		const { name, protocol } = this.#exportOf(spec.name);
		const exporter: Exporter = this.#exporters[protocol];
		if (protocol !== spec.protocol || !exporter.change(spec))
			throw new OperatorError(
				`export ${quote(name)}: only the MAC mask, the buffer count and the config string of AoE, or whom NBD and iSCSI let in, can be changed while it is served`,
			);
		this.#exports.set(name, spec);
	}

	/**
	 * Changes the limit of a disk, or how a mirror goes about it, while it is served, for those that wait for it too. Throws an OperatorError if there is none of
	 * this name, or anything else about it shall be another one; then it has to be removed, and added as it shall be.
	 */
	changeDisk(spec: DiskSpec): void {
		if (!this.#disks.change(spec))
			throw new OperatorError(
				`disk ${quote(spec.name)}: only its limit, and the pace of a mirror, can be changed while it is served`,
			);
	}

	/** Its disk stays. What is under way is answered first. Throws an OperatorError if there is none of this name. */
	async removeExport(name: string, limitMs?: number): Promise<void> {
		const spec = this.#exportOf(name);
		this.#exports.delete(name);
		await this.#exporters[spec.protocol].remove(name, limitMs);
	}

	/** As `removeExport`, at once: what is under way is not answered either. */
	async fenceExport(name: string): Promise<void> {
		const { protocol } = this.#exportOf(name);
		this.#exports.delete(name);
		this.#exporters[protocol].fence(name);
		await this.#exporters[protocol].remove(name, 0);
	}

	/**
	 * Removes a disk with all its exports, when what is under way has been answered; adding that has to do with it fails. One that
	 * hangs is abandoned after `limitMs`: its requests are never answered, and what it holds is not given back while it hangs. So
	 * is one that is still `opening` then. Throws an OperatorError if there is none of this name.
	 */
	async removeDisk(name: string, limitMs = REMOVE_LIMIT_MS): Promise<DiskEnd> {
		const disk = this.#disks.find(name);
		const addings = [...this.#adding].filter((adding) => adding.concerns(name));
		if (disk === undefined && !addings.some((adding) => adding.adds(name)))
			throw new OperatorError(`disk ${quote(name)}: there is none of this name`);
		const exports = [...this.#exports.values()].filter((each) => each.disk === name);
		for (const each of exports) this.#exports.delete(each.name);
		const why = new OperatorError(`disk ${quote(name)}: removed while it was being added`);
		const end = worstOf(
			await Promise.all([
				this.#callOff(addings, why, limitMs),
				this.#takeAway(exports, disk === undefined ? [] : [disk], limitMs),
			]),
		);
		const late = `disk ${quote(name)}: its storage did not finish within ${limitMs / 1000} s, and is left alone`;
		if (end === "abandoned") this.#log.error(`${late}: requests that it has begun are not answered`);
		const opening = `disk ${quote(name)}: it is still being opened after ${limitMs / 1000} s, and is left alone`;
		if (end === "opening") this.#log.error(`${opening}: it is closed when that has come to an end`);
		return end;
	}

	/** Exports go with their disks: first nothing more is taken, in the end nothing is left. */
	async #takeAway(
		exports: readonly ExportSpec[],
		disks: readonly Opening[],
		limitMs?: number,
	): Promise<DiskEnd> {
		for (const { name, protocol } of exports) this.#exporters[protocol].withdraw(name);
		const ends = await Promise.all(
			inClosingOrder(disks).map(async (disk) => {
				const end = await this.#disks.close(disk, limitMs);
				if (end === "abandoned")
					for (const each of exports)
						if (each.disk === disk.name) this.#exporters[each.protocol].fence(each.name);
				return end;
			}),
		);
		// Answers of the last requests.
		this.#pump.run();
		await Promise.all(exports.map(({ name, protocol }) => this.#exporters[protocol].remove(name)));
		return worstOf(ends);
	}

	/** Stops answering, waits for what is under way, `others` of its storage included, at most `limitMs`, and gives everything back. */
	close(limitMs?: number, others?: Promise<DiskEnd>): Promise<DiskEnd> {
		this.#closing ??= this.#closeInOrder(limitMs, others);
		return this.#closing;
	}

	async #closeInOrder(limitMs = Infinity, others?: Promise<DiskEnd>): Promise<DiskEnd> {
		const calledOff = this.#callOff([...this.#adding], new OperatorError(STOPPING), limitMs);
		for (const exporter of Object.values(this.#exporters)) exporter.stop();
		const exports = [...this.#exports.values()];
		this.#exports.clear();
		const given = this.#takeAway(exports, this.#disks.all(), limitMs);
		const other = endWithin(others ?? Promise.resolve<DiskEnd>("closed"), limitMs);
		const ends = await Promise.all([calledOff, given, other]);
		this.#disks.end();
		this.tls.close();
		return worstOf(ends);
	}

	/** Who reads what volumes were. */
	get pasts(): Pick<NbdExporter, "readsPast" | "leavePasts"> {
		return this.#exporters.nbd;
	}

	get poolHome(): PoolHome {
		return { engine: this.#disks.engine, pump: this.#pump, ...this.chunkPools.home };
	}

	get exported(): Exported[] {
		return [...this.#exports.values()].map(({ disk }) => {
			const { name, device } = this.#disks.get(disk);
			return { name, sectors: device.info.sizeBytes / SECTOR_BYTES, readOnly: device.info.readOnly };
		});
	}

	/** What was counted since that generation, which the asker was told last, in the form of `figures-frame.ts`; 0: all. */
	figures(since: number): Promise<Collected> {
		return this.#figures.collect(since);
	}

	/** Another number whenever something has come, gone, changed or been counted. */
	get activity(): number {
		return activityOf(this.#disks, this.#exporters);
	}

	/** How things stand with all disks, or with some; a batch for each turn of the loop. */
	diskReports(names?: ReadonlySet<string>): AsyncIterable<readonly DiskReport[]> {
		return diskReports(this.#disks, this.#exporters, names);
	}

	/** How things stand with the links, and with this process. */
	workerReport(): WorkerReport {
		return workerReport(this.#disks, this.#exporters);
	}

	/** What has been counted since the start, a line each. */
	report(): string[] {
		return this.#disks.reportAround(Object.values(this.#exporters).flatMap((exporter) => exporter.report()));
	}

	#exportOf(name: string): ExportSpec {
		const spec = this.#exports.get(name);
		if (spec === undefined) throw new OperatorError(`export ${quote(name)}: there is none of this name`);
		return spec;
	}
}
