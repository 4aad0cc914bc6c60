/**
 * Exports disks over iSCSI: targets and their LUNs, who may log in to them, and the sockets (`sockets.ts`) from which whoever connects is handed
 * to the server (`lib/iscsi/`). One row of the table of exporters in `daemon.ts`.
 */

import type { Departures } from "../departures.js";
import type { Disk } from "../disk.js";
import { OperatorError } from "../errors.js";
import { IscsiServer } from "../iscsi/server.js";
import type { Log } from "../log.js";
import { nativeMemory } from "../native.js";
import { readChapSecret } from "../opener/chap-secrets.js";
import type { Pump } from "../pump.js";
import { LogicalUnit } from "../scsi/unit.js";
import type { IscsiExportSpec, ListenSpec, SocketSpec } from "../spec/spec.js";
import { quote } from "../text.js";
import type { Addition, Exporter } from "./exporter.js";
import type { IscsiAbsent } from "./iscsi-absent.js";
import { isAlike, unitOf } from "./iscsi-alike.js";
import { portalsOf } from "./iscsi-portals.js";
import { IscsiSecrets, type ReadChapSecret } from "./iscsi-secrets.js";
import type { IscsiReport, IscsiState } from "./iscsi-state.js";
import { ExportedTarget } from "./iscsi-target.js";
import { IscsiTold } from "./iscsi-told.js";
import { sensesOf, sessionState, troublesOf } from "./iscsi-words.js";
import { type OpenSocket, Sockets } from "./sockets.js";
import { type KeepUnitOf, UnitKeeping } from "./unit-keeping.js";

export interface IscsiExporterOptions {
	readonly log: Log;
	readonly pump: Pump;
	/** Measures how long commands take. */
	readonly departures?: Departures;
	/** Makes sockets of the process; by default it makes them itself. */
	readonly openSocket?: OpenSocket;
	/** What is configured and not served. */
	readonly absent?: IscsiAbsent;
	/** Keeps what outlives a restart, of disks that have no place for it themselves; by default nobody does. */
	readonly keep?: KeepUnitOf;
	/** Reads secrets; by default it opens the files itself. */
	readonly readSecret?: ReadChapSecret;
}

/** To initiators, who then try again. */
const STOPPING = "vblade is stopping";
/** Of one disk, with what they do; how many there are is told of all. */
const SESSIONS_TOLD = 64;

interface Entry {
	spec: IscsiExportSpec;
	/** Null: it has none yet. */
	disk: Disk | null;
}

export class IscsiExporter implements Exporter<IscsiExportSpec> {
	readonly #told: IscsiTold;
	readonly #server: IscsiServer;
	readonly #sockets: Sockets;
	readonly #secrets: IscsiSecrets;
	readonly #keeping: UnitKeeping;
	readonly #absent: IscsiAbsent | undefined;
	readonly #exports = new Map<string, Entry>();
	/** By name; each has a disk at least. */
	readonly #targets = new Map<string, ExportedTarget>();
	/** Targets whose last disk was withdrawn, until that is removed, by name of its export. */
	readonly #leaving = new Map<string, ExportedTarget>();
	/** Sockets of the process. */
	#common: readonly SocketSpec[] = [];
	#isStopped = false;
	/** How often an export has come, gone, or changed. */
	#changes = 0;

	constructor(options: IscsiExporterOptions) {
		const { log, pump, departures, openSocket, absent, readSecret = readChapSecret, keep } = options;
		this.#keeping = new UnitKeeping(keep);
		this.#absent = absent;
		this.#told = new IscsiTold(log);
		const used = () => [...this.#exports.values()].flatMap(({ spec: { chap } }) => chap ?? []);
		this.#secrets = new IscsiSecrets({ log, read: readSecret, used });
		this.#server = new IscsiServer({
			...{ pump, allocate: nativeMemory, ...(departures && { departures }) },
			portals: ({ local }) => portalsOf(local, this.#places()),
			absent: (name, initiator) => (this.#isStopped ? STOPPING : absent?.find(name, initiator)),
			onCrowded: (peer) => this.#told.crowded(peer),
			onShownNothing: (initiator, why) => this.#told.shownNothing(initiator, why),
			onRefused: (peer, login) => this.#told.refused(peer, login, this.#targets.get(login.targetName ?? "")),
			onBegin: (session) => this.#told.came(session),
			onEnd: (peer, session, why) => this.#told.went(peer, session, why),
		});
		this.#sockets = new Sockets({
			...{ log, protocol: "iscsi", accept: (stream) => this.#server.accept(stream) },
			...(openSocket && { open: openSocket }),
		});
		if (absent !== undefined) absent.onTold = () => void this.#sockets.begin([]);
	}

	/** Where initiators connect. */
	#places(): SocketSpec[] {
		const own = [...this.#exports.values()].flatMap(({ spec: { listen } }) => listen ?? []);
		return [...this.#common, ...own];
	}

	/** Initiators connect there from now on, for exports without sockets of their own. Who has connected stays. */
	listen({ iscsi }: ListenSpec): void {
		void this.#secrets.follow();
		this.#common = iscsi;
		void this.#sockets.follow(iscsi);
	}

	/** Why nobody can connect at some of those, log in, or use a disk. */
	get unheard(): readonly string[] {
		const failed = [...this.#exports.values()].flatMap(({ spec, disk }) =>
			disk === null ? [] : troublesOf(spec.disk, LogicalUnit.of(disk)),
		);
		return [...this.#sockets.wrong, ...this.#secrets.wrong.map((why) => `chap: ${why}`), ...failed];
	}

	plan(specs: readonly IscsiExportSpec[]): Addition<IscsiExportSpec> {
		const units = new Set([...this.#exports.values()].map(({ spec }) => unitOf(spec)));
		for (const spec of specs) {
			if (units.has(unitOf(spec)))
				throw new OperatorError(`target ${quote(spec.target)}: LUN ${spec.lun} is given twice`);
			units.add(unitOf(spec));
		}
		return {
			prepare: (spec) => this.#prepare(spec),
			add: (spec, disk) => this.#add(spec, disk),
			serve: () => this.#serve(specs),
		};
	}

	async #prepare(spec: IscsiExportSpec): Promise<void> {
		if (this.#exports.has(spec.name))
			throw new OperatorError(`export ${quote(spec.name)}: there is one of this name already`);
		this.#exports.set(spec.name, { spec, disk: null });
		const opened: SocketSpec[] = [];
		try {
			// (Those of an export with sockets of its own are read while they can be.)
			if (spec.chap !== undefined)
				await (spec.listen === undefined ? this.#secrets.begin(spec.chap) : this.#secrets.take(spec.chap));
			for (const each of spec.listen ?? []) {
				await this.#sockets.take(each);
				opened.push(each);
			}
		} catch (error) {
			this.#exports.delete(spec.name);
			for (const each of opened) await this.#sockets.giveBack(each);
			throw error;
		}
	}

	#add(spec: IscsiExportSpec, disk: Disk): void {
		this.#changes += 1;
		this.#exports.get(spec.name)!.disk = disk;
		this.#keeping.begin(spec, LogicalUnit.of(disk));
	}

	async #serve(specs: readonly IscsiExportSpec[]): Promise<void> {
		if (specs.length === 0) return;
		for (const { name } of specs) {
			const entry = this.#exports.get(name);
			if (entry?.disk) this.#begin(entry.spec, entry.disk);
		}
		await this.#sockets.begin(specs.flatMap(({ listen }) => listen ?? []));
	}

	#begin(spec: IscsiExportSpec, disk: Disk): void {
		const known = this.#targets.get(spec.target);
		const isAwaited = (lun: number) => this.#isStopped || this.#absent?.has(spec.target, lun) === true;
		const target = known ?? new ExportedTarget(spec.target, this.#secrets, isAwaited);
		target.add(spec, disk);
		if (known !== undefined) {
			// (It may be for fewer than the others are, until these are changed as well.)
			this.#server.recheck(target);
			return;
		}
		// (Who uses one of that name that is being closed would find no unit there.)
		for (const last of this.#leaving.values()) if (last.name === spec.target) this.#server.cutOff(last);
		this.#targets.set(spec.target, target);
		this.#server.add(target);
	}

	/** Who may log in, and what has to be proved: who may no longer is cut off. */
	change(spec: IscsiExportSpec): boolean {
		const entry = this.#exports.get(spec.name);
		if (entry === undefined || !entry.disk || !isAlike(entry.spec, spec)) return false;
		this.#changes += 1;
		entry.spec = spec;
		this.#secrets.forget();
		if (spec.chap !== undefined) void this.#secrets.begin(spec.chap);
		const target = this.#targets.get(spec.target);
		if (target?.has(spec.name)) {
			target.change(spec);
			this.#server.recheck(target);
		}
		return true;
	}

	resized(disk: Disk): void {
		for (const entry of this.#exports.values())
			if (entry.disk === disk) {
				const unit = LogicalUnit.of(disk);
				this.#keeping.follow(unit);
				unit.look();
			}
	}

	/** What is reserved is held there, and what size it has is known there. */
	moved(disk: Disk): void {
		this.resized(disk);
	}

	withdraw(name: string): void {
		const target = this.#targetOf(name);
		if (target === undefined) return;
		target.remove(name);
		if (!target.isEmpty) return;
		this.#server.retire(target);
		this.#targets.delete(target.name);
		this.#leaving.set(name, target);
	}

	fence(name: string): void {
		const target = this.#targetOf(name) ?? this.#leaving.get(name);
		this.withdraw(name);
		const disk = this.#exports.get(name)?.disk;
		if (disk) LogicalUnit.of(disk).sanitization.stop();
		if (target === undefined) return;
		this.#server.cutOff(target);
		// (Who uses other disks of it comes again.)
		if (!target.isEmpty) this.#server.add(target);
	}

	async remove(name: string): Promise<void> {
		const entry = this.#exports.get(name);
		if (entry === undefined) return;
		this.#changes += 1;
		this.withdraw(name);
		if (entry.disk !== null) this.#keeping.end(LogicalUnit.of(entry.disk));
		this.#exports.delete(name);
		this.#secrets.forget();
		const last = this.#leaving.get(name);
		this.#leaving.delete(name);
		if (last !== undefined) this.#server.cutOff(last);
		for (const each of entry.spec.listen ?? []) await this.#sockets.giveBack(each);
	}

	#targetOf(name: string): ExportedTarget | undefined {
		const target = this.#targets.get(this.#exports.get(name)?.spec.target ?? "");
		return target?.has(name) ? target : undefined;
	}

	/** What those who have logged in have asked for is carried out, and nothing else. */
	stop(): void {
		this.#isStopped = true;
		this.#server.quieten();
		this.#sockets.close();
		this.#secrets.close();
		this.#told.close();
		for (const target of this.#targets.values()) this.#server.retire(target);
	}

	/** Another number whenever somebody has come, gone, or asked for anything. */
	get activity(): number {
		return this.#server.activity + this.#changes + this.#told.refusals.total;
	}

	/** What the disk is served as, and to whom; null: it is not served. */
	stateOf(disk: string): IscsiState | null {
		for (const { spec } of this.#exports.values()) {
			if (spec.disk !== disk) continue;
			const target = this.#targetOf(spec.name);
			if (target === undefined) return null;
			const sessions = [...this.#server.sessions.all()].filter(({ of }) => of === target);
			const { lun, removable } = spec;
			const { name, refused, unavailable } = target;
			const told = sessions.slice(0, SESSIONS_TOLD).map(sessionState);
			const state = { target: name, lun, removable, refused, unavailable };
			return { ...state, sessionCount: sessions.length, sessions: told };
		}
		return null;
	}

	get state(): IscsiReport {
		const { sessions, broken } = this.#server;
		return {
			...this.#told.refusals.report,
			errors: sensesOf(sessions.failures),
			headerDigestErrors: broken.header,
			dataDigestErrors: broken.data,
		};
	}

	report(): string[] {
		if (this.#exports.size === 0) return [];
		const sessions = [...this.#server.sessions.all()].length;
		return [`iscsi: sessions ${sessions}, logins refused ${this.#told.refusals.total}`];
	}
}
